"""Rounds: claimed once, judged, committed whole, told in order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.model.errors import DeliveryError, PaintError
from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.message import FinalSummary, Notice, Picture, Report
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo, RunKind, RunRef, RunState
from trainwatch_core.model.stop import JobState
from trainwatch_core.model.watch import EndReason, WatchState
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.stoppers import ScriptedStopper
from trainwatch_core.testing.worlds import ANA, FakeWorld, finding, loss_rows, unreachable


def test_the_first_round_comes_at_once_and_the_next_after_the_interval() -> None:
    """Ana registers a watch and has a report before she has put the laptop down."""
    world = FakeWorld()
    watch = world.watch()
    world.tick()
    assert len(world.notifier.of(Report)) == 1
    world.clock.advance(1799)
    world.tick()
    assert len(world.notifier.of(Report)) == 1
    world.clock.advance(2)
    world.tick()
    assert len(world.notifier.of(Report)) == 2
    assert world.now(watch).round_count == 2


def test_a_report_comes_before_its_picture() -> None:
    """Text first, picture second."""
    world = FakeWorld()
    world.watch()
    world.rounds(2)
    kinds = [type(body) for _, body, _ in world.notifier.said]
    assert kinds == [Report, Picture, Report, Picture]


def test_a_picture_that_cannot_be_drawn_never_loses_a_report() -> None:
    """The picture is dropped with its reason; the next report comes."""
    world = FakeWorld()
    watch = world.watch()
    world.painter.fail_with = PaintError("no ink")
    world.rounds(2)
    assert len(world.notifier.of(Report)) == 2
    dropped = [row for row in world.store.outbox(watch.id) if row.state == "dropped"]
    assert len(dropped) == 2
    assert "no ink" in dropped[0].problem


def test_messages_wait_for_a_notifier_that_is_down_and_keep_their_order() -> None:
    """Nothing is lost while the front end cannot be reached."""
    world = FakeWorld()
    world.watch()
    world.notifier.fail_with = DeliveryError("no route")
    world.rounds(3)
    assert not world.notifier.said
    world.notifier.fail_with = None
    world.clock.advance(700)
    world.tick()
    numbers = [body.round_number for body in world.notifier.of(Report) if isinstance(body, Report)]
    assert numbers[:3] == [1, 2, 3]


def test_an_unreachable_source_waits_tells_and_comes_back_by_itself() -> None:
    """F-W02: WAIT with a connectivity line, later again, and no stop."""
    world = FakeWorld(findings=(finding(Decision.STOP),))
    world.source = ScriptedSource([unreachable(), unreachable(), loss_rows(0, 20)], RunInfo(state=RunState.RUNNING))
    watch = world.watch()
    world.tick()
    first = world.notifier.of(Report)[-1]
    assert isinstance(first, Report)
    assert first.source == "unreachable"
    assert first.decision is Decision.WAIT
    assert any("does not answer" in line for line in first.evidence)
    world.clock.advance(1800)
    world.tick()
    world.clock.advance(7200)
    world.tick()
    rounds = world.store.rounds(watch.id, limit=10)
    assert [r.source.status for r in rounds] == [SourceStatus.UNREACHABLE] * 2 + [SourceStatus.WANDB_OK]
    assert rounds[0].source.since == rounds[1].source.since
    assert all(r.verdict.decision is not Decision.STOP for r in rounds)


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.FAILED, RunState.KILLED])
def test_a_run_that_ended_ends_its_watch_with_a_summary(state: RunState) -> None:
    """D5: the last report says 'ending', the FINAL_SUMMARY follows, no further round comes."""
    world = FakeWorld(stopper=None)
    world.source.info = RunInfo(name="resnet50", state=state)
    watch = world.watch(launch="", notes_path="/notes.md")
    world.rounds(3)
    row = world.now(watch)
    assert (row.state, row.ended_reason, row.round_count) == (WatchState.ENDED, EndReason.RUN_ENDED, 1)
    report = world.notifier.of(Report)[-1]
    assert isinstance(report, Report)
    assert report.next_at is None
    assert len(world.notifier.of(FinalSummary)) == 1
    assert "resnet50" in world.notebook.notes["/notes.md"]


def test_a_run_whose_process_is_gone_ends_its_watch() -> None:
    """The tracker still says running; the process table knows better."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(1)
    world.source = replace(world.source, script=[loss_rows(0, 20)])
    world.stopper = ScriptedStopper(states=(JobState.GONE,))
    world.rounds(2)
    assert world.now(watch).state is WatchState.ENDED
    summary = world.notifier.of(FinalSummary)[-1]
    assert isinstance(summary, FinalSummary)
    assert "gone" in summary.title


def test_a_recovered_anomaly_is_said_explicitly() -> None:
    """What was wrong and is well again gets a word of its own."""
    world = FakeWorld(findings=(finding(Decision.WAIT, Weight.SOFT),))
    world.watch()
    world.rounds(1)
    world.findings = FakeWorld.findings
    world.rounds(1)
    last = world.notifier.of(Report)[-1]
    assert isinstance(last, Report)
    assert last.recovered
    assert "Recovered" in last.title
    assert any("well again" in line for line in last.anomalies)


