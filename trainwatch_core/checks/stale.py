"""Stale: no new values for long, or the tracker contradicts them. Argues for WAIT, never for more.

Method: the time since new values arrived, against the gaps that this run had before. Gaps of healthy runs
(pre-emption, long evals) are as long as those of dead ones, so only a process or a scheduler can decide; that is
looked at elsewhere. Where no times are known, `policy.stale_after` alone counts. NaN counts as a value: a NaN run is
not silent.
"""

from __future__ import annotations

import math

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say_duration, say_step
from trainwatch_core.model.round import SourceStatus, View
from trainwatch_core.model.run import RunState

NAME = "stale"
MIN_SILENCE = 120.0
"""Seconds: below, loggers that write in batches look silent."""
GAP_FACTOR = 3.0
"""Times the longest gap so far (at least so long that it is new for this run)."""
HEARTBEAT_FRESH = 600.0
"""Seconds: twice the five minutes after which W&B's own server gives a run up."""
MIN_TIMES = 10


def check(view: View) -> tuple[Finding, ...]:
    """Silence, and a tracker that says the run is over while values arrive."""
    if view.source.status is SourceStatus.UNREACHABLE or not view.history.series:
        return ()
    state = view.info.state
    if state is RunState.CRASHED and view.new_rows > 0:
        text = f"The tracker says {state}, but {view.new_rows} new values arrived: it goes on for now."
        return (_finding("contradiction", text, "the tracker and the values agreed"),)
    if state is not None and state.over:
        return ()
    silence = _silence(view)
    if silence is None or silence <= _limit(view):
        return ()
    step = view.history.last_step
    where = f" after step {say_step(step)}" if math.isfinite(step) else ""
    text = f"No new values for {say_duration(silence)}{where}{_heartbeat(view)}."
    return (_finding("silent", text, "new values arrived"),)


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
        return view.policy.stale_after
    usual = float(np.median(gaps[gaps > 0]))
    own = max(MIN_SILENCE, GAP_FACTOR * float(np.max(gaps)))
    return min(own, max(view.policy.stale_after, GAP_FACTOR * usual))


def _heartbeat(view: View) -> str:
    beat = view.info.heartbeat_at
    if beat is None or not math.isfinite(beat):
        return ""
    age = max(0.0, view.now - beat)
    if age <= HEARTBEAT_FRESH:
        return f", though its last sign of life is {say_duration(age)} old"
    return f", and no sign of life for {say_duration(age)}"


def _finding(code: str, text: str, when: str) -> Finding:
    return Finding(NAME, code, Decision.WAIT, Weight.BLIND, text, until=f"This would go away if {when}.")
