"""Stale: no new values for long, or the tracker contradicts them. Argues for WAIT, never for more.

Method: the time since new values arrived, against the gaps that this run had before. Gaps of healthy runs
(pre-emption, long evals) are as long as those of dead ones, so the other witnesses are named beside it: the tracker's
word, its heartbeat, the process or scheduler, the growth of the log. Whether a run is over is decided elsewhere. A log
without times is known by when its values arrived, and until MIN_WAITS arrivals `policy.stale_after` alone counts. NaN
counts as a value: a NaN run is not silent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say_duration, say_step
from trainwatch_core.model.round import SourceStatus, View
from trainwatch_core.model.run import RunState
from trainwatch_core.model.stop import JobState

NAME = "stale"
MIN_SILENCE = 120.0
"""Seconds: below, loggers that write in batches look silent."""
GAP_FACTOR = 3.0
"""Times the longest gap so far (at least so long that it is new for this run)."""
HEARTBEAT_FRESH = 600.0
"""Seconds: twice the five minutes after which W&B's own server gives a run up."""
MIN_TIMES, MIN_WAITS = 10, 3
"""Logged times, or else arrivals seen, before the run's own gaps count for more than `policy.stale_after`."""


def check(view: View) -> tuple[Finding, ...]:
    """Silence, and witnesses that contradict each other: tracker, heartbeat, values, process, log."""
    if view.source.status is SourceStatus.UNREACHABLE or not view.history.series:
        return ()
    state = view.info.state
    if state is not None and state.over:
        signs = tuple(_signs_of_life(view))
        if not signs:
            return ()
        text = f"The tracker says {state}, but {_and(signs)}: it goes on for now."
        return (_finding("contradiction", text, "the tracker and the other signs agreed"),)
    silence = _silence(view)
    if silence is None or silence <= _limit(view):
        return ()
    step = view.history.last_step
    where = f" after step {say_step(step)}" if math.isfinite(step) else ""
    tracker = f"The tracker says {state}, but no" if state is not None else "No"
    text = f"{tracker} new values for {say_duration(silence)}{where}{_witnesses(view)}."
    return (_finding("silent", text, "new values arrived"),)


def _signs_of_life(view: View) -> Iterator[str]:
    """What speaks against a tracker that says the run is over."""
    if view.info.state is RunState.CRASHED and view.new_rows > 0:
        yield f"{view.new_rows} new values arrived"
    if view.job is not None and view.job.state is JobState.ALIVE:
        yield f"the job is alive ({view.job.detail})"
    # A run that says goodbye itself may write its last lines a little later; a crash is only the server's guess.
    if view.info.state is RunState.CRASHED and (age := _log_age(view)) is not None and age <= HEARTBEAT_FRESH:
        yield f"its log grew {say_duration(age)} ago"


def _witnesses(view: View) -> str:
    """What the others say of a run that brings no values."""
    said = [_heartbeat(view)]
    if view.job is not None and view.job.state is not JobState.UNKNOWN:
        alive = view.job.state is JobState.ALIVE
        said.append(f"{'though the job is alive' if alive else 'and the job is gone'} ({view.job.detail})")
    if (age := _log_age(view)) is not None:
        fresh = age <= HEARTBEAT_FRESH
        said.append(f"{'though its log grew' if fresh else 'and its log stands still for'} {say_duration(age)}")
        said[-1] += " ago" if fresh else ""
    return "".join(f", {words}" for words in said if words)


def _log_age(view: View) -> float | None:
    return max(0.0, view.now - view.log_at) if view.log_at is not None and math.isfinite(view.log_at) else None


def _and(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]


def _silence(view: View) -> float | None:
    signs = [view.progress_at if view.progress_at is not None else math.nan, view.history.last_time]
    known = [sign for sign in signs if math.isfinite(sign)]
    # A clock ahead of ours is no sign of death: then it counts from when we saw it.
    return max(0.0, view.now - max(known)) if known else None


def _limit(view: View) -> float:
    longest = max(view.history.series.values(), key=len)
    times = longest.times[np.isfinite(longest.times)]
    gaps = np.diff(times)
    if len(times) < MIN_TIMES or not np.any(gaps > 0):
        if len(view.waits) < MIN_WAITS:
            return view.policy.stale_after
        gaps = np.asarray(view.waits)
    usual = float(np.median(gaps[gaps > 0]))
    own = max(MIN_SILENCE, GAP_FACTOR * float(np.max(gaps)))
    return min(own, max(view.policy.stale_after, GAP_FACTOR * usual))


def _heartbeat(view: View) -> str:
    beat = view.info.heartbeat_at
    if beat is None or not math.isfinite(beat):
        return ""
    age = max(0.0, view.now - beat)
    if age <= HEARTBEAT_FRESH:
        return f"though its last sign of life is {say_duration(age)} old"
    return f"and no sign of life for {say_duration(age)}"


def _finding(code: str, text: str, when: str) -> Finding:
    return Finding(NAME, code, Decision.WAIT, Weight.BLIND, text, until=f"This would go away if {when}.")
