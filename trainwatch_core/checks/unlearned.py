"""Unlearned: the training loss lies above where it began, and nothing was ever learned.

Method: the first samples are what an untrained model pays, so a loss that stays above them is worse than no training.
Quantiles of at most 240 median bins against the first sample or the median of the first START, whichever is less;
Mann-Kendall (Mann 1945) on the later half. Argues for STOP (soft) where three quarters of the bins lie above LOW times
the start, the median of the later half above HIGH times, and it is not falling; where that may be noise, it must be
NOISY times and fall nowhere.

Losses that are below zero, or weighted anew while the run goes on (KL warm-up: a part of the loss falls; curriculum:
the evals get better), take no part; nor do those of reinforcement learning and GANs, nor a run that was announced to
change. Needs MIN_ROWS finite samples; NaN and infinities are passed over.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role, loss_is_a_game
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import Curve, curve, first_step, learns_elsewhere, median, noise, trend

NAME = "unlearned"
START = 3
"""Samples that are the start: one may be an accident, and ten may have learned already."""
MIN_ROWS = 20
"""Samples: of fewer, the later half is no level."""
LOW, HIGH = 1.1, 1.5
"""Times the start. A loss that wanders about its start stays below; divergence at the start exceeds both by far."""
SPREADS, NOISY = 6.0, 2.5
"""A later half less than SPREADS of its noise above the start must be NOISY times as high, and nothing of the whole may
have fallen: the start is one sample, and of a noisy loss that one may be lucky."""
HELD = 0.9
"""Of the start: a level below this was learned once, and then it is the check for divergence that speaks."""
SIGNIFICANT = 2.0
"""Mann-Kendall z beyond which a trend is one: a flat curve gets there once in twenty times."""


def check(view: View) -> tuple[Finding, ...]:
    """The main training loss above its start, at most one finding."""
    series = view.main(Role.TRAIN_LOSS)
    if series is None or loss_is_a_game(view.history.series) or view.announced:
        return ()
    seen = curve(series)
    start = _start(series)
    if start is None or float(np.sum(seen.rows)) < MIN_ROWS or learns_elsewhere(view, series.name):
        return ()
    finding = _above(series, seen, start)
    return (finding,) if finding is not None else ()


def _start(series: Series) -> float | None:
    """What was paid at the start; None where it cannot be a measure."""
    means = series.bucket("mean")[:START]
    values = np.concatenate([means[np.isfinite(means)], series.finite[1]])[:START]
    if len(values) < START:
        return None
    # A first step too far is felt in the second sample; a lucky one among the first three is not the first.
    start = min(float(values[0]), median(values))
    return start if start > 0 else None


def _above(series: Series, seen: Curve, start: float) -> Finding | None:
    later = seen.values[len(seen) // 2 :]
    low, half = float(np.quantile(seen.values[1:], 0.25)), median(later)
    if trend(later) < -SIGNIFICANT or float(np.quantile(seen.values, 0.1)) < HELD * start:
        return None
    if not (low > LOW * start and half > HIGH * start):
        return None
    unsure = half - start < SPREADS * noise(later)
    if unsure and (half < NOISY * start or trend(seen.values) < -SIGNIFICANT):
        return None
    name, first, last = series.name, first_step(series), float(seen.ends[-1])
    text = (
        f"{name} began at {say(start)}, and the median of its later half, up to step {say_step(last)}, is {say(half)}: "
        "nothing was ever learned."
    )
    until = f"This would go away if {name} fell below {say(HELD * start)}."
    numbers = {"start": start, "level": half, "quarter": low}
    return Finding(NAME, "above", Decision.STOP, Weight.SOFT, text, name, first, last, numbers, until)
