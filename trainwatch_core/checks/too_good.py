"""Too good to be true: a leak, repeated data, targets among the inputs. A reason to look, never to stop.

Method: plain comparison; no statistics. Argues for WAIT:

- `beyond`: the last LAST readings of a metric that should fall are MANY times less than the baseline it is
  held against.
- `perfect`: an eval score is exactly 1 in LAST readings in a row, since its first one; or since one of its first LAST
  ones, if that was within EARLY of the planned length. Easy tasks end there, but they do not begin there.

Needs LAST finite readings and a known direction; NaN is passed over.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import first_step, tame

NAME = "too_good"
LAST = 3
"""Readings: one may be a fault of the eval."""
MANY = 20.0
"""Times better than the baseline: a good idea brings a tenth, a leak brings decades."""
EARLY = 0.15
"""Of the plan: who is perfect later may have earned it."""


def check(view: View) -> tuple[Finding, ...]:
    """Each metric that is better than anybody can believe."""
    found = (_beyond(view, one) or _perfect(view, one) for one in view.history.series.values())
    return tuple(finding for finding in found if finding is not None)


def _beyond(view: View, series: Series) -> Finding | None:
    wanted = view.baseline.get(series.name, 0.0)
    steps, values = series.finite
    recent = tame(values[-LAST:])
    if view.goals.get(series.name) is not Goal.MINIMIZE or wanted <= 0 or len(recent) < LAST:
        return None
    if not np.all((recent >= 0) & (recent * MANY < wanted)):
        return None
    now = float(recent[-1])
    text = (
        f"{series.name} is {say(now)}, {say(min(1e9, wanted / now))} times better than the baseline {say(wanted)}: "
        if now
        else ""
    )
    text = text or f"{series.name} is exactly 0, and the baseline is {say(wanted)}: "
    until = f"This would go away if {series.name} came to {say(wanted / MANY)}, or somebody said why it is so good."
    text += "look whether the eval data has leaked into the training."
    first, last, numbers = float(steps[-LAST]), float(steps[-1]), {"now": now, "baseline": wanted}
    return Finding(NAME, "beyond", Decision.WAIT, Weight.SOFT, text, series.name, first, last, numbers, until)


def _perfect(view: View, series: Series) -> Finding | None:
    steps, values = series.finite
    is_score = view.roles.get(series.name) is Role.EVAL_SCORE and view.goals.get(series.name) is Goal.MAXIMIZE
    if not is_score or len(values) < LAST or not np.all(values[-LAST:] == 1.0):
        return None
    less = np.flatnonzero(values != 1.0)
    start = int(less[-1]) + 1 if len(less) else 0
    first, last = float(steps[start]), float(steps[-1])
    from_the_start = start == 0 and not len(series.buckets)
    early = view.planned_steps is not None and first - first_step(series) <= EARLY * view.planned_steps
    if not (from_the_start or (early and start < LAST)):
        return None
    name, rows = series.name, len(values) - start
    text = (
        f"{name} is exactly 1 in {rows} readings in a row since step {say_step(first)}: look whether the answer is in "
        "the inputs."
    )
    until = f"This would go away if {name} made a mistake, or somebody said why it makes none."
    return Finding(NAME, "perfect", Decision.WAIT, Weight.SOFT, text, name, first, last, {"rows": float(rows)}, until)
