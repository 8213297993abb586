"""Overfitting: an eval loss that has become worse while the training loss fell.

Method: running medians of a tenth of the evals, the best against the last (`stats.setback`); Mann-Kendall (Mann 1945)
on what came since. Argues for:

- STOP (soft), for the main eval loss of a run with a planned length: it lost GAIN_SHARE of what was gained,
  LEVEL_SHARE of its level and SPREADS spreads, it still rises while the training loss falls, its best is STOP_SHARE of
  the plan past (FAST_SHARE, where it is FAR times its best), and no eval score still improves: a net that grows too
  sure of itself has a rising loss and a rising accuracy, and that is no harm.
- WAIT: the same without one of these; or, of few evals, STREAK in a row each worse than the one before, RISEN above
  the best, while the training loss fell.
- INFO: an eval loss other than the main one, or the main one while it comes back.

Without a plan nobody knows how long somebody meant to go on past the best, and the best checkpoint is kept by most: it
stays at WAIT. Needs MIN_SEEN finite evals (STREAK + 1 for a streak); NaN is the business of its own check.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, main_of
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import SIGNIFICANT, Setback, setback, tame, train_falls, trend

NAME = "overfit"
MIN_SEEN, MIN_SINCE = 10, 6
"""Bins of evals in all, and since the best."""
GAIN_SHARE, LEVEL_SHARE, SPREADS = 0.3, 0.15, 4.0
"""What must be lost, each: share of the gain, share of the level, spreads of the evals."""
STOP_SHARE, FAST_SHARE, FAR = 0.25, 0.12, 1.5
"""Shares of the plan that the best must be past before a stop; the shorter one where the loss is FAR times its best.
Before that a late drop of the learning rate, or a second descent, may still bring it back."""
STREAK, RISEN = 3, 0.15
"""Evals that each rose, where there are few, and by how much of the best in all."""


def check(view: View) -> tuple[Finding, ...]:
    """What became worse of each eval loss."""
    counts = {name: series.count for name, series in view.history.series.items()}
    main = main_of(Role.EVAL_LOSS, view.roles, counts)
    evals = [one for name, one in view.history.series.items() if view.roles.get(name) is Role.EVAL_LOSS]
    found = (_worse(view, one, main=one.name == main) or _streak(view, one, main=one.name == main) for one in evals)
    return tuple(finding for finding in found if finding is not None)


def _worse(view: View, series: Series, *, main: bool) -> Finding | None:
    lost = setback(series, 1.0, least=MIN_SEEN)
    if lost is None or lost.readings < MIN_SINCE:
        return None
    bar = max(GAIN_SHARE * lost.gain, LEVEL_SHARE * abs(lost.best), SPREADS * lost.spread)
    if not lost.now - lost.best > bar > 0:
        return None
    name, last = series.name, float(lost.seen.ends[-1])
    text = (
        f"{name} became worse: from its best {say(lost.best)} at step {say_step(lost.best_step)} to {say(lost.now)} at "
        f"step {say_step(last)}, over {lost.readings} readings."
    )
    if not main or lost.recovering:
        return Finding(NAME, "aside", Decision.CONTINUE, Weight.INFO, text, name, lost.best_step, last)
    argues_for = Decision.STOP if _sure(view, lost) else Decision.WAIT
    until = f"This would go away if {name} came back to {say((lost.best + lost.now) / 2)}."
    numbers = {"best": lost.best, "now": lost.now, "gain": lost.gain}
    return Finding(NAME, "worse", argues_for, Weight.SOFT, text, name, lost.best_step, last, numbers, until)


def _sure(view: View, lost: Setback) -> bool:
    if not view.planned_steps:
        return False
    past = float(lost.seen.ends[-1]) - lost.best_step
    far = lost.best > 0 and lost.now > FAR * lost.best
    share = FAST_SHARE if far else STOP_SHARE
    rising = trend(lost.after) > SIGNIFICANT and train_falls(view, lost.best_step)
    return rising and past >= share * view.planned_steps and not _a_score_improves(view)


def _a_score_improves(view: View) -> bool:
    """Whether some eval score had its best not long ago, or has too few readings to tell."""
    for name, series in view.history.series.items():
        goal = view.goals.get(name)
        if view.roles.get(name) is Role.EVAL_SCORE and goal is not None:
            lost = setback(series, 1.0 if goal is Goal.MINIMIZE else -1.0, least=MIN_SEEN)
            if lost is None:
                return True
            past = float(lost.seen.ends[-1]) - lost.best_step
            if past < STOP_SHARE * (view.planned_steps or 0.0):
                return True
    return False


def _streak(view: View, series: Series, *, main: bool) -> Finding | None:
    steps, values = series.finite
    values = tame(values)
    if not main or len(values) < STREAK + 1 or not np.all(np.diff(values[-STREAK - 1 :]) > 0):
        return None
    at = int(np.argmin(values))
    best, now = float(values[at]), float(values[-1])
    if now - best <= RISEN * abs(best) or not np.all(np.diff(values[at:]) > 0) or not train_falls(view, steps[at]):
        return None
    name, first, last = series.name, float(steps[at]), float(steps[-1])
    since = f"since {say(best)} at step {say_step(first)}"
    text = f"{name} has risen at each of {len(values) - 1 - at} evals {since}, to {say(now)}."
    until = f"This would go away if {name} fell at the next eval."
    numbers = {"best": best, "now": now}
    return Finding(NAME, "rising", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until)
