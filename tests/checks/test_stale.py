"""Silence, and witnesses that contradict each other (C10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.checks import stale
from trainwatch_core.model.finding import Weight
from trainwatch_core.model.round import View
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.stop import JobState, Probe
from trainwatch_core.testing.columns import WAIT, Said, falling, said
from trainwatch_core.testing.histories import NOON, view_of_columns

ALIVE, GONE = Probe(JobState.ALIVE, "pid 4211 runs"), Probe(JobState.GONE, "pid 4211: no such process")
UNSEEN = Probe(JobState.UNKNOWN, "the host does not answer")
LAST = NOON + 2990
"""When the last of the values came."""


def silent(minutes: float, state: RunState | None = RunState.RUNNING, beat: float | None = None) -> View:
    """A run whose values stopped so many minutes ago."""
    now = LAST + 60 * minutes
    info = RunInfo(state=state, heartbeat_at=None if beat is None else now - beat)
    columns = {"loss": [3.0 - n / 300 for n in range(300)]}
    return view_of_columns(columns, now=now, progress_at=LAST, new_rows=0, info=info)


def text(view: View) -> str:
    """The one sentence; it argues for WAIT and can never argue for more."""
    (finding,) = stale.check(view)
    assert (finding.argues_for, finding.weight) == (WAIT, Weight.BLIND)
    return finding.text


def test_all_witnesses_are_named_beside_the_silence() -> None:
    """C10, F-W03: "running", an old heartbeat, no values, a process that is gone, a log that stands still."""
    view = replace(silent(47, beat=3600), job=GONE, log_at=LAST)
    assert text(view) == (
        "The tracker says running, but no new values for 47 min after step 299, and no sign of life for 60 min, "
        "and the job is gone (pid 4211: no such process), and its log stands still for 47 min."
    )


def test_a_job_that_hangs_is_another_thing_than_metrics_that_do_not_arrive() -> None:
    """C10: alive and writing its log, or alive and silent everywhere."""
    logging = replace(silent(47, beat=30), job=ALIVE, log_at=LAST + 46 * 60)
    assert text(logging).endswith(
        "though its last sign of life is 30 s old, though the job is alive (pid 4211 runs), "
        "though its log grew 60 s ago."
    )
    assert "its log stands still for 47 min" in text(replace(logging, log_at=LAST))


@pytest.mark.parametrize("state", [RunState.CRASHED, RunState.FAILED, RunState.FINISHED, RunState.KILLED])
def test_a_living_job_contradicts_a_tracker_that_says_it_is_over(state: RunState) -> None:
    """C10, F-W04: whatever end the tracker tells."""
    assert text(replace(silent(1, state), job=ALIVE)) == (
        f"The tracker says {state}, but the job is alive (pid 4211 runs): it goes on for now."
    )
    assert stale.check(replace(silent(1, state), job=GONE)) == ()


def test_a_growing_log_contradicts_a_reported_crash() -> None:
    """F-W04: "crashed" is the server's guess; an exit that the run wrote itself may be followed by last lines."""
    grows = LAST + 90
    assert text(replace(silent(2, RunState.CRASHED), log_at=grows)) == (
        "The tracker says crashed, but its log grew 30 s ago: it goes on for now."
    )
    assert stale.check(replace(silent(2, RunState.FINISHED), log_at=grows)) == ()
    assert stale.check(replace(silent(60, RunState.CRASHED), log_at=grows)) == ()
    both = replace(silent(2, RunState.CRASHED), log_at=grows, job=ALIVE, new_rows=3)
    assert "but 3 new values arrived, the job is alive (pid 4211 runs) and its log grew" in text(both)


def test_a_probe_that_could_not_look_proves_nothing() -> None:
    """C10: unknown is neither alive nor gone."""
    assert "job" not in text(replace(silent(47), job=UNSEEN))
    assert stale.check(replace(silent(1, RunState.CRASHED), job=UNSEEN)) == ()


def test_silence_is_measured_against_the_runs_own_gaps() -> None:
    """A run that logs every ten seconds is silent after two minutes, not after one; a crash report ends the check."""
    columns = {"loss": falling()}
    end = NOON + 2990

    def at(seconds: float, state: RunState | None = None) -> Said:
        view = view_of_columns(columns, now=end + seconds, progress_at=end, new_rows=0, info=RunInfo(state=state))
        return said(stale.check, view)

    assert at(60) == []
    assert at(180) == [("silent", WAIT)]
    assert at(180, RunState.FINISHED) == []


def test_silence_never_argues_for_stop() -> None:
    """A dead process and a long pre-emption look alike, so a day of silence argues WAIT, blind."""
    view = view_of_columns({"loss": falling()}, now=NOON + 86_400, progress_at=NOON + 2990, new_rows=0)
    (finding,) = stale.check(view)
    assert (finding.argues_for, finding.weight) == (WAIT, Weight.BLIND)
    assert finding.text == "No new values for 23 h 10 min after step 299."


def test_a_heartbeat_without_values_is_said() -> None:
    """The tracker's sign of life is named beside the silence."""
    now = NOON + 86_400
    view = view_of_columns({"loss": falling()}, now=now, progress_at=NOON, info=RunInfo(heartbeat_at=now - 60))
    assert "though its last sign of life is 60 s old" in stale.check(view)[0].text


def test_a_crash_report_beside_new_values_is_a_contradiction() -> None:
    """The tracker says crashed, the values go on: WAIT until they agree."""
    view = view_of_columns({"loss": falling()}, info=RunInfo(state=RunState.CRASHED))
    assert said(stale.check, view) == [("contradiction", WAIT)]


def test_times_that_are_unknown_leave_the_set_patience() -> None:
    """Without times in the log only the time since values arrived counts, against `stale_after`."""
    view = view_of_columns({"loss": [1.0, 2.0]}, now=NOON + 3000, progress_at=NOON)
    assert stale.check(view) == ()
    assert len(stale.check(view_of_columns({"loss": [1.0, 2.0]}, now=NOON + 4000, progress_at=NOON))) == 1


def test_a_slow_log_without_times_is_known_by_its_arrivals() -> None:
    """A row every three hours is no silence after two; a row that is a day late is."""

    def after(seconds: float, *waits: float) -> Said:
        return said(
            stale.check,
            view_of_columns({"loss": [1.0, 2.0]}, now=NOON + seconds, progress_at=NOON, waits=waits),
        )

    assert after(7200, 10_800, 10_800) == [("silent", WAIT)]
    assert after(7200, 10_800, 9_000, 10_800) == []
    assert after(86_400, 10_800, 9_000, 10_800) == [("silent", WAIT)]
