"""When a run is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.decision.ending import CRASH_SILENCE, alarm, ending
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.round import SourceReport, SourceStatus, View
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.series import History
from trainwatch_core.model.stop import JobState, Probe

NOW = 1_000_000.0
ALIVE, GONE = Probe(JobState.ALIVE, "pid 7 runs"), Probe(JobState.GONE, "pid 7: no such process")


def view(state: RunState | None, *, progress: float | None, heartbeat: float | None = None) -> View:
    """A run as the tracker tells it."""
    return View(
        history=History(),
        roles={},
        goals={},
        info=RunInfo(state=state, heartbeat_at=heartbeat),
        source=SourceReport(SourceStatus.WANDB_OK),
        now=NOW,
        progress_at=progress,
    )


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.FAILED, RunState.KILLED])
def test_an_exit_that_the_run_wrote_itself_counts_at_once(state: RunState) -> None:
    """A run that says goodbye is over, even if its last rows came just now."""
    end = ending(view(state, progress=NOW))
    assert end is not None
    assert end.how == state


def test_a_reported_crash_counts_only_after_silence() -> None:
    """F-W04: the server's guess is not believed while rows arrive."""
    moving = view(RunState.CRASHED, progress=NOW - 30)
    assert ending(moving) is None
    silent = view(RunState.CRASHED, progress=NOW - CRASH_SILENCE)
    assert ending(silent) is not None


def test_a_log_that_grows_outweighs_a_reported_crash() -> None:
    """F-W04: no rows and no heartbeat for hours, but the trainer writes its log."""
    silent = view(RunState.CRASHED, progress=NOW - 9999, heartbeat=NOW - 9999)
    assert ending(replace(silent, log_at=NOW - 20)) is None
    assert ending(replace(silent, log_at=NOW - CRASH_SILENCE)) is not None


def test_a_crash_of_which_nothing_is_known_is_not_believed() -> None:
    """Without a single sign of life there is no silence to measure."""
    assert ending(view(RunState.CRASHED, progress=None)) is None


@pytest.mark.parametrize("state", list(RunState))
def test_a_living_process_outweighs_the_tracker(state: RunState) -> None:
    """Whatever the tracker says, a job that runs has not ended."""
    assert ending(replace(view(state, progress=NOW - 9999, heartbeat=NOW - 9999), job=ALIVE)) is None


def test_a_job_that_is_gone_ends_its_watch_though_the_tracker_says_running() -> None:
    """Issue 6779 of wandb: "running" for weeks after the process died."""
    end = ending(replace(view(RunState.RUNNING, progress=NOW - 60), job=GONE))
    assert end is not None
    assert end.how == "gone"
    assert (
        end.finding.text
        == "The tracker says running, nothing moved for 60 s, the job is gone (pid 7: no such process)."
    )


def test_last_rows_are_read_before_a_gone_job_ends_its_watch() -> None:
    """The round that brought new rows is judged first; the next one ends."""
    assert ending(replace(view(RunState.RUNNING, progress=NOW), job=GONE)) is None


def test_a_tracker_that_cannot_be_reached_ends_nothing() -> None:
    """What was known of the state before is no news."""
    blind = replace(view(RunState.FINISHED, progress=None), source=SourceReport(SourceStatus.UNREACHABLE))
    assert ending(blind) is None


def silent_finding(text: str = "No new values.") -> Finding:
    return Finding("stale", "silent", Decision.WAIT, Weight.BLIND, text)


def test_silence_that_lasts_calls_a_person_once() -> None:
    """F-W03: one alarm for one silence, at the second look in a row that finds it; none for a first one."""
    quiet, other = (silent_finding(),), ()
    assert alarm(quiet, []) is None
    assert alarm(quiet, [other]) is None
    first = alarm(quiet, [other, quiet])
    assert first is not None
    assert first.words.startswith("Somebody should look: No new values.")
    assert alarm(quiet, [other, quiet, quiet]) == replace(first, rounds=3)
    assert alarm(other, [quiet, quiet]) is None
