"""Quiet times: rounds are held back and told at the end, a stop is asked for at once, the card stays current."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from trainwatch_core.model.change import OutboxRow, Outgoing
from trainwatch_core.model.errors import InvalidInputError, StorageError
from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.message import (
    Body,
    Catchup,
    FinalSummary,
    Notice,
    Picture,
    Report,
    StopOutcome,
    StopQuestion,
)
from trainwatch_core.model.quiet import QuietHours
from trainwatch_core.model.run import RunState
from trainwatch_core.model.watch import Posts, WatchState
from trainwatch_core.testing.worlds import ANA, BROKEN, HEALTHY, FakeWorld, finding

SPIKED = (finding(Decision.WAIT, Weight.SOFT, "spike", step=10.0),)


def snoozed(hours: float = 2.0, *, launch: str = "pid:4211") -> FakeWorld:
    """A world in which one watch had its first round and was snoozed then."""
    world = FakeWorld()
    watch = world.watch(launch=launch)
    world.rounds(1)
    world.engine.editing.snooze(watch.id, ANA, world.clock.now() + timedelta(hours=hours))
    return world


def bodies(world: FakeWorld) -> list[Body]:
    """What was delivered, oldest first."""
    return [body for _, body, _ in world.notifier.said]


def said(world: FakeWorld, *kinds: type) -> list[str]:
    """Names of the kinds of the messages that were delivered, oldest first."""
    return [type(body).__name__ for body in bodies(world) if isinstance(body, kinds or object)]


def test_rounds_of_a_snoozed_watch_are_told_in_one_overview_when_it_is_over() -> None:
    """UX: four looks, one message with what happened, and the newest picture."""
    world = snoozed()
    (watch,) = world.store.watches()
    before = len(bodies(world))
    world.findings = SPIKED
    world.rounds(1)
    world.findings = HEALTHY
    world.rounds(2)
    assert said(world, Report, Picture)[2:] == []
    assert {row.state for row in world.store.outbox(watch.id) if row.held} == {Outgoing.WAITING}
    world.rounds(2)
    told = [body for body in bodies(world)[before:] if isinstance(body, Catchup | Report | Picture)]
    assert [type(body) for body in told] == [Catchup, Picture, Report, Picture]
    overview = told[0]
    assert isinstance(overview, Catchup)
    assert overview.looks == 4
    assert [moment.text for moment in overview.moments] == [
        "The script says WAIT.",
        "train/loss is well again at step 59; at the last look: The script says WAIT.",
    ]
    assert not world.store.held(only={watch.id})
    assert {row.state for row in world.store.outbox(watch.id)} == {Outgoing.SENT, Outgoing.DROPPED}


def test_a_single_round_is_posted_as_it_is() -> None:
    """One look needs no overview."""
    world = snoozed(hours=0.4)
    world.rounds(1)
    assert said(world, Report) == ["Report"]
    world.rounds(1)
    assert said(world, Catchup) == []
    assert said(world, Report) == ["Report"] * 3


def test_a_stop_is_asked_for_in_a_snooze_at_once() -> None:
    """It never sleeps through a bad one. The night's overview comes when the snooze is over."""
    world = snoozed(hours=12.0)
    world.rounds(2)
    world.findings = BROKEN
    world.rounds(3)
    assert said(world, Catchup, StopQuestion) == ["StopQuestion"]
    decisions = [body.decision for body in bodies(world) if isinstance(body, Report)]
    assert decisions == [Decision.CONTINUE, Decision.STOP]


def test_quiet_hours_hold_back_as_a_snooze_does() -> None:
    """The clock of the world begins before them."""
    world = FakeWorld()
    now = world.clock.now().astimezone(UTC)
    begin = (now + timedelta(minutes=10)).time().replace(second=0, microsecond=0)
    world.quiet = QuietHours(begin, (now + timedelta(hours=3)).time().replace(second=0, microsecond=0), UTC)
    world.start()
    world.watch()
    world.rounds(5)
    assert said(world, Report) == ["Report"]
    world.rounds(2)
    assert said(world, Catchup) == ["Catchup"]


def test_who_asks_for_a_look_is_told_in_quiet_times_too() -> None:
    """A word that gets no answer would be worse than noise."""
    world = snoozed()
    (watch,) = world.store.watches()
    world.rounds(1)
    assert said(world, Report) == ["Report"]
    world.engine.watches.check_now(watch.id)
    world.tick()
    assert said(world, Report) == ["Report", "Report"]


