"""Divergence: the training loss has risen far above its best and stays there.

Method: level shift of robust bins (at most 240 medians a run): the running median of a sixteenth of the run at its
best against the one now. It counts if it gave back a share of the progress made, a share of the level, and several
spreads of the curve around its own running median; the onset is where it left the best for good. Mann-Kendall and
Theil-Sen on what came since then say whether it is coming back.

- HARD, STOP (runaway): every one of the last RUNAWAY_ROWS samples is RUNAWAY times as high above the best as the loss
  has ever come down (as the best's own size or the spread of the samples, where that is more), and it is not falling,
  nor is another training loss.
- SOFT, STOP: a lasting shift without an explanation; a shallow one is WAIT until it has lasted longer.
- WAIT: a lasting shift that is falling fast enough to lose a third of its excess in what is left of the plan (or in
  as many steps as were seen), or that the evals do not follow (curriculum, dropout).
- CONTINUE, with a word: a shift that somebody announced, that came with a learning rate raised within its old range
  (restart, cycle), beside which another training loss falls (a running mean, a part weighted anew), or with which an
  epoch counter began again (several runs in one file).

Losses of reinforcement learning and GANs say little by their level and take no part. Needs MIN_BINS finite samples;
NaN and infinities are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, loss_is_a_game
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.stats import Curve, curve, levels, median, slope, spread, tame, trend

NAME = "divergence"
MIN_BINS = 16
"""Bins of the run, at least: each running median spans three of them."""
WIDTHS = 16
"""The running median spans a sixteenth of the run, at least MIN_WIDTH bins."""
MIN_WIDTH = 3
"""Bins: the median of three withstands a broken one."""
BEST_WIDTH = 8
"""The best is read as the median of so many bins at least: the best three of many are luck, and whatever comes after
luck is a rise."""
PROGRESS_SHARE, LEVEL_SHARE, SPREADS = 0.15, 0.05, 2.5
"""What a shift must exceed, each: share of the progress made, share of the level, spreads of the curve. Changing any by
half moves little: real divergence exceeds all of them by far."""
DEEP_SHARE, SHALLOW_LASTS = 0.3, 0.12
"""A shift of less than this share of progress and level must have lasted so much of the run."""
UNLEARNED_SHARE = 0.25
"""Of the level, for a loss that never came down: contrastive losses and KL warm-ups rise a little at the start."""
BACK_SHARE = 1 / 3
"""An excess of which a third is forecast to vanish is a recovery under way."""
RUNAWAY, RUNAWAY_ROWS = 10.0, 5
"""Times the depth that the loss has ever come down (or its best's own size, or the spread of its samples, whichever
is most), in each of so many samples at the end: no batch noise is that large five times in a row."""
SIGNIFICANT = 2.0
"""Mann-Kendall z beyond which a trend is one: a flat curve gets there once in twenty times."""
HOLDING_SHARE = 0.1
"""Of the range of the evals: so near to their best they hold, whatever the training loss does."""
BEGUN_AGAIN = 5
"""An epoch counter that fell to less than one in so many of what it was has begun again."""
ANNOUNCED_SLACK = 0.05
"""Of the steps before the rise: how far off an announced step may be."""


@dataclass(frozen=True, slots=True)
class _Shift:
    series: Series
    seen: Curve
    best: float
    best_at: int
    now: float
    onset: int
    progress: float
    unrest: float

    @property
    def onset_step(self) -> float:
        return float(self.seen.starts[self.onset])

    @property
    def best_step(self) -> float:
        return float(self.seen.ends[self.best_at])


def check(view: View) -> tuple[Finding, ...]:
    """The lasting rise of the main training loss above its best, at most one finding."""
    series = view.main(Role.TRAIN_LOSS)
    if series is None or loss_is_a_game(view.history.series):
        return ()
    name = series.name
    if runaway := _runaway(view, series):
        return (runaway,)
    shift = _shift(series)
    if shift is None:
        return ()
    harmless = _harmless(view, shift)
    explained = harmless or ("it is falling again" if _coming_back(view, shift) else _evals_hold(view, shift))
    text = (
        f"{name} rose from its best level {say(shift.best)} (step {say_step(shift.best_step)}) to "
        f"{say(shift.now)} and has stayed up since step {say_step(shift.onset_step)}{explained and f'; {explained}'}."
    )
    end = float(shift.seen.ends[-1])
    if harmless:
        return (Finding(NAME, "harmless", Decision.CONTINUE, Weight.INFO, text, name, shift.onset_step, end),)
    argues_for, code = (Decision.WAIT, "explained") if explained else (Decision.STOP, "shift")
    if not explained and not _lasting(view, shift):
        argues_for = Decision.WAIT
    back = shift.best + (shift.now - shift.best) / 2
    until = f"This would go away if {name} fell below {say(back)}."
    numbers = {"best": shift.best, "now": shift.now, "spread": shift.unrest}
    return (Finding(NAME, code, argues_for, Weight.SOFT, text, name, shift.onset_step, end, numbers, until),)


def _spread(values: FloatArray, running: FloatArray, best_at: int) -> float:
    """The spread of the bins around their own running median, up to the best if that is long enough to tell.

    What came after the best is judged, so its own unrest must not excuse it.
    """
    width = len(values) - len(running) + 1
    rest = values[width // 2 : width // 2 + len(running)] - running
    return spread(rest[: best_at + width] if best_at + width >= MIN_BINS else rest)


def _shift(series: Series) -> _Shift | None:
    seen = curve(series)
    if len(seen) < MIN_BINS:
        return None
    width = max(MIN_WIDTH, len(seen) // WIDTHS)
    wide = max(BEST_WIDTH, width)
    calm, running = levels(seen.values, wide), levels(seen.values, width)
    at = int(np.argmin(calm[:-width]))
    best, now, best_at = float(calm[at]), float(running[-1]), at + (wide - width) // 2
    progress = max(0.0, float(running[0]) - best)
    share = LEVEL_SHARE if progress > LEVEL_SHARE * abs(best) else UNLEARNED_SHARE
    unrest = _spread(seen.values, calm, at)
    bar = max(PROGRESS_SHARE * progress, share * abs(best), SPREADS * unrest)
    below = np.flatnonzero(running[best_at:] <= best + bar)
    onset = best_at + (int(below[-1]) + 1 if len(below) else 0)
    # It must have stayed up for a whole width, or the running median is the spike itself.
    if onset > len(running) - width // 2 or now - best <= bar or bar == 0:
        return None
    first = min(len(seen) - 1, onset + width // 2)
    return _Shift(series, seen, best, best_at + width // 2, now, first, progress, unrest)


def _runaway(view: View, series: Series) -> Finding | None:
    steps, values = series.finite
    if len(values) < MIN_BINS or series.last_step != steps[-1]:
        return None
    seen, tamed = curve(series), tame(values)
    running = levels(seen.values, MIN_WIDTH)
    best = float(np.min(running))
    depth = max(float(np.max(running[: int(np.argmin(running)) + 1])) - best, abs(best), spread(tamed))
    bar = best + RUNAWAY * depth
    high = tamed > bar
    if depth == 0 or not np.all(high[-RUNAWAY_ROWS:]):
        return None
    below = np.flatnonzero(~high)
    start = int(below[-1]) + 1 if len(below) else 0
    if trend(tamed[start:]) < -SIGNIFICANT:
        return None
    rows, first = len(values) - start, float(steps[start])
    if _another_falls(view, series.name, float(seen.ends[int(np.argmin(running))]), first):
        return None
    text = (
        f"{series.name} has run away to {say(float(values[-1]))}, above {say(bar)} in {rows} samples in a row since "
        f"step {say_step(first)}; its best was {say(best)}."
    )
    until = f"This would go away if {series.name} fell below {say(bar)}."
    numbers = {"best": best, "bar": bar, "rows": float(rows)}
    name, last = series.name, float(steps[-1])
    return Finding(NAME, "runaway", Decision.STOP, Weight.HARD, text, name, first, last, numbers, until)


def _harmless(view: View, shift: _Shift) -> str:
    """Why the rise is none of the training's making."""
    return (
        _announced(view, shift)
        or _rate_raised(view, shift)
        or _another_falls(view, shift.series.name, shift.best_step, shift.onset_step)
        or _glued(view, shift.best_step)
    )


