"""Plateau: the training loss has not moved since the start, or repeats itself to the last digit.

Method: Mann-Kendall trend and levels of at most 240 median bins. Healthy runs sit at chance level for thousands of
steps before they leave it, so this argues for WAIT, with one exception: STOP (soft) where the loss is the logarithm
of a class count *and* an accuracy is one over that count *and* there is no trend *and* STUCK_SHARE of a planned
length has gone. A loss that has learned and is level at the end is no anomaly: whether it is good enough, the
baseline says.

Needs MIN_BINS finite samples and MIN_SHARE of the plan, or MIN_ROWS samples without one; NaN and infinities are
passed over. Losses of reinforcement learning and GANs do not take part: flat is normal there.
"""

from __future__ import annotations

import math

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, loss_is_a_game, main_of
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import Curve, curve, median, spread, trend

NAME = "plateau"
MIN_BINS = 12
MIN_ROWS = 50
MIN_SHARE, STUCK_SHARE = 0.15, 0.25
MOVED_SPREADS, MOVED_SHARE = 1.5, 0.01
"""Progress below both counts as none: spreads of the bins, share of the level."""
CHANCE = 0.01
"""How near, relatively, to ln k the loss must be, and ACCURACY how near to 1/k an accuracy."""
ACCURACY = 0.25
LEAST_CHANCE, MAX_CLASSES = 0.5, 1_000_000
FALLING = 4.0
"""Mann-Kendall z: a fall that is certain, however slow; but one of less than MOVED_SHARE in all is no learning."""
MIN_HEAD = 3
REPEATS = 15
"""Samples with exactly one value. Rounding to four digits repeats a converged loss now and then, not so often."""


def check(view: View) -> tuple[Finding, ...]:
    """Stuck from the start, or frozen to all digits; at most one finding."""
    counts = {name: series.count for name, series in view.history.series.items()}
    name = main_of(Role.TRAIN_LOSS, view.roles, counts)
    if name is None or name not in counts or loss_is_a_game(counts):
        return ()
    series = view.history.series[name]
    finding = _frozen(series) or _stuck(view, series)
    return (finding,) if finding else ()


def _frozen(series: Series) -> Finding | None:
    steps, values = series.finite
    if len(values) < REPEATS or values[-1] == 0 or not np.all(values[-REPEATS:] == values[-1]):
        return None
    same = np.flatnonzero(values != values[-1])
    start = int(same[-1]) + 1 if len(same) else 0
    if float(f"{values[-1]:.3g}") == values[-1]:
        # Three digits may well repeat in a run that has converged.
        return None
    rows, first = len(values) - start, float(steps[start])
    text = f"{series.name} is exactly {say(float(values[-1]))} in {rows} samples in a row since step {say_step(first)}."
    until = f"This would go away if {series.name} moved."
    numbers, last = {"rows": float(rows)}, float(steps[-1])
    return Finding(NAME, "frozen", Decision.WAIT, Weight.SOFT, text, series.name, first, last, numbers, until)


def _stuck(view: View, series: Series) -> Finding | None:
    seen = curve(series)
    if len(seen) < MIN_BINS or not _long_enough(view, seen):
        return None
    # The first tenth may fall from a bad initialisation to chance level; anything else that fell there has learned.
    values = seen.values[len(seen) // 10 :]
    quarter = max(3, len(values) // 4)
    level = median(values[-quarter:])
    wide = max(MOVED_SPREADS * spread(values), MOVED_SHARE * abs(level))
    moved = median(values[:quarter]) - level
    learning = trend(values) < -FALLING and moved > MOVED_SHARE * abs(level)
    if abs(moved) > wide or learning or spread(values) > abs(level) / 4:
        return None
    classes = _chance(view, level)
    if not classes and median(seen.values[:MIN_HEAD]) - level > wide:
        return None
    first, last = float(seen.starts[0]), float(seen.ends[-1])
    chance = f", which is ln {classes}: pure guessing among {classes} classes" if classes else ""
    text = f"{series.name} has not moved from {say(level)} between step {say_step(first)} and {say_step(last)}{chance}."
    sure = classes and view.planned_steps and last - first >= STUCK_SHARE * view.planned_steps
    argues_for = Decision.STOP if sure else Decision.WAIT
    until = f"This would go away if {series.name} fell below {say(level - wide)}."
    numbers = {"level": level, "moved": moved, "wide": wide}
    code = "chance" if classes else "stuck"
    return Finding(NAME, code, argues_for, Weight.SOFT, text, series.name, first, last, numbers, until)


def _long_enough(view: View, seen: Curve) -> bool:
    if view.planned_steps:
        return float(seen.ends[-1] - seen.starts[0]) >= MIN_SHARE * view.planned_steps
    return float(np.sum(seen.rows)) >= MIN_ROWS


def _chance(view: View, level: float) -> int:
    """The number of classes at which this level is chance and an accuracy agrees; 0 if there is none."""
    if not LEAST_CHANCE < level < math.log(MAX_CLASSES):
        return 0
    classes = round(math.exp(level))
    if abs(level - math.log(classes)) > CHANCE * level:
        return 0
    for name, series in view.history.series.items():
        score = view.roles.get(name) in {Role.TRAIN_SCORE, Role.EVAL_SCORE} and view.goals.get(name) is Goal.MAXIMIZE
        values = series.finite[1]
        if score and len(values) > 1 and abs(median(values[-5:]) * classes - 1) <= ACCURACY:
            return classes
    return 0
