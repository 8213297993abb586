"""Evaluation: evals that stopped coming, or that repeat themselves to the last digit.

Method: plain comparison with their own past; no statistics. Rules, for the main eval loss and the main eval score:

- `missing`: no eval for MISSED times the longest gap so far while training goes on. WAIT.
- `constant`: the last REPEATS evals are the same to all digits, and it moved before. WAIT. A score repeats itself on
  a small eval set once it has converged, so of scores only an exact 0 counts; a loss that is logged in three digits or
  fewer repeats itself, too, and says nothing. Of any other loss it means that the weights do not change any more:
  STOP (soft) where it has lasted FROZEN_SHARE of a planned length in FROZEN evals, LEFT_SHARE of the plan is still to
  come, and the training loss does not fall meanwhile (else the eval reads an old checkpoint).

`missing` needs MIN_EVALS evals, `constant` MIN_SEEN finite ones; NaN is the business of its own check.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import SIGNIFICANT, train_trend

NAME = "evaluation"
MIN_SEEN, MIN_EVALS = 10, 6
"""Evals seen before they can be called constant, and before their rhythm is known."""
MISSED = 4.0
"""Times the longest gap so far: a rhythm that somebody changed is two or three times as slow."""
REPEATS, FROZEN = 5, 6
"""Evals with one and the same value: for WAIT, and for STOP."""
FROZEN_SHARE, LEFT_SHARE = 0.1, 0.2
"""Shares of the plan: for how long before a stop, and how much must be left for a stop to save anything."""


def check(view: View) -> tuple[Finding, ...]:
    """What does not work any more of the main evals."""
    found: list[Finding | None] = []
    for role in (Role.EVAL_LOSS, Role.EVAL_SCORE):
        series = view.main(role)
        if series is not None:
            found.append(_missing(view, series) or _constant(view, series, is_score=role is Role.EVAL_SCORE))
    return tuple(finding for finding in found if finding is not None)


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


def _constant(view: View, series: Series, *, is_score: bool) -> Finding | None:
    steps, values = series.finite
    if len(values) < MIN_SEEN or np.any(values[-REPEATS:] != values[-1]) or np.all(values == values[-1]):
        return None
    if values[-1] != 0 and (is_score or float(f"{values[-1]:.3g}") == values[-1]):
        return None
    other = int(np.flatnonzero(values != values[-1])[-1])
    name, first, rows = series.name, float(steps[other + 1]), len(values) - 1 - other
    frozen = not is_score and rows >= FROZEN and _nothing_moves(view, first)
    argues_for = Decision.STOP if frozen else Decision.WAIT
    text = f"{name} is exactly {say(float(values[-1]))} in {rows} readings in a row since step {say_step(first)}"
    text += ": the weights do not change any more." if frozen else "."
    until = f"This would go away if {name} moved."
    numbers = {"rows": float(rows)}
    return Finding(NAME, "constant", argues_for, Weight.SOFT, text, name, first, float(steps[-1]), numbers, until)


def _nothing_moves(view: View, since: float) -> bool:
    now, plan = view.history.last_step, view.planned_steps
    if not plan or now - since < FROZEN_SHARE * plan or plan - now < LEFT_SHARE * plan:
        return False
    z = train_trend(view, since)
    return z is not None and z > -SIGNIFICANT