def _lasting(view: View, shift: _Shift) -> bool:
    """A deep shift is believed at once; a shallow one must last, because the best of a noisy curve flatters."""
    first, last = float(shift.seen.starts[0]), float(shift.seen.ends[-1])
    deep = shift.now - shift.best > DEEP_SHARE * max(shift.progress, abs(shift.best))
    return deep or last - shift.onset_step >= SHALLOW_LASTS * max(view.planned_steps or 0.0, last - first)


def _announced(view: View, shift: _Shift) -> str:
    """A change that was announced between the best and the rise, or right after it (steps are told roughly)."""
    slack = ANNOUNCED_SLACK * (shift.onset_step - float(shift.seen.starts[0]))
    for change in view.announced:
        if shift.best_step - slack <= change.step <= shift.onset_step + slack:
            return f"a change was announced for step {say_step(change.step)}"
    return ""


def _another_falls(view: View, main: str, best_step: float, onset_step: float) -> str:
    for name, role in view.roles.items():
        if role is Role.TRAIN_LOSS and name != main and name in view.history.series:
            seen = curve(view.history.series[name])
            before = seen.values[seen.ends <= best_step][-MIN_WIDTH:]
            since = seen.values[seen.starts >= onset_step]
            if len(before) and trend(since) < -SIGNIFICANT and median(since[-MIN_WIDTH:]) < median(before):
                return f"but {name} is still falling"
    return ""


