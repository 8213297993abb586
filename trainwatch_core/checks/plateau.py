"""Plateau: the training loss has not moved since the start, or repeats itself to the last digit.

Method: Mann-Kendall trend and levels of at most 240 median bins. Healthy runs sit at chance level for thousands of
steps before they leave it, so this argues for WAIT, with one exception: STOP (soft) where the loss is the logarithm
of a class count *and* an accuracy is one over that count *and* there is no trend *and* STUCK_SHARE of a planned
length has gone *and* nothing else learns. A loss that has learned and is level at the end is no anomaly: whether it
is good enough, the baseline says.

Three more things argue for WAIT: a loss that is PINNED to one level to a few thousandths and was never lower (a dead
net is quieter than any batch noise); a loss that moves no more while a score between 0 and 1 is level, too, and POOR;
a reward whose level has never moved in MANY_EPISODES.

Being stuck needs MIN_BINS finite samples and MIN_SHARE of the plan, or MIN_ROWS samples without one; NaN and
infinities are passed over. Losses of reinforcement learning and GANs do not take part: flat is normal there. Where
another loss falls or an eval gets better, being stuck or pinned is no finding, and chance level argues for WAIT at
most.
"""

from __future__ import annotations

import math

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, loss_is_a_game, words
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.stats import Curve, curve, learns_elsewhere, median, spread, trend

NAME = "plateau"
MIN_BINS = 12
"""Bins of the run, at least: three in each quarter that is compared."""
MIN_ROWS = 30
"""Samples without a planned length: fewer have not had the time to move."""
MIN_SHARE, STUCK_SHARE = 0.15, 0.2
"""Shares of the plan: before the first a flat loss is no news, before the second it never argues for STOP."""
MOVED_SPREADS, MOVED_SHARE = 1.5, 0.01
"""Progress below both counts as none: spreads of the bins, share of the level."""
CHANCE = 0.01
"""How near, relatively, to ln k the loss must be, and ACCURACY how near to 1/k an accuracy."""
ACCURACY = 0.25
"""Relative distance of an accuracy to one over the class count: evals of a thousand examples scatter by a tenth."""
LEAST_CHANCE, MAX_CLASSES = 0.5, 1_000_000
"""Below ln 2 there is no chance level, and above so many classes every level is near some logarithm."""
FALLING = 4.0
"""Mann-Kendall z: a fall that is certain, however slow; but one of less than MOVED_SHARE in all is no learning."""
MIN_HEAD = 3
"""Bins that are the beginning."""
REPEATS = 15
"""Samples with exactly one value. Rounding to four digits repeats a converged loss now and then, not so often."""


PINNED, PINNED_ROWS = 0.003, 15
"""Relative spread of a pinned level, and how many samples it needs. Batch noise is ten times as wide."""
BEGAN = 0.25
"""Above its level a pinned loss may have begun: what came down further has learned."""
POOR, LEVEL_SHARE, GAIN_SHARE, MANY_ROWS = 0.25, 0.15, 0.1, 500
"""A score so low, that gained less than LEVEL_SHARE of itself, and a loss that gained less than GAIN_SHARE of all it
gained, in the later half of so many samples."""
MANY_EPISODES, SAME = 1000, 0.02
"""Readings of a reward, and the relative change that counts as none: a sparse reward may take hundreds to be found."""


_ACCURACIES = frozenset({"acc", "accuracy", "top1"})


def check(view: View) -> tuple[Finding, ...]:
    """Stuck from the start, frozen to all digits, or level at a poor score; at most one finding."""
    if loss_is_a_game(view.history.series):
        score = view.main(Role.TRAIN_SCORE)
        finding = _unrewarded(score) if score is not None else None
        return (finding,) if finding else ()
    series = view.main(Role.TRAIN_LOSS)
    if series is None:
        return ()
    elsewhere = learns_elsewhere(view, series.name)
    finding = _frozen(series) or _stuck(view, series, elsewhere=elsewhere)
    finding = finding or (None if elsewhere else _pinned(series)) or _poor(view, series)
    return (finding,) if finding else ()


