"""Baseline: an eval metric or a reward that will miss the value it is held against.

Method: the best running median of MIN_LEVEL readings, and what may still come on top of it: the Theil-Sen slope (Sen
1968) of the later half of the readings, carried on at SLOPE_FACTOR times its speed to the planned end, plus
DECAY_SHARE of all progress so far, because a late drop of the learning rate brings about so much, and nobody can see
it coming (nothing where its schedule has brought it down already). If all that still misses the baseline by far, it
argues for STOP (soft) once MIN_SHARE of the planned length has gone, and for WAIT before that, or without a plan. It
stays at WAIT, too,

- where the level has stepped up from its best, by MISS_SPREADS of the noise and DECAY_SHARE of the best's size (harder
  data, perhaps: a step has no trend to carry on),
- while a change that was announced is still to come,
- in reinforcement learning and GANs (flat for long, then a jump), until RL_SHARE of the plan has gone, or MIN_SHARE
  where the policy's entropy still has the value that it had at the start: then nothing learns.

A baseline met, or missed by little, argues for nothing. Needs MIN_READINGS finite samples and a known direction; NaN
is passed over.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say
from trainwatch_core.model.roles import Goal, Role, loss_is_a_game, words
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.schedules import Shape, infer_schedule
from trainwatch_core.stats import Curve, curve, levels, median, noise, slope, spread, trend

NAME = "baseline"
MIN_READINGS = 8
"""Fewer readings have no slope that could be carried on."""
MIN_LEVEL = 3
"""Readings of a running median: one lucky reading is no level."""
MIN_SHARE, RL_SHARE = 0.35, 0.7
"""Shares of the plan before which nothing is sure; rewards are flat for long and then jump."""
MISS_SHARE, MISS_SPREADS = 0.2, 3.0
"""How far it must miss: share of the baseline's size, and spreads of the readings."""
SLOPE_FACTOR = 2.0
"""Curves flatten, so going on at twice the present speed is more than can be hoped for."""
DECAY_SHARE = 0.25
"""Of the progress so far: what the last decay of a schedule may bring on top. Of the best's own size, too, what it must
have risen by to count as stepped up."""
SPENT = 0.9
"""Share of the highest rate that must be gone for a schedule to bring nothing more."""
_COME_AGAIN = frozenset({Shape.RESTARTS, Shape.CYCLIC})
SIGNIFICANT = 2.0
"""Mann-Kendall z beyond which a trend is one: a flat curve gets there once in twenty times."""
SAME_ENTROPY = 0.03
"""Relative change of the policy's entropy that counts as none: a policy that learns loses half of it and more."""


def check(view: View) -> tuple[Finding, ...]:
    """For each metric with a baseline, whether it will miss it by far."""
    found = (_held_against(view, view.history.series.get(name), wanted) for name, wanted in view.baseline.items())
    return tuple(finding for finding in found if finding is not None)


def _held_against(view: View, series: Series | None, wanted: float) -> Finding | None:
    goal = view.goals.get(series.name) if series is not None else None
    if series is None or goal is None:
        return None
    seen = curve(series)
    if len(seen) < MIN_READINGS:
        return None
    sign = 1.0 if goal is Goal.MINIMIZE else -1.0
    values = sign * seen.values
    half = len(values) // 2
    running = levels(values, MIN_LEVEL)
    best, end = float(running.min()), float(seen.ends[-1])
    hope = best - _still_to_come(view, seen, values, best)
    bar = sign * wanted + max(MISS_SHARE * abs(wanted), MISS_SPREADS * spread(values[half:]))
    if hope <= bar:
        return None
    plan = view.planned_steps if view.planned_steps and end < view.planned_steps else None
    if plan is None and trend(values[half:]) < -SIGNIFICANT:
        return None
    stepped = float(running[-1]) - best > max(MISS_SPREADS * noise(values), abs(best) * DECAY_SHARE)
    sure = plan is not None and not stepped and end >= _patience(view) * plan and not _announced_ahead(view, end)
    argues_for = Decision.STOP if sure else Decision.WAIT
    return _finding(series, seen, argues_for, sign * best, sign * hope, wanted)


def _still_to_come(view: View, seen: Curve, values: np.ndarray[tuple[int], np.dtype[np.float64]], best: float) -> float:
    half, end = len(values) // 2, float(seen.ends[-1])
    left = max(0.0, view.planned_steps - end) if view.planned_steps else end - float(seen.starts[0])
    speed = max(0.0, -slope(seen.ends[half:], values[half:]))
    # What the first readings were, without the very first: a bad initialisation is gone in a few steps.
    progress = 0.0 if _rate_is_spent(view) else max(0.0, median(values[: 2 * MIN_LEVEL]) - best)
    return SLOPE_FACTOR * speed * left + DECAY_SHARE * progress


def _rate_is_spent(view: View) -> bool:
    """Whether the learning rate has come down along a schedule, so that no later drop is left to hope for."""
    series = view.main(Role.LEARNING_RATE)
    schedule = infer_schedule(series) if series is not None else None
    return schedule is not None and schedule.shape not in _COME_AGAIN and schedule.decayed >= SPENT


def _patience(view: View) -> float:
    """The share of the plan before which nothing is sure."""
    return RL_SHARE if loss_is_a_game(view.history.series) and not _policy_is_as_it_began(view) else MIN_SHARE


def _policy_is_as_it_began(view: View) -> bool:
    for name, series in view.history.series.items():
        if {"entropy"} == set(words(name)) & {"entropy", "cross", "loss", "coef", "target"}:
            values = curve(series).values
            if len(values) >= MIN_READINGS:
                begun = median(values[:MIN_LEVEL])
                return bool(np.max(np.abs(levels(values, MIN_LEVEL) - begun)) <= SAME_ENTROPY * abs(begun))
    return False


def _announced_ahead(view: View, end: float) -> bool:
    return any(change.step > end for change in view.announced)


def _finding(series: Series, seen: Curve, argues_for: Decision, best: float, hope: float, wanted: float) -> Finding:
    first, last = float(seen.starts[len(seen) // 2]), float(seen.ends[-1])
    name = series.name
    text = (
        f"{name} will miss the baseline {say(wanted)}: its best level is {say(best)}, and even twice its present speed "
        f"and a late drop of the learning rate would bring it no further than {say(hope)}."
    )
    until = f"This would go away if {name} came half-way from {say(best)} to {say(wanted)}."
    numbers = {"baseline": wanted, "best": best, "forecast": hope}
    return Finding(NAME, "missed", argues_for, Weight.SOFT, text, name, first, last, numbers, until)