def _glued(view: View, best_step: float) -> str:
    for name, role in view.roles.items():
        if role is Role.PROGRESS and "epoch" in name.lower() and name in view.history.series:
            steps, values = view.history.series[name].finite
            back = np.flatnonzero((values[1:] < values[:-1] / BEGUN_AGAIN) & (steps[1:] > best_step)) + 1
            if len(back):
                at = say_step(float(steps[back[0]]))
                return f"but {name} went back to {say(float(values[back[0]]))} at step {at}: a new run?"
    return ""


def _coming_back(view: View, shift: _Shift) -> bool:
    ends, values = shift.seen.ends[shift.onset :], shift.seen.values[shift.onset :]
    peak = int(np.argmax(levels(values, MIN_WIDTH))) if len(values) >= MIN_WIDTH else 0
    steps, after = ends[peak:], values[peak:]
    half = len(after) // 2
    steps, after = (steps[half:], after[half:]) if half >= MIN_BINS else (steps, after)
    if trend(after) > -SIGNIFICANT:
        return False
    last = float(ends[-1])
    left = (
        view.planned_steps - last
        if view.planned_steps and view.planned_steps > last
        else last - float(shift.seen.starts[0])
    )
    return -slope(steps, after) * left >= BACK_SHARE * (shift.now - shift.best)


def _rate_raised(view: View, shift: _Shift) -> str:
    rate = view.main(Role.LEARNING_RATE)
    if rate is None:
        return ""
    name, seen = rate.name, curve(rate)
    before = seen.values[seen.ends <= shift.best_step]
    since = seen.values[seen.ends > shift.best_step]
    if not len(before) or not len(since):
        return ""
    top, was, raised = float(np.max(before)), float(before[-1]), float(np.max(since))
    if 0 < was * 1.5 < raised <= 1.05 * top:
        return f"{name} was raised from {say(was)} to {say(raised)}, within its old range"
    return ""


def _evals_hold(view: View, shift: _Shift) -> str:
    for role in (Role.EVAL_LOSS, Role.EVAL_SCORE):
        series = view.main(role)
        goal = view.goals.get(series.name) if series is not None else None
        if series is None or goal is None:
            continue
        name, (steps, values) = series.name, series.finite
        worth = tame(values) if goal is Goal.MINIMIZE else -tame(values)
        before, since = worth[steps < shift.onset_step], worth[steps >= shift.onset_step]
        if len(before) < 2 or len(since) < 2:  # noqa: PLR2004  # one eval is an accident
            continue
        best, progress = float(np.min(before)), float(np.max(before) - np.min(before))
        if median(since[-3:]) <= best + HOLDING_SHARE * max(progress, 0.0):
            return f"but {name} holds at {say(float(values[-1]))}"
    return ""