def test_a_watch_that_ends_in_a_snooze_tells_what_was_held_back_before_its_last_words() -> None:
    """Nothing is lost by that."""
    world = snoozed(hours=12.0, launch="")
    world.stopper = None
    world.rounds(2)
    world.source.info = replace(world.source.info, state=RunState.FINISHED)
    world.rounds(3)
    (watch,) = world.store.watches(ended=True)
    assert watch.state is WatchState.ENDED
    assert said(world, Report, Catchup, FinalSummary) == ["Report", "Catchup", "Report", "FinalSummary"]
    assert not world.store.held()


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_stop_in_a_snooze_tells_what_was_held_back_before_the_proof(rounds: int) -> None:
    """However little it was: no report comes after the last words."""
    world = snoozed(hours=12.0)
    (watch,) = world.store.watches()
    world.rounds(rounds)
    world.engine.asking.ask(watch.id, ANA)
    (request,) = world.store.requests()
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.rounds(2)
    assert said(world, Report, Catchup, StopOutcome, FinalSummary)[1:] == ["Catchup", "StopOutcome", "FinalSummary"]
    assert not world.store.held()


def test_that_nobody_can_stop_a_bad_run_is_said_in_a_snooze_at_once() -> None:
    """The alarm with its report; the reports after it, which say the same, are held back."""
    world = snoozed(hours=12.0, launch="")
    world.stopper = None
    world.findings = BROKEN
    world.rounds(5)
    (alarm,) = world.notifier.of(Notice)
    assert alarm.loud
    decisions = [body.decision for body in world.notifier.of(Report)]
    assert decisions == [Decision.CONTINUE, Decision.STOP]


def test_dead_in_the_middle_of_an_overview_it_tells_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key follows from the first row that is held back, and that one is let go last."""
    world = snoozed()
    world.rounds(4)
    delivered = world.store.delivered

    def dying(row: OutboxRow) -> None:
        if row.state is Outgoing.DROPPED:
            monkeypatch.undo()
            delivered(row)
            raise StorageError("The disk is full")
        delivered(row)

    monkeypatch.setattr(world.store, "delivered", dying)
    world.clock.advance(3600)
    with pytest.raises(StorageError):
        world.engine.quieting.sweep(None)
    assert world.store.held()
    world.rounds(1)
    assert said(world, Catchup) == ["Catchup"]
    assert not world.store.held()


def test_given_up_by_a_person_it_tells_too() -> None:
    """Whoever ends it in the morning reads the night first."""
    world = snoozed(hours=12.0)
    (watch,) = world.store.watches()
    world.rounds(3)
    world.engine.watches.end(watch.id, ANA)
    world.rounds(1)
    assert "Catchup" in said(world, Catchup, Notice)
    assert not world.store.held()


def test_changes_only_posts_changes_only_and_makes_every_round() -> None:
    """G: rounds = changes."""
    world = FakeWorld()
    watch = world.watch(rounds=Posts.CHANGES)
    world.rounds(4)
    assert said(world, Report) == ["Report"]
    world.findings = SPIKED
    world.rounds(2)
    world.findings = HEALTHY
    world.rounds(2)
    assert said(world, Report) == ["Report"] * 3
    assert len(world.store.rounds(watch.id, limit=100)) == 8


def test_a_snooze_ends_early_by_a_word() -> None:
    """And what was held back is told then."""
    world = snoozed(hours=12.0)
    (watch,) = world.store.watches()
    world.rounds(3)
    world.engine.editing.snooze(watch.id, ANA, None)
    world.tick()
    assert said(world, Catchup) == ["Catchup"]


def test_two_processes_that_tell_at_the_same_time_tell_once() -> None:
    """The key of the overview is that of the first round that was held back."""
    world = snoozed()
    (watch,) = world.store.watches()
    world.rounds(3)
    other = FakeWorld(store=world.store, clock=world.clock, notifier=world.notifier, owner="there:2")
    world.clock.advance(3600)
    held = world.store.held(only={watch.id})
    other.engine.quieting.sweep(None)
    for row in held:
        world.store.delivered(row)  # what the other process has not seen yet
    world.engine.quieting.sweep(None)
    world.engine.publishing.publish({watch.id})
    world.rounds(1)
    assert said(world, Catchup) == ["Catchup"]


@pytest.mark.parametrize("hours", [-1.0, 0.0, 24.0 * 7 + 1])
def test_a_snooze_of_more_than_a_week_or_into_the_past_is_refused(hours: float) -> None:
    """Longer is forgotten, not snoozed."""
    with pytest.raises(InvalidInputError, match="within a week"):
        snoozed(hours=hours)
