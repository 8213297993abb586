"""The day of all watches, from what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from trainwatch_core.engine.standing import Standing
from trainwatch_core.engine.world import Terms
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.message import Look
from trainwatch_core.model.round import Cursor
from trainwatch_core.model.run import RunInfo, RunKind, RunRef, RunState
from trainwatch_core.model.series import History, Rows
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.digest import Digest
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.worlds import ANA, BROKEN, FakeWorld

_HALVES = (slice(50), slice(50, 100))


def day(world: FakeWorld, since: datetime) -> Digest:
    """The day of everything."""
    return Standing(world.engine.world).day(since, mine=lambda _watch: True, link=lambda watch: f"at {watch.id}")


def falling(info: RunInfo) -> ScriptedSource:
    """A run whose loss falls to 2.0 at step 60 and rises a little after it, one step a second, of 1,000 planned."""
    steps = np.arange(100.0)
    values = 2.0 + np.abs(steps - 60) / 100
    return ScriptedSource([{"train/loss": Rows.of(steps[part], values[part], steps[part])} for part in _HALVES], info)


def test_latest_and_best_values_and_the_thread_are_told() -> None:
    """The latest with its little curve, the best with where it was."""
    world = FakeWorld(source=falling(RunInfo(name="resnet50", state=RunState.RUNNING)))
    watch = world.watch()
    world.rounds(2)
    (entry,) = day(world, world.clock.now()).well
    assert entry.card.look is Look.HEALTHY
    assert entry.card.metrics[0].now == "train/loss 2.39"
    assert entry.best == ("train/loss 2 at step 60",)
    assert entry.link == f"at {watch.id}"


def test_what_a_stop_saved_is_told_in_hours_and_money() -> None:
    """900 of 1,000 steps were left, one a second; an hour costs 40."""
    world = FakeWorld(
        source=falling(RunInfo(name="resnet50", state=RunState.RUNNING, planned_steps=1000.0)),
        terms=Terms(cost_per_hour=40.0, currency="USD"),
    )
    begin = world.clock.now()
    watch = world.watch()
    world.findings = BROKEN
    world.rounds(2, seconds=601)
    (request,) = world.store.requests(watch_id=watch.id)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.tick()
    told = day(world, begin)
    assert round(told.saving.seconds) == 901
    assert str(told.saving) == "about 15 min, about 10 USD"
    ((entry, words),) = told.over
    assert entry.card.look is Look.STOPPED
    assert "decided by local:ana" in words
    assert not told.answers


def test_what_was_told_yesterday_is_not_told_today() -> None:
    """A run that ended, a question that was declined: once."""
    world = FakeWorld()
    begin = world.clock.now()
    first = world.watch()
    second = world.watch(run=RunRef(RunKind.WANDB, "lab/vision/r2"))
    world.findings = BROKEN
    world.rounds(2, seconds=601)
    (request,) = world.store.requests(watch_id=second.id)
    world.engine.stops.decide(request.id, ANA, approve=False)
    other = world.store.requests(watch_id=first.id)[0]
    world.engine.stops.decide(other.id, ANA, approve=False)
    world.engine.watches.end(first.id, ANA)
    told = day(world, begin)
    assert [entry.card.look for entry, _ in told.over] == [Look.ENDED]
    assert {r.state for _, r in told.answers} == {RequestState.DECLINED}
    later = day(world, world.clock.now() + timedelta(seconds=1))
    assert (later.over, later.answers) == ((), ())
    assert [entry.card.watch_id for entry in later.needy + later.well] == [second.id]


def test_a_refused_word_about_an_ended_watch_is_no_ending() -> None:
    """Somebody tries to end it again days later: it does not come back into the digest."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds()
    world.engine.watches.end(watch.id, ANA)
    world.clock.advance(86400)
    since = world.clock.now()
    row = world.store.audited()[-1]
    world.store.audit(replace(row, at=world.clock.now(), verb="end", allowed=False))
    assert day(world, since).empty


def test_one_sick_watch_does_not_cost_the_day() -> None:
    """Its history is damaged: the others are told of, and drawn."""
    world = FakeWorld()
    sick, well = world.watch(), world.watch(run=RunRef(RunKind.WANDB, "lab/vision/r2"))
    world.rounds()
    read = world.store.history

    def history(watch_id: str, source_key: str) -> tuple[History, Cursor | None]:
        if watch_id == sick.id:
            raise StorageError("damaged")
        return read(watch_id, source_key)

    world.store.history = history  # type: ignore[method-assign]  # a fake store that fails for one
    told = day(world, world.clock.now())
    assert [entry.card.watch_id for entry in told.well] == [well.id]
    assert Standing(world.engine.world).pictured(told) is not None


def test_only_the_own_watches_are_told_of() -> None:
    """Those of terminals do not belong into a channel, nor what became of their questions."""
    world = FakeWorld()
    world.watch()
    world.findings = BROKEN
    world.rounds(2, seconds=601)

    def mine(watch: Watch) -> bool:
        return watch.channel != "terminal"

    told = Standing(world.engine.world).day(world.clock.now() - timedelta(days=1), mine=mine, link=lambda _watch: "")
    assert told.empty
    assert not told.answers


def test_a_watch_without_a_look_is_told_of_and_not_drawn() -> None:
    """It was registered a moment ago."""
    world = FakeWorld()
    world.watch()
    told = day(world, world.clock.now())
    assert [entry.card.look for entry in told.well] == [Look.NEW]
    assert Standing(world.engine.world).pictured(told) is None
