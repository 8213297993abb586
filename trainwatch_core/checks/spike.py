"""Spike: the training loss has just jumped, or jumped since the last look and is back already.

Method: the last RECENT samples, of which two must be high, against the median and MAD (or the noise between neighbours,
if that is more) of the up to REFERENCE finite samples before them. Medians
of a whole run hide a jump of a few rows, so this looks at samples. Argues for WAIT only: a spike that stays is the
business of the check for divergence. A spike that came and went between two looks is told as recovered. Needs
MIN_REFERENCE and RECENT samples; NaN and infinities are passed over.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role, loss_is_a_game
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray
from trainwatch_core.stats import median, noise, spread, tame

NAME = "spike"
RECENT = 3
"""Samples that are judged; two of them must be high, because one is a broken batch."""
REFERENCE = 60
"""Samples before them, at most: enough for a spread, few enough not to reach back to a higher loss."""
MIN_REFERENCE = 12
"""Fewer samples have no spread that could be trusted."""
HEIGHT = 8.0
"""In robust standard deviations: heavy-tailed batch losses reach 5 or 6 every few hundred samples."""
SHARE = 0.3
"""Of the reference level: a jump that is many deviations of a very quiet curve, but nothing beside its level, is
none."""


def check(view: View) -> tuple[Finding, ...]:
    """A spike at the end of the training loss, or one since the last look that is over."""
    series = view.main(Role.TRAIN_LOSS)
    if series is None or loss_is_a_game(view.history.series):
        return ()
    name, (steps, values) = series.name, series.finite
    if len(values) < MIN_REFERENCE + RECENT:
        return ()
    values = tame(values)
    bar, level = _bar(values[:-RECENT][-REFERENCE:])
    high = values[-RECENT:] > bar
    if np.count_nonzero(high) > 1:
        return (_spiking(name, steps[-RECENT:][high], values[-RECENT:][high], level),)
    fresh = min(view.new_rows, len(values) - MIN_REFERENCE)
    return _over(name, steps, values, fresh) if fresh > 0 else ()


def _bar(reference: FloatArray) -> tuple[float, float]:
    level = median(reference)
    width = max(spread(reference), noise(reference))
    return level + max(HEIGHT * width, SHARE * abs(level)), level


def _spiking(name: str, steps: FloatArray, values: FloatArray, level: float) -> Finding:
    peak = float(np.max(values))
    text = f"{name} jumped from {say(level)} to {say(peak)} at step {say_step(steps[0])} and is not back yet."
    until = f"This would go away if {name} fell back towards {say(level)}."
    numbers = {"level": level, "peak": peak}
    first, last = float(steps[0]), float(steps[-1])
    return Finding(NAME, "up", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until)


def _over(name: str, steps: FloatArray, values: FloatArray, fresh: int) -> tuple[Finding, ...]:
    start = len(values) - fresh
    bar, level = _bar(values[max(0, start - REFERENCE) : start])
    high = np.flatnonzero(values[start:-1] > bar) + start
    if not len(high) or values[-1] > bar or len(high) > fresh // 2:
        return ()
    peak = int(high[np.argmax(values[high])])
    text = (
        f"{name} spiked to {say(float(values[peak]))} at step {say_step(steps[peak])} and is back at "
        f"{say(float(values[-1]))} at step {say_step(steps[-1])}."
    )
    numbers = {"level": level, "peak": float(values[peak])}
    first, last = float(steps[high[0]]), float(steps[high[-1]])
    return (Finding(NAME, "recovered", Decision.CONTINUE, Weight.RECOVERED, text, name, first, last, numbers),)
