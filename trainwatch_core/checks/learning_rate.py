"""Learning rate: not a number, negative, zero, parked near zero, or jumped out of its range.

Method: plain comparison with its own past; no statistics. Argues for:

- STOP (soft): NaN or negative for MIN_SAMPLES samples; never above zero in a tenth of the plan; below PARKED
  of its highest for a quarter of the plan with more than a fifth of the plan still to come (a schedule that was given
  too few steps), or below DEAD of it for a tenth with LONG_LEFT_SHARE to come. All but the first need a planned length:
  without one a schedule may simply be at its end.
- WAIT: never above zero, without a planned length; the same as above while the training loss falls (then another rate
  is used than is logged); a jump to JUMP times everything so far after it had settled, until it has come back.

Needs MIN_SAMPLES samples. Warm-up (rising from the start) and restarts within the old range are no jump.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.stats import curve, tame, train_falls

NAME = "learning_rate"
MIN_SAMPLES = 10
"""Samples: fewer odd ones may be the logger's."""
PARKED = 1e-3
"""Of the highest so far: cosine schedules are below that for the last 2 % of their length only."""
ZERO_SHARE, PARKED_SHARE, LEFT_SHARE = 0.1, 0.25, 0.2
"""Shares of the plan: at zero or DEAD for so long, parked for so long, and with so much still to come."""
DEAD, LONG_LEFT_SHARE = 1e-4, 0.4
"""So far below its highest, with so much of the plan to come, no restart is on its way: those come after a moment."""
JUMP = 5.0
"""Times the highest so far: schedules rise smoothly or return to where they were."""


def check(view: View) -> tuple[Finding, ...]:
    """What is odd about the main learning rate, the worst first, at most one."""
    series = view.main(Role.LEARNING_RATE)
    if series is None or series.count < MIN_SAMPLES:
        return ()
    for rule in (_invalid, _parked, _jump):
        if finding := rule(view, series):
            return (finding,)
    return ()


def _invalid(_: View, series: Series) -> Finding | None:
    recent = series.values[-MIN_SAMPLES:]
    finite = np.isfinite(recent)
    if finite.any() and not np.all(recent[finite] < 0):
        return None
    first = float(series.steps[-len(recent)])
    text = f"{series.name} is {say(series.last)} since step {say_step(first)} or longer."
    return _finding(series, "invalid", Decision.STOP, text, first, "it were a positive number")


def _parked(view: View, series: Series) -> Finding | None:
    seen = curve(series)
    if not len(seen):
        return None
    top = float(np.max(seen.values))
    high = np.flatnonzero(seen.values > PARKED * top) if top > 0 else np.empty(0, dtype=int)
    if len(high) and high[-1] == len(seen) - 1:
        return None
    start = int(high[-1]) + 1 if len(high) else 0
    first, last = float(seen.starts[start]), float(seen.ends[-1])
    if float(np.sum(seen.rows[start:])) < MIN_SAMPLES:
        return None
    ever = top > 0
    plan = view.planned_steps
    if plan and last < plan:
        fast = not ever or (series.last <= DEAD * top and plan - last > LONG_LEFT_SHARE * plan)
        long = last - first >= (ZERO_SHARE if fast else PARKED_SHARE) * plan
        argues_for = Decision.STOP if long and plan - last > LEFT_SHARE * plan else Decision.CONTINUE
    else:
        # Nobody said how long the run is: a schedule at its end looks just like this.
        argues_for = Decision.CONTINUE if ever or plan else Decision.WAIT
    if argues_for is Decision.CONTINUE:
        return None
    if ever and train_falls(view, first):
        # What is logged is not what is used: another group of parameters, or a rate rounded to nothing.
        argues_for = Decision.WAIT
    beside = f" (its highest was {say(top)})" if ever else " in every sample"
    text = f"{series.name} is {say(series.last)}{beside} since step {say_step(first)}: nothing more can be learned."
    return _finding(series, "parked" if ever else "zero", argues_for, text, first, "it rose again")


def _jump(_: View, series: Series) -> Finding | None:
    steps, values = series.finite
    values = tame(values)
    if len(values) < 2 * MIN_SAMPLES:
        return None
    top = np.maximum.accumulate(values)
    up = np.flatnonzero((values[1:] > JUMP * top[:-1]) & (top[:-1] > 0)) + 1
    settled = [int(at) for at in up if at >= MIN_SAMPLES and not _rising(values[at - MIN_SAMPLES : at])]
    if not settled or values[-1] <= JUMP / 2 * top[settled[-1] - 1]:
        return None
    at = settled[-1]
    was, now = say(float(values[at - 1])), say(float(values[at]))
    text = f"{series.name} jumped from {was} to {now} at step {say_step(float(steps[at]))}."
    return _finding(series, "jump", Decision.WAIT, text, float(steps[at]), "it came back into its old range")


def _rising(values: FloatArray) -> bool:
    return bool(np.all(np.diff(values) > 0))


def _finding(series: Series, code: str, argues_for: Decision, text: str, first: float, when: str) -> Finding:
    until, numbers = f"This would go away if {when}.", {"last": series.last}
    return Finding(NAME, code, argues_for, Weight.SOFT, text, series.name, first, series.last_step, numbers, until)
