"""Gradient norm: exploding, vanishing, a record, or always clipped. By itself a reason to look, never to stop.

Method: the last RECENT samples against the median of those before; far above or below it, or exactly 0 like it, argues
for WAIT. Two things
are a word only: a norm RECORD times as high as any before (the loss follows, or it does not), and CLIPPED of the last
WINDOW samples that are the largest one to SAME (clipped before it was logged: then the rate is scaled by the norm,
and its own size says little). Needs MIN_SAMPLES finite samples; infinities are the business of the check for NaN
(under AMP single ones are normal: the scaler skips the step).
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray
from trainwatch_core.stats import median, tame

NAME = "gradient"
RECENT = 8
"""Samples in a row: single batches reach anything."""
MIN_SAMPLES = 30
"""Fewer samples have no usual norm."""
EXPLODING = 30.0
"""Times the usual norm. Norms of healthy runs drift by a factor of ten, and single batches reach more."""
VANISHING = 1e-4
"""Times the usual norm. A converged net keeps its batch noise; only a dead one falls by four decades."""
RECORD = 4.0
"""Times the highest norm before."""
WINDOW, CLIPPED, SAME = 50, 0.9, 1e-4
"""Samples, the share of them that must be at the ceiling, and how near, relatively, is at it."""


def check(view: View) -> tuple[Finding, ...]:
    """Whether the last norms are far above or far below the usual one."""
    series = view.main(Role.GRAD_NORM)
    if series is None:
        return ()
    name, (steps, values) = series.name, series.finite
    if len(values) < MIN_SAMPLES:
        return ()
    now, usual = median(values[-RECENT:]), median(values[:-RECENT])
    recent = tame(values[-RECENT:])
    if usual > 0 and np.min(recent) > EXPLODING * usual:
        code, words = "exploding", f"is {say(now)}, {say(now / usual)} times its usual {say(usual)}"
    elif usual > 0 and np.max(np.abs(recent)) < VANISHING * usual:
        code, words = "vanishing", f"is {say(now)}, almost nothing beside its usual {say(usual)}"
    elif usual == 0 and not np.any(recent):
        code, words = "zero", "is exactly 0: nothing is being learned"
    else:
        return _word(name, steps, tame(values))
    first, last = float(steps[-RECENT]), float(steps[-1])
    text = f"{name} {words}, for {RECENT} samples in a row since step {say_step(first)}."
    until = (
        f"This would go away if {name} came back to {say(usual)}." if usual else f"This would go away if {name} moved."
    )
    numbers = {"now": now, "usual": usual}
    return (Finding(NAME, code, Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until),)


def _word(name: str, steps: FloatArray, values: FloatArray) -> tuple[Finding, ...]:
    before, recent, window = values[:-RECENT], values[-RECENT:], values[-WINDOW:]
    most, usual, top = float(np.max(before)), median(before), float(np.max(window))
    peak, last = float(np.max(recent)), float(steps[-1])
    clipped = int(np.sum(window >= top * (1 - SAME)))
    if peak > RECORD * most and peak > EXPLODING * usual > 0:
        code, first = "record", float(steps[-RECENT + int(np.argmax(recent))])
        text = f"{name} reached {say(peak)} at step {say_step(first)}; its highest before was {say(most)}."
        numbers = {"peak": peak, "most": most}
    elif (
        top > 0 and len(window) == WINDOW and clipped >= CLIPPED * WINDOW and float(np.max(values)) <= top * (1 + SAME)
    ):
        code, first = "clipped", float(steps[-WINDOW])
        text = f"{name} is {say(top)} in {clipped} of its last {WINDOW} samples: nearly every step is clipped."
        numbers = {"top": top, "share": clipped / WINDOW}
    else:
        return ()
    return (Finding(NAME, code, Decision.CONTINUE, Weight.INFO, text, name, first, last, numbers),)
