"""Pace: a step takes many times longer than it used to. Argues for WAIT, never for more.

Method: seconds a step between neighbouring samples of the longest series, which weighs rare pauses (evaluations,
checkpoints, a pre-emption) like any other interval; the median of the last RECENT against the median of those before.
Nothing is said across an announced change. Needs MIN_BEFORE intervals with known times before the last ones.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_duration, say_step
from trainwatch_core.model.round import View
from trainwatch_core.stats import median

NAME = "pace"
RECENT, MIN_BEFORE = 8, 20
"""Intervals that are judged, and how many must be known before them."""
SLOW = 5.0
"""Times the usual seconds a step. Longer sequences and larger batches cost two or three; a data loader that starves,
a disk that fills up or a card that throttles costs ten."""
MIN_SECONDS = 1.0
"""A step that still takes less than this starves nobody."""


def check(view: View) -> tuple[Finding, ...]:
    """Whether the last steps were far slower than those before."""
    longest = max(view.history.series.values(), key=len, default=None)
    if longest is None:
        return ()
    steps, seconds = np.diff(longest.steps), np.diff(longest.times)
    known = np.isfinite(seconds) & (seconds >= 0) & (steps > 0)
    paces, starts = seconds[known] / steps[known], longest.steps[:-1][known]
    if len(paces) < MIN_BEFORE + RECENT:
        return ()
    now, usual = median(paces[-RECENT:]), median(paces[:-RECENT])
    began = float(starts[-RECENT])
    if not now > SLOW * usual or now < MIN_SECONDS or any(change.step >= starts[0] for change in view.announced):
        return ()
    text = (
        f"A step takes {_say(now)} since step {say_step(began)}, {say(now / usual) if usual else 'many'} times the "
        f"usual {_say(usual)}."
    )
    until = f"This would go away if a step took less than {_say(SLOW * usual)} again."
    numbers, last = {"now": now, "usual": usual}, float(longest.steps[-1])
    return (Finding(NAME, "slow", Decision.WAIT, Weight.SOFT, text, "", began, last, numbers, until),)


def _say(seconds: float) -> str:
    return say_duration(seconds) if seconds >= MIN_SECONDS else f"{say(seconds)} s"
