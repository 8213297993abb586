"""Quiet times: ordinary rounds are held back in the outbox; when the quiet is over one message tells of them all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from trainwatch_core.decision.posting import hushed_until, story
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.world import World
from trainwatch_core.model.change import Change, OutboxRow, Outgoing
from trainwatch_core.model.message import Body, Picture, Report
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.report.catchup import compose_catchup

_TOLD = "It was told in the overview of the quiet time"


def hush(world: World, watch: Watch) -> datetime | None:
    """Until when ordinary rounds of a watch are held back; None if they are not."""
    return hushed_until(watch, world.clock.now(), world.quiet)


def held_back(world: World, watch: Watch) -> tuple[tuple[str, Body], ...]:
    """The overview of what is held back of a watch, by its key; nothing if nothing is.

    Its key is that of the first round that is held back: told by whoever comes first, and never twice.
    """
    numbers = [row.body.round_number for row in world.store.held(only={watch.id}) if isinstance(row.body, Report)]
    if not numbers:
        return ()
    newest = world.store.rounds(watch.id, limit=1)[-1].number
    rounds = world.store.rounds(watch.id, limit=newest - numbers[0] + 2)
    rounds = [round_ for round_ in rounds if round_.number <= numbers[-1]]
    return ((f"quiet/{numbers[0]}", compose_catchup(watch, rounds, story(rounds))),)


class Quieting:
    """Tells what was held back when the quiet is over.

    Args:
        world: What the engine works with.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def sweep(self, only: Collection[str] | None) -> None:
        """Tell of every watch whose quiet is over, which follows from the rows and the clock, each time anew."""
        held: dict[str, list[OutboxRow]] = defaultdict(list)
        for row in self._world.store.held(only=only):
            held[row.watch_id].append(row)
        for watch_id, rows in held.items():
            watch = self._world.store.watch(watch_id)
            if hush(self._world, watch) is None:
                self._tell(watch, rows)

    def _tell(self, watch: Watch, rows: list[OutboxRow]) -> None:
        store = self._world.store
        overview = held_back(self._world, watch)
        single = sum(isinstance(row.body, Report) for row in rows) <= 1 and watch.state is not WatchState.ENDED
        if single or not overview:
            # One look needs no overview: it is posted as it is.
            for row in rows:
                store.delivered(replace(row, held=False))
            return
        pictures = [row.body for row in rows if isinstance(row.body, Picture)]
        bodies = [*overview, *((f"{overview[0][0]}/picture", picture) for picture in pictures[-1:])]
        outbox = tuple(OutboxRow(f"{watch.id}/{key}", watch.id, body) for key, body in bodies)
        change(store, watch.id, lambda now: Change(now, outbox=outbox))
        self._world.reach("quiet.told")
        # The first one last: as long as it is held back, the overview has the same key.
        for row in reversed(rows):
            store.delivered(replace(row, state=Outgoing.DROPPED, held=False, problem=_TOLD))
