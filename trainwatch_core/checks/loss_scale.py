"""Loss scale: fp16 that lowers its scale again and again has found no scale at which the gradients are finite.

Method: the unbroken falls at the end of the series. A dynamic scale halves at an overflow and grows again after some
thousand good steps, so it swings by a few halvings for ever; fairseq gives up at 1e-4. Argues for:

- STOP (hard): FALLS in a row, down to less than FLOOR.
- WAIT: SOME_FALLS in a row, down to less than 1 (gradients overflow that were not even scaled up).

Needs that many samples; NaN is the business of its own check. Source: Micikevicius et al. 2018 (mixed precision);
fairseq's DynamicLossScaler.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import tame

NAME = "loss_scale"
FALLS, FLOOR = 8, 2.0**-6
"""Falls in a row and where they must lead, for STOP: from the usual 65,536 it is 22 halvings to there."""
SOME_FALLS = 5
"""Falls in a row, to less than 1, for WAIT."""


def check(view: View) -> tuple[Finding, ...]:
    """Each loss scale that falls and falls."""
    scales = [one for name, one in view.history.series.items() if view.roles.get(name) is Role.LOSS_SCALE]
    return tuple(finding for one in scales if (finding := _falling(one)) is not None)


def _falling(series: Series) -> Finding | None:
    steps, values = series.finite
    values = tame(values)
    risen = np.flatnonzero(np.diff(values) >= 0)
    start = int(risen[-1]) + 1 if len(risen) else 0
    falls = len(values) - 1 - start
    if falls < SOME_FALLS or values[-1] >= 1:
        return None
    gone = falls >= FALLS and values[-1] < FLOOR
    argues_for, weight = (Decision.STOP, Weight.HARD) if gone else (Decision.WAIT, Weight.SOFT)
    name, first, last = series.name, float(steps[start]), float(steps[-1])
    text = (
        f"{name} fell {falls} times in a row, from {say(float(values[start]))} at step {say_step(first)} to "
        f"{say(float(values[-1]))}: every step overflows and is skipped."
    )
    until, numbers = f"This would go away if {name} rose.", {"falls": float(falls), "now": float(values[-1])}
    return Finding(NAME, "falling", argues_for, weight, text, name, first, last, numbers, until)
