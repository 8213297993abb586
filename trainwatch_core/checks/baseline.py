"""Baseline: an eval metric that will miss the value it is held against.

Method: the running median of MIN_LEVEL evals, the best of it, and the Theil-Sen slope (Sen 1968) of the later half of
the evals, carried on at twice its speed to the planned end. If that still misses the baseline by far, and MIN_SHARE
of a planned length has gone, it argues for STOP (soft) where the evals are level, and for WAIT where they still
improve or have stepped up (a step has no trend to carry on: harder data, perhaps), or the run is one of reinforcement
learning or a GAN (flat for long, then a jump). Without a plan it argues for WAIT where they are level. A baseline
met, or missed by little, argues for nothing. Needs MIN_EVALS finite samples and a known direction; NaN is passed
over.
"""

from __future__ import annotations

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, loss_is_a_game
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import Curve, curve, levels, noise, slope, spread, trend

NAME = "baseline"
MIN_EVALS = 8
MIN_LEVEL = 3
MIN_SHARE = 0.3
MISS_SHARE, MISS_SPREADS = 0.2, 3.0
"""How far it must miss: share of the baseline's size, and spreads of the evals."""
SLOPE_FACTOR = 2.0
"""Curves flatten, so going on at twice the present speed is more than can be hoped for; a late LR drop may do it."""
SIGNIFICANT = 2.0


def check(view: View) -> tuple[Finding, ...]:
    """For each metric with a baseline, whether it will miss it by far."""
    found = (_held_against(view, view.history.series.get(name), wanted) for name, wanted in view.baseline.items())
    return tuple(finding for finding in found if finding is not None)


def _held_against(view: View, series: Series | None, wanted: float) -> Finding | None:
    goal = view.goals.get(series.name) if series is not None else None
    if series is None or goal is None:
        return None
    seen = curve(series)
    if len(seen) < MIN_EVALS:
        return None
    sign = 1.0 if goal is Goal.MINIMIZE else -1.0
    values = sign * seen.values
    running = levels(values, MIN_LEVEL)
    best = float(running.min())
    half = len(values) // 2
    end = float(seen.ends[-1])
    left = max(0.0, view.planned_steps - end) if view.planned_steps else end - float(seen.starts[0])
    hope = best + min(0.0, SLOPE_FACTOR * slope(seen.ends[half:], values[half:])) * left
    bar = sign * wanted + max(MISS_SHARE * abs(wanted), MISS_SPREADS * spread(values[half:]))
    if hope <= bar:
        return None
    planned = bool(view.planned_steps) and end < (view.planned_steps or 0.0)
    improving = trend(values[half:]) < -SIGNIFICANT
    if improving if not planned else end < MIN_SHARE * (view.planned_steps or 0.0):
        return None
    stepped = float(running[-1]) - best > MISS_SPREADS * noise(values)
    level = not improving and not stepped and not loss_is_a_game(view.history.series)
    argues_for = Decision.STOP if planned and level else Decision.WAIT
    return _finding(series, seen, argues_for, sign * best, sign * hope, wanted)


def _finding(series: Series, seen: Curve, argues_for: Decision, best: float, hope: float, wanted: float) -> Finding:
    first, last = float(seen.starts[len(seen) // 2]), float(seen.ends[-1])
    name = series.name
    text = (
        f"{name} will miss the baseline {say(wanted)}: its best level is {say(best)}, and since step "
        f"{say_step(first)} it moves too slowly (twice its speed would bring it to {say(hope)})."
    )
    until = f"This would go away if {name} came half-way from {say(best)} to {say(wanted)}."
    numbers = {"baseline": wanted, "best": best, "forecast": hope}
    return Finding(NAME, "missed", argues_for, Weight.SOFT, text, name, first, last, numbers, until)