def test_suspicion_shortens_the_interval_and_health_restores_it() -> None:
    """D3: shorter only while suspicious but not stop-worthy."""
    world = FakeWorld(findings=(finding(Decision.WAIT, Weight.SOFT),))
    watch = world.watch()
    world.tick()
    row = world.now(watch)
    assert row.next_round_at is not None
    assert (row.next_round_at - world.clock.now()).total_seconds() == row.policy.suspicious_interval
    world.findings = FakeWorld.findings
    world.clock.advance(601)
    world.tick()
    row = world.now(watch)
    assert row.next_round_at is not None
    assert (row.next_round_at - world.clock.now()).total_seconds() == 1800


def test_one_sick_watch_never_harms_another() -> None:
    """A source that breaks in a way nobody foresaw postpones its own watch, tells, and leaves the others alone."""
    world = FakeWorld()
    sick = RunRef(RunKind.WANDB, "lab/vision/sick")

    class Broken(ScriptedSource):
        def fetch(self, *_: object, **__: object) -> object:  # type: ignore[override]  # broken on purpose
            raise ZeroDivisionError

    world.sources = {str(sick): Broken([])}
    bad, good = world.watch(run=sick), world.watch()
    world.rounds(2)
    assert world.now(good).round_count == 2
    assert world.now(bad).round_count == 0
    assert world.now(bad).state is WatchState.ACTIVE
    assert any(
        "could not be carried out" in body.text for body in world.notifier.of(Notice) if isinstance(body, Notice)
    )


def test_check_now_makes_the_next_round_due() -> None:
    """A reply or a key brings the next look forward."""
    world = FakeWorld()
    watch = world.watch()
    world.tick()
    world.clock.advance(5)
    world.engine.watches.check_now(watch.id)
    world.tick()
    assert world.now(watch).round_count == 2


def test_check_now_during_a_round_is_not_lost() -> None:
    """What the person means to see may have come after that round had read."""
    world = FakeWorld()

    class Asked(ScriptedSource):
        def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
            if not cursor:
                world.clock.advance(1)
                world.engine.watches.check_now(watch.id)
            return super().fetch(cursor, deadline=deadline)

    world.source = Asked(world.source.script)
    watch = world.watch()
    world.tick()
    assert world.now(watch).round_count == 2


def test_a_watch_that_was_paused_during_a_look_is_not_judged_by_it() -> None:
    """The row has moved on: the look is thrown away."""
    world = FakeWorld()

    class Pausing(ScriptedSource):
        def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
            world.engine.watches.pause(watch.id, ANA)
            return super().fetch(cursor, deadline=deadline)

    world.source = Pausing(world.source.script)
    watch = world.watch()
    world.tick()
    assert world.now(watch).round_count == 0
    assert world.now(watch).state is WatchState.PAUSED
    assert not world.notifier.of(Report)


def test_old_curves_are_not_judged_while_nobody_can_see() -> None:
    """F-W02: a NaN that was seen before the outage is no finding of a blind look."""
    world = FakeWorld(findings=(finding(Decision.STOP),))
    world.source = ScriptedSource([loss_rows(0, 20), unreachable(), unreachable()])
    watch = world.watch()
    world.rounds(3, seconds=7200)
    last = world.store.rounds(watch.id, limit=1)[0]
    assert [each.code for each in last.findings] == ["unreachable"]


def test_a_job_that_died_just_now_is_looked_at_again_soon() -> None:
    """Its last rows came with this look; the next one, seconds later, ends the watch."""
    world = FakeWorld(stopper=ScriptedStopper(states=(JobState.ALIVE, JobState.GONE)))
    watch = world.watch()
    world.rounds(1)
    world.tick()
    world.source.script = []
    world.clock.advance(16)
    world.tick()
    assert world.now(watch).state is WatchState.ENDED


def test_a_restart_continues_with_the_stored_history() -> None:
    """Nothing is fetched twice and the count goes on."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(2)
    world.start()
    world.rounds(1)
    history, cursor = world.store.history(watch.id, "wandb")
    assert cursor == {"at": 3}
    assert history.series["train/loss"].count == 60
    assert world.now(watch).round_count == 3


def test_the_first_report_states_what_is_missing() -> None:
    """A2: what was not told is said once, not each round."""
    world = FakeWorld(stopper=None)
    world.watch(launch="")
    world.rounds(2)
    first, second = (body for body in world.notifier.of(Report) if isinstance(body, Report))
    assert any("can only tell you" in line for line in first.evidence)
    assert not any("can only tell you" in line for line in second.evidence)


def test_checks_are_told_how_long_values_took_to_come() -> None:
    """From arrival to arrival, looks without new values left out."""
    world = FakeWorld()
    world.source.script = [loss_rows(0, 20), {}, loss_rows(20, 20), {}, {}, loss_rows(40, 20)]
    world.watch()
    world.rounds(6)
    assert world.views[-1].waits == pytest.approx((3600.0,), abs=5)
    world.rounds(1)
    assert world.views[-1].waits == pytest.approx((3600.0, 5400.0), abs=5)
