"""Which source is believed, what the others are asked for, and when a person is called."""

from __future__ import annotations

from trainwatch_core.checks import stale
from trainwatch_core.engine.rounds import PAST
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.message import FinalSummary, Notice, Report
from trainwatch_core.model.round import SourceStatus, View
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.stop import JobState
from trainwatch_core.testing.fakes import FakeClock, ScriptedSource
from trainwatch_core.testing.stoppers import ScriptedStopper
from trainwatch_core.testing.worlds import FakeWorld, loss_rows, unreachable


def log_of(*script: object, heartbeat: float | None = None) -> ScriptedSource:
    """A fallback log."""
    info = RunInfo(name="train.log", heartbeat_at=heartbeat)
    return ScriptedSource(list(script), info, "log", SourceStatus.LOG_FALLBACK, "log file")  # type: ignore[arg-type]


def told(world: FakeWorld) -> Report:
    (*_, last) = world.notifier.of(Report)
    assert isinstance(last, Report)
    return last


def test_a_tracker_without_metrics_does_not_win_over_a_log_that_has_some() -> None:
    """B: the run prints its loss and logs none; its state still is the tracker's word."""
    info = RunInfo(name="resnet50", url="https://w/r", state=RunState.RUNNING)
    world = FakeWorld(source=ScriptedSource([{}], info), further=[log_of(loss_rows(0, 20), loss_rows(20, 20))])
    world.watch()
    world.rounds(2)
    assert told(world).source == "log_fallback (log file)"
    assert told(world).run.startswith("resnet50")
    last = world.store.rounds(world.store.watches()[0].id, limit=9)[-1]
    assert (last.last_step, last.info.state, last.info.url) == (39, RunState.RUNNING, "https://w/r")


def test_a_tracker_that_begins_to_log_wins_again() -> None:
    """B: the first row of the tracker counts; its history begins with it."""
    world = FakeWorld(source=ScriptedSource([{}]), further=[log_of(loss_rows(0, 5))])
    watch = world.watch()
    world.rounds(1)
    world.source.script = [loss_rows(0, 20)]
    world.rounds(1)
    sources = [str(seen.source) for seen in world.store.rounds(watch.id, limit=9)]
    assert sources == ["log_fallback (log file)", "wandb_ok"]
    assert world.store.history(watch.id, "wandb")[0].series["train/loss"].count == 20


def test_where_nothing_has_metrics_the_tracker_answers() -> None:
    """A run before its first row is no outage, and a log that cannot be read is said."""
    world = FakeWorld(source=ScriptedSource([{}]), further=[log_of(unreachable())])
    watch = world.watch()
    world.rounds(1)
    (only,) = world.store.rounds(watch.id, limit=9)
    assert only.source.status is SourceStatus.WANDB_OK
    assert only.source.failures


class Watchful(FakeWorld):
    """Only silence and contradictions are looked for, by the real check."""

    def _check(self, view: View) -> tuple[Finding, ...]:
        return stale.check(view)


def silent_world(log: ScriptedSource, job: JobState) -> Watchful:
    """A run that brings values once and then none; its tracker says crashed."""
    source = ScriptedSource([loss_rows(0, 20)], RunInfo(name="r", state=RunState.CRASHED))
    return Watchful(source=source, further=[log], stopper=ScriptedStopper(states=(job,)))


def alarms(world: FakeWorld) -> list[str]:
    return [said.text for said in world.notifier.of(Notice) if isinstance(said, Notice) and said.loud]


def test_a_crash_is_not_believed_while_the_log_grows() -> None:
    """F-W04: the tracker says crashed and brings nothing for hours, the log is written: WAIT, no end."""
    log = log_of(heartbeat=FakeClock().now().timestamp() + 3 * 1800 - 30)
    world = silent_world(log, JobState.UNKNOWN)
    watch = world.watch()
    world.rounds(4)
    seen = world.store.rounds(watch.id, limit=9)
    assert "but its log grew 30 s ago" in seen[-1].verdict.reasons[0].text
    assert not world.notifier.of(FinalSummary)
    world.rounds(1)
    assert world.notifier.of(FinalSummary)
    assert not world.store.history(watch.id, "log")[0].series


def test_a_person_is_called_once_when_silence_lasts() -> None:
    """F-W03: two looks in a row; one message, however long the silence is, also beyond what a round looks back on."""
    world = silent_world(log_of(), JobState.ALIVE)
    world.watch()
    world.rounds(1)
    assert not alarms(world)
    world.rounds(PAST + 9)
    (alarm,) = alarms(world)
    assert alarm.startswith("Somebody should look: The tracker says crashed, but the job is alive")
