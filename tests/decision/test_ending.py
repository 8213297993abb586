"""When a run is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.decision.ending import CRASH_SILENCE, ending
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
    end = ending(view(state, progress=NOW), None)
    assert end is not None
    assert end.how == state


def test_a_reported_crash_counts_only_after_silence() -> None:
    """F-W04: the server's guess is not believed while rows arrive."""
    moving = view(RunState.CRASHED, progress=NOW - 30)
    assert ending(moving, None) is None
    silent = view(RunState.CRASHED, progress=NOW - CRASH_SILENCE)
    assert ending(silent, None) is not None


def test_a_crash_of_which_nothing_is_known_is_not_believed() -> None:
    """Without a single sign of life there is no silence to measure."""
    assert ending(view(RunState.CRASHED, progress=None), None) is None


@pytest.mark.parametrize("state", list(RunState))
def test_a_living_process_outweighs_the_tracker(state: RunState) -> None:
    """Whatever the tracker says, a job that runs has not ended."""
    assert ending(view(state, progress=NOW - 9999, heartbeat=NOW - 9999), ALIVE) is None


def test_a_job_that_is_gone_ends_its_watch_though_the_tracker_says_running() -> None:
    """Issue 6779 of wandb: "running" for weeks after the process died."""
    end = ending(view(RunState.RUNNING, progress=NOW - 60), GONE)
    assert end is not None
    assert end.how == "gone"
    assert "still says running" in end.finding.text


def test_last_rows_are_read_before_a_gone_job_ends_its_watch() -> None:
    """The round that brought new rows is judged first; the next one ends."""
    assert ending(view(RunState.RUNNING, progress=NOW), GONE) is None


def test_a_tracker_that_cannot_be_reached_ends_nothing() -> None:
    """What was known of the state before is no news."""
    blind = replace(view(RunState.FINISHED, progress=None), source=SourceReport(SourceStatus.UNREACHABLE))
    assert ending(blind, None) is None
