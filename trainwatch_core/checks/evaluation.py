"""Evaluation: an eval metric or a reward that has become worse and stays so, evals that stopped coming, or that broke.

Method: running medians of a tenth of the evals (at least MIN_LEVEL), the best against the last, in the direction that
the name or the person tells; metrics without a certain direction take no part. Rules:

- `worse`: gave back a share of what was gained, a share of its level and several spreads, for MIN_EVALS evals. WAIT;
  STOP (soft) for a main eval loss while the training loss fell (overfitting), no score holds, and the best is
  STOP_SHARE of the plan past (of the steps seen, without a plan); STOP (soft) for a main reward or score that lost
  COLLAPSED of its gain and HALF of its level for as long.
- `missing`: no eval for MISSED times the longest gap so far while training goes on. WAIT.
- `constant`: the last REPEATS evals are the same to all digits, and it moved before. WAIT. A score repeats itself on
  a small eval set once it has converged, so of scores only an exact 0 counts.

Needs MIN_SEEN finite evals; NaN is the business of its own check.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, main_of
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import Curve, curve, levels, spread, trend

NAME = "evaluation"
MIN_SEEN, MIN_EVALS, MIN_LEVEL = 10, 6, 3
GAIN_SHARE, LEVEL_SHARE, SPREADS = 0.3, 0.15, 4.0
"""What must be lost, each: share of the gain, share of the level, spreads of the evals."""
COLLAPSED, HALF = 0.7, 0.5
STOP_SHARE = 0.25
COLLAPSED_SHARE = 0.1
"""Share of the run, planned or seen, that a score must have stayed collapsed."""
MISSED = 4.0
REPEATS = 5
SIGNIFICANT = 2.0
"""Mann-Kendall z."""


@dataclass(frozen=True, slots=True)
class _Loss:
    """What a metric has lost; values turned so that less is better."""

    seen: Curve
    best: float
    best_at: int
    now: float
    gain: float
    significant: bool
    collapsed_for: float
    """Steps for which its level has been, without a break, so low that little of what was learned is left."""


def check(view: View) -> tuple[Finding, ...]:
    """What went wrong with each eval loss, eval score and the main training score."""
    counts = {name: series.count for name, series in view.history.series.items()}
    mains = {main_of(role, view.roles, counts) for role in (Role.EVAL_LOSS, Role.EVAL_SCORE, Role.TRAIN_SCORE)}
    found: list[Finding | None] = []
    for name, series in view.history.series.items():
        role = view.roles.get(name)
        main, evaluated = name in mains, role in {Role.EVAL_LOSS, Role.EVAL_SCORE}
        broken = _missing(view, series) or _constant(series, is_score=role is Role.EVAL_SCORE)
        if evaluated and broken:
            # An eval that does not work says nothing about the model.
            found.append(broken if main else None)
        elif evaluated or (main and role is Role.TRAIN_SCORE):
            found.append(_worse(view, series, main=main))
    return tuple(finding for finding in found if finding is not None)


def _lost(view: View, series: Series) -> _Loss | None:
    goal = view.goals.get(series.name)
    seen = curve(series)
    if goal is None or len(seen) < MIN_SEEN:
        return None
    values = seen.values if goal is Goal.MINIMIZE else -seen.values
    width = max(MIN_LEVEL, len(values) // 10)
    running = levels(values, width)
    best_at = int(np.argmin(running))
    best, now = float(running[best_at]), float(running[-1])
    gain = max(0.0, float(np.max(running[: best_at + 1])) - best)
    noisy = spread(values[width // 2 :][: len(running)] - running)
    bar = max(GAIN_SHARE * gain, LEVEL_SHARE * abs(best), SPREADS * noisy)
    significant = now - best > bar > 0 and len(running) - 1 - best_at >= MIN_EVALS
    high = np.flatnonzero(running - best < max(COLLAPSED * gain, HALF * abs(best)))
    # The running level lags behind the readings. Where nothing was ever learned, nothing can collapse.
    fell = min(int(high[-1]) + width - 1, len(values) - 1) if len(high) else len(values) - 1
    collapsed_for = float(seen.ends[-1] - seen.ends[fell])
    return _Loss(seen, best, best_at + width // 2, now, gain, significant, collapsed_for)


def _worse(view: View, series: Series, *, main: bool) -> Finding | None:
    lost = _lost(view, series)
    if lost is None or not lost.significant:
        return None
    sign = 1.0 if view.goals[series.name] is Goal.MINIMIZE else -1.0
    first, last = float(lost.seen.ends[lost.best_at]), float(lost.seen.ends[-1])
    name, role = series.name, view.roles[series.name]
    whole = max(view.planned_steps or 0.0, last - float(lost.seen.starts[0]))
    lasting = last - first >= STOP_SHARE * whole
    after = sign * lost.seen.values[lost.best_at :]
    recovering = trend(after[len(after) // 2 :]) < -SIGNIFICANT
    if role is Role.EVAL_LOSS:
        sure = _train_fell(view, first) and not _score_holds(view) and trend(after) > SIGNIFICANT
    else:
        # Returns and scores swing: one deep swing is none of a collapse until it has lasted as such.
        sure = lost.collapsed_for >= COLLAPSED_SHARE * whole
    argues_for = Decision.STOP if main and lasting and sure and not recovering else Decision.WAIT
    text = (
        f"{name} became worse: from its best {say(sign * lost.best)} at step {say_step(first)} to "
        f"{say(sign * lost.now)} at step {say_step(last)}, over {len(lost.seen) - 1 - lost.best_at} readings."
    )
    back = sign * (lost.best + (lost.now - lost.best) / 2)
    until = f"This would go away if {name} came back to {say(back)}."
    numbers = {"best": sign * lost.best, "now": sign * lost.now, "gain": lost.gain}
    return Finding(NAME, "worse", argues_for, Weight.SOFT, text, name, first, last, numbers, until)


def _train_fell(view: View, since: float) -> bool:
    name = main_of(Role.TRAIN_LOSS, view.roles, {each: one.count for each, one in view.history.series.items()})
    if name is None or name not in view.history.series:
        return False
    seen = curve(view.history.series[name])
    return trend(seen.values[seen.ends >= since]) < -SIGNIFICANT


def _score_holds(view: View) -> bool:
    for name, series in view.history.series.items():
        if view.roles.get(name) is Role.EVAL_SCORE and name in view.goals:
            lost = _lost(view, series)
            if lost is None or not lost.significant:
                return True
    return False


def _missing(view: View, series: Series) -> Finding | None:
    if len(series) < MIN_EVALS:
        return None
    gap = float(np.max(np.diff(series.steps)))
    late = view.history.last_step - series.last_step
    if gap <= 0 or late <= MISSED * gap:
        return None
    name, last = series.name, series.last_step
    text = (
        f"{name} has not been logged since step {say_step(last)}, {say_step(late)} steps ago; before, it came at least "
        f"every {say_step(gap)}."
    )
    until = f"This would go away if {name} were logged again."
    return Finding(NAME, "missing", Decision.WAIT, Weight.SOFT, text, name, last, view.history.last_step, {}, until)


def _constant(series: Series, *, is_score: bool) -> Finding | None:
    steps, values = series.finite
    if len(values) < MIN_SEEN or np.any(values[-REPEATS:] != values[-1]) or np.all(values == values[-1]):
        return None
    if values[-1] != 0 and (is_score or float(f"{values[-1]:.3g}") == values[-1]):
        return None
    other = int(np.flatnonzero(values != values[-1])[-1])
    name, first, rows = series.name, float(steps[other + 1]), len(values) - 1 - other
    text = f"{name} is exactly {say(float(values[-1]))} in {rows} readings in a row since step {say_step(first)}."
    until = f"This would go away if {name} moved."
    return Finding(NAME, "constant", Decision.WAIT, Weight.SOFT, text, name, first, float(steps[-1]), {}, until)
