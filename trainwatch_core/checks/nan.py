"""NaN and infinity: in the training loss they are the surest sign of a dead run, elsewhere a reason to look.

Method: the stretch of non-finite samples at the end of each series. Rules, from sure to unsure:

- HARD, STOP: the training loss has been non-finite for MIN_STREAK samples (or FEW_STREAK, if the log is so sparse
  that these are a tenth of the steps seen), and for more than twice as long as any stretch it came back from.
- HARD, STOP: the loss repeats one value to the last digit while the gradient norm is non-finite: some loggers write
  0.0 or the last mean in place of NaN (transformers' `logging_nan_inf_filter`). FEW_STREAK samples are enough of 0.0.
- WAIT: a shorter stretch; an eval metric that ended in MIN_EVALS non-finite values; a part of the loss; gradients.
- INFO: isolated ones that came back.

With several losses the main one decides; without any, the losses of the players decide together: all must be gone.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role, main_of, names_a_loss
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import Streak, first_step, streak

NAME = "nan"
MIN_STREAK = 5
"""Samples. A logger that skips a bad batch, or fp16 that lowers its scale, loses one or two in a row, seldom four."""
FEW_STREAK = 3
"""Samples, in a log with a row an epoch: three epochs without a number do not come back either."""
FEW_SHARE = 0.1
"""Share of the steps seen that FEW_STREAK samples must span."""
RECOVERED_FACTOR = 2
"""A stretch counts when it is more than so many times as long as the longest one that came back."""
MIN_EVALS = 2
"""Evals without a number: one may have met a broken batch."""


def check(view: View) -> tuple[Finding, ...]:
    """NaN and infinities at the end of each series, and stray ones."""
    series = view.history.series
    main = main_of(Role.TRAIN_LOSS, view.roles, {name: one.count for name, one in series.items()})
    deciding = (
        {main} if main is not None and main in series else {n for n in series if names_a_loss(n) and _trains(view, n)}
    )
    all_gone = bool(deciding) and all(_lasting(view, series[name]) for name in deciding)
    found = [_of(view, series[name], decides=name in deciding and all_gone) for name in series]
    return tuple(finding for finding in (*found, _hidden(view, main)) if finding is not None)


def _trains(view: View, name: str) -> bool:
    return view.roles.get(name) in {Role.TRAIN_LOSS, Role.OTHER}


def _lasting(view: View, one: Series) -> bool:
    end = streak(one)
    span = end.last_step - end.first_step
    seen = view.history.last_step - first_step(one)
    sparse = end.rows >= FEW_STREAK and span >= FEW_SHARE * seen > 0
    return (end.rows >= MIN_STREAK or sparse) and end.rows > RECOVERED_FACTOR * end.longest_before


def _of(view: View, one: Series, *, decides: bool) -> Finding | None:
    role, end = view.roles.get(one.name, Role.OTHER), streak(one)
    if role is Role.PROGRESS or not len(one):
        return None
    if end.rows == 0:
        return _stray(one) if role is Role.TRAIN_LOSS else None
    if decides:
        return _finding(one, end, "persistent", Decision.STOP, Weight.HARD)
    judged = role is not Role.OTHER or names_a_loss(one.name)
    enough = MIN_EVALS if role in {Role.EVAL_LOSS, Role.EVAL_SCORE} else 1 if role is Role.TRAIN_LOSS else MIN_STREAK
    if judged and end.rows >= enough and end.rows > RECOVERED_FACTOR * end.longest_before:
        return _finding(one, end, "trailing", Decision.WAIT, Weight.SOFT)
    return None


def _finding(one: Series, end: Streak, code: str, argues_for: Decision, weight: Weight) -> Finding:
    times = "in the last sample" if end.rows == 1 else f"in {end.rows:,} samples in a row"
    before = one.finite[1]
    text = f"{one.name} is {say(one.last)} {times}, since step {say_step(end.first_step)}"
    text += f"; the last number was {say(float(before[-1]))}." if len(before) else "; no number was seen in the window."
    until = f"This would go away if {one.name} were a number again."
    numbers = {"rows": float(end.rows), "longest_before": float(end.longest_before)}
    return Finding(NAME, code, argues_for, weight, text, one.name, end.first_step, end.last_step, numbers, until)


def _stray(one: Series) -> Finding | None:
    bad = np.flatnonzero(~np.isfinite(one.values))
    if not len(bad):
        return None
    times = "once" if len(bad) == 1 else f"{len(bad)} times"
    first, last = float(one.steps[bad[0]]), float(one.steps[bad[-1]])
    text = f"{one.name} was not a number {times} in the last {len(one):,} samples, last at step {say_step(last)}."
    return Finding(NAME, "stray", Decision.CONTINUE, Weight.INFO, text, one.name, first, last)


def _hidden(view: View, main: str | None) -> Finding | None:
    grad = main_of(Role.GRAD_NORM, view.roles, {name: one.count for name, one in view.history.series.items()})
    if main is None or grad is None or main not in view.history.series or grad not in view.history.series:
        return None
    loss, end = view.history.series[main], streak(view.history.series[grad])
    since = loss.values[loss.steps >= end.first_step] if end.rows else loss.values[:0]
    wanted = FEW_STREAK if len(since) and not np.any(since) else MIN_STREAK
    if end.rows < wanted or len(since) < wanted or not np.all(since == since[0]):
        return None
    text = (
        f"{main} is exactly {say(float(since[0]))} in {len(since)} samples in a row while {grad} is not a number, "
        f"since step {say_step(end.first_step)}: the logger may be hiding NaN."
    )
    until = f"This would go away if {grad} were a number again or {main} moved."
    numbers = {"rows": float(len(since))}
    return Finding(
        NAME, "hidden", Decision.STOP, Weight.HARD, text, main, end.first_step, end.last_step, numbers, until
    )