def _unrewarded(series: Series) -> Finding | None:
    seen = curve(series)
    if series.count < MANY_EPISODES:
        return None
    level = median(seen.values[: len(seen) // 10])
    if np.max(np.abs(seen.values - level)) > SAME * abs(level):
        return None
    name, first, last = series.name, float(seen.starts[0]), float(seen.ends[-1])
    text = f"{name} has been {say(level)} in {series.count:,} samples since the start: no reward was ever found."
    until, numbers = f"This would go away if {name} moved.", {"level": level}
    return Finding(NAME, "unrewarded", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until)


def _pinned(series: Series) -> Finding | None:
    steps, values = series.finite
    recent = values[-PINNED_ROWS:]
    level = median(recent)
    if len(values) < MIN_ROWS or level == 0 or _digit(values) > PINNED * abs(level):
        return None
    off = np.abs(recent - level) > PINNED * abs(level)
    seen = curve(series).values
    # A smooth loss that has come down and converged is as quiet, and no harm.
    learned = median(seen[:MIN_HEAD]) - level > BEGAN * abs(level)
    if np.count_nonzero(off) > 1 or learned or float(np.min(seen)) < level - 2 * PINNED * abs(level):
        return None
    first, last, name = float(steps[-len(recent)]), float(steps[-1]), series.name
    text = f"{name} is pinned to {say(level)} since step {say_step(first)} or longer, quieter than batches are."
    until, numbers = f"This would go away if {name} left {say(level)}.", {"level": level}
    return Finding(NAME, "pinned", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until)


def _digit(values: FloatArray) -> float:
    """The least difference between two values: what is logged in few digits looks quieter than it is."""
    different = np.unique(values)
    return float(np.min(np.diff(different))) if len(different) > 1 else 0.0


def _poor(view: View, series: Series) -> Finding | None:
    seen = curve(series)
    scored = view.main(Role.EVAL_SCORE)
    if series.count < MANY_ROWS or scored is None or view.goals.get(scored.name) is not Goal.MAXIMIZE:
        return None
    name, score = scored.name, curve(scored).values
    if len(score) < MIN_BINS or np.min(score) < 0 or np.max(score) > POOR:
        return None
    begun, middle, now = _thirds(seen.values)
    _, was, level = _thirds(score)
    if middle - now > GAIN_SHARE * max(0.0, begun - now) or level - was > LEVEL_SHARE * level:
        return None
    first, last = float(seen.starts[len(seen) // 2]), float(seen.ends[-1])
    text = (
        f"{series.name} has hardly moved from {say(now)} since step {say_step(first)}, and {name} is only {say(level)}."
    )
    until, numbers = f"This would go away if {name} rose above {say(POOR)}.", {"level": now, "score": level}
    return Finding(NAME, "poor", Decision.WAIT, Weight.SOFT, text, series.name, first, last, numbers, until)


def _thirds(values: FloatArray) -> tuple[float, float, float]:
    """The level at the start, at half-way and at the end, each of a tenth of the values."""
    tenth, half = max(MIN_HEAD, len(values) // 10), len(values) // 2
    return median(values[:tenth]), median(values[half : half + tenth]), median(values[-tenth:])


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


def _stuck(view: View, series: Series, *, elsewhere: bool) -> Finding | None:
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
    if not classes and elsewhere:
        return None
    if not classes and median(seen.values[:MIN_HEAD]) - level > wide:
        return None
    first, last = float(seen.starts[0]), float(seen.ends[-1])
    chance = f", which is ln {classes}: pure guessing among {classes} classes" if classes else ""
    text = f"{series.name} has not moved from {say(level)} between step {say_step(first)} and {say_step(last)}{chance}."
    sure = classes and not elsewhere and view.planned_steps and last - first >= STUCK_SHARE * view.planned_steps
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
        # Of scores only an accuracy is one over the count; a precision may be near it by accident.
        score = score and bool(set(words(name)) & _ACCURACIES)
        if score and len(values) > 1 and abs(median(values[-5:]) * classes - 1) <= ACCURACY:
            return classes
    return 0
