"""An engine in memory that watches one finished run again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from trainwatch_core import registry
from trainwatch_core.adapters.late_painter import LatePainter
from trainwatch_core.adapters.rehearsal import Idle, Listener, SetClock
from trainwatch_core.adapters.sources.recorded import RecordedSource
from trainwatch_core.adapters.stores.memory import MemoryStore
from trainwatch_core.backtesting.cases import Case
from trainwatch_core.decision.authority import Rules
from trainwatch_core.engine import replaying
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.watches import Registration
from trainwatch_core.engine.world import Terms, World
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.message import Body
from trainwatch_core.model.round import Round
from trainwatch_core.ports import Source

Heard = tuple[Body, bytes | None]
"""A message and, of a picture, its PNG."""
_REHEARSAL = Actor(ActorKind.LOCAL, "replay")
"""Who registers the watches of a replay."""


def rounds_of(case: Case, count: int, *, paint: bool = False) -> Iterator[tuple[Round, list[Heard]]]:
    """The rounds of a replay, each with the messages that its front end would have shown."""
    clock, source = SetClock(), RecordedSource(case.recording)
    heard: list[Heard] = []
    looks = replaying.moments(case.recording.times, count, case.until)
    engine = _rehearse(source, clock, lambda body, png: heard.append((body, png)), paint=paint)

    def show(moment: replaying.Moment) -> None:
        clock.set(datetime.fromtimestamp(moment.at, UTC))
        source.shown = moment.rows

    show(looks[0])
    watch = engine.watches.register(
        Registration(case.run, _REHEARSAL, "replay", case.context, case.policy, case.context)
    )
    for done in replaying.replay(engine, watch, looks, show):
        yield done, heard
        heard.clear()


def _rehearse(source: Source, clock: SetClock, hear: Callable[[Body, bytes | None], None], *, paint: bool) -> Engine:
    """It stops, keeps and writes nothing; pictures are painted if somebody wants them."""
    idle = Idle()
    world = World(
        store=MemoryStore(),
        clock=clock,
        dispatcher=idle,
        notifier=Listener(clock, hear),
        painter=LatePainter() if paint else idle,
        locker=idle,
        notebook=idle,
        sources=lambda _watch: (source,),
        stopper=lambda _watch: None,
        checks=registry.CHECKS,
        rules=Rules(local_user=_REHEARSAL.id),
        terms=Terms(),
        exclusive=lambda _name: contextlib.nullcontext(enter_result=True),
        owner="replay",
    )
    return Engine(world)
