"""Runs of comparison: read beside the run, kept, and never a reason to fail a round."""

from __future__ import annotations

import pytest

from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.message import Report
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.watch import Policy, WatchContext
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.worlds import ANA, RUN, FakeWorld, loss_rows, unreachable

OTHER = "lab/vision/r0"


def other(*script: object) -> ScriptedSource:
    """A finished run with this script."""
    return ScriptedSource(list(script), RunInfo(state=RunState.FINISHED), key="beside/r0")  # type: ignore[arg-type]


def seen_of_it(world: FakeWorld) -> list[int]:
    """How many samples of the other run the check saw in each round."""
    return [
        view.baseline_runs[OTHER].series["train/loss"].count if OTHER in view.baseline_runs else 0
        for view in world.views
    ]


def test_what_is_new_of_the_other_run_is_added_each_round() -> None:
    """Its history grows by its own cursor, and is stored with the round."""
    world = FakeWorld(beside={OTHER: other(loss_rows(0, 30), loss_rows(30, 5))})
    watch = world.watch()
    world.rounds(3)
    assert seen_of_it(world) == [30, 35, 35]
    assert world.store.history(watch.id, "beside/r0")[0].series["train/loss"].count == 35
    assert world.store.history(watch.id, "wandb")[0].series["train/loss"].count == 60


def test_another_run_that_cannot_be_read_costs_a_sentence() -> None:
    """What was known of it stays known; the round goes on, and the report names it."""
    world = FakeWorld(beside={OTHER: other(loss_rows(0, 30), unreachable(), loss_rows(30, 5))})
    world.watch()
    world.rounds(3)
    assert seen_of_it(world) == [30, 30, 35]
    said = [f"The run of comparison {OTHER} could not be read" in str(one) for one in world.notifier.of(Report)]
    assert said == [False, True, False]


def test_time_that_one_run_took_is_not_there_for_the_next() -> None:
    """All of them together have half a minute, so that a slow one cannot hold the round up."""
    world = FakeWorld()

    class Slow(ScriptedSource):
        def fetch(self, cursor: object, *, deadline: float) -> object:  # type: ignore[override]
            world.clock.advance(31)
            return super().fetch(cursor, deadline=deadline)  # type: ignore[arg-type]

    slow, after = Slow([loss_rows(0, 30)], key="beside/slow"), other(loss_rows(0, 30))
    world.beside = {"lab/vision/slow": slow, OTHER: after}
    world.watch()
    world.rounds(1)
    assert (slow.fetched, after.fetched) == (1, 0)
    assert len(world.notifier.of(Report)) == 1


def test_another_run_that_may_not_be_read_any_more_does_not_break_the_watch() -> None:
    """The allow-list may be edited while a watch runs."""
    world = FakeWorld()
    world.watch()
    world.beside = InvalidInputError("Runs of this project are not watched here")
    world.rounds(2)
    assert len(world.notifier.of(Report)) == 2
    assert "may not be read: Runs of this project" in str(world.notifier.of(Report)[0])


def test_another_run_that_may_not_be_read_is_refused_at_registration() -> None:
    """Said at once, to the person who named it."""
    world = FakeWorld(beside=InvalidInputError("Runs of this project are not watched here"))
    with pytest.raises(InvalidInputError, match="not watched here"):
        world.engine.watches.register(Registration(RUN, ANA, "terminal", WatchContext(), Policy()))
