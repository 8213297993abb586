"""Comparison: a metric beside the same metric of other runs at the same step.

Method: at each robust bin of this run (at most 240 medians), the gap to what the other runs had at that step, between
their own bins on a straight line; of several runs, their median. Behind is a gap wider than TOLERANCE of the level,
without a break in its running median since some step; the Mann-Kendall trend (Mann 1945) and the Theil-Sen slope
(Sen 1968) of the gaps since then say whether it is closing: by CLOSES of itself in what is left of the plan, or in as
many steps again. Argues for WAIT where it lasted LASTS of the steps that both have and does not close, and is a
word otherwise: runs that end better were often behind for long. Gaps before an announced change do not count.

Compared are the metrics that define success, else the eval loss and the eval score, else the training loss, where both
runs have them and the direction is known. Needs MIN_BINS bins within the steps of the other runs; NaN and infinities
are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainwatch_core.comparing import called_others, others_at
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, loss_is_a_game
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray
from trainwatch_core.stats import curve, levels, median, slope, trend

NAME = "comparison"
MIN_BINS, WIDTH = 8, 3
"""Bins within the steps of the other runs, and bins of a running median."""
TOLERANCE = 0.02
"""Two seeds of one recipe differ by a hundredth or so at the same step; where noise is wider, no gap is unbroken."""
LASTS, CLOSES = 0.15, 0.5
"""Share of the common steps that the gap must have lasted, and share of it that must be forecast to close."""
SIGNIFICANT = 2.0
"""Mann-Kendall z beyond which a trend is one: a flat curve gets there once in twenty times."""


@dataclass(frozen=True, slots=True)
class _Gaps:
    """How far a metric lies behind, by step; below zero where it is ahead."""

    steps: FloatArray
    behind: FloatArray
    beside: FloatArray


def check(view: View) -> tuple[Finding, ...]:
    """How each compared metric stands beside the other runs."""
    if not view.baseline_runs:
        return ()
    found = (_compared(view, name) for name in _names(view))
    return tuple(finding for finding in found if finding is not None)


def _names(view: View) -> tuple[str, ...]:
    wanted = tuple(name for name in view.key_metrics if name in view.history.series)
    if wanted:
        return wanted
    evals = tuple(one.name for role in (Role.EVAL_LOSS, Role.EVAL_SCORE) if (one := view.main(role)) is not None)
    loss = view.main(Role.TRAIN_LOSS)
    if evals or loss is None or loss_is_a_game(view.history.series):
        return evals
    return (loss.name,)


def _compared(view: View, name: str) -> Finding | None:
    goal = view.goals.get(name) or (Goal.MINIMIZE if view.roles.get(name) is Role.TRAIN_LOSS else None)
    gaps = _gaps(view, name, 1.0 if goal is Goal.MINIMIZE else -1.0) if goal is not None else None
    if gaps is None or len(gaps.steps) < MIN_BINS:
        return None
    level, now = median(gaps.beside[-WIDTH:]), median(gaps.behind[-WIDTH:])
    tolerance = TOLERANCE * abs(level)
    running = levels(gaps.behind, WIDTH)
    kept_up = np.flatnonzero(running <= tolerance)
    since = int(kept_up[-1]) + WIDTH if len(kept_up) else 0
    runs = called_others(view, name)
    if since >= len(gaps.steps) - 1:
        return _word(gaps, name, runs, _standing(now, tolerance, level))
    lasted = float(gaps.steps[-1] - gaps.steps[since])
    closing = _closing(view, gaps, since, now)
    first, last = float(gaps.steps[since]), float(gaps.steps[-1])
    text = (
        f"{name} is {_amount(now, level)} worse than {runs} at the same step, since step {say_step(first)}; the gap is "
        f"{'closing' if closing else 'not closing'}."
    )
    numbers = {"gap": now, "beside": level, "tolerance": tolerance}
    if closing or lasted < LASTS * float(gaps.steps[-1] - gaps.steps[0]):
        return Finding(
            NAME, "closing" if closing else "behind", Decision.CONTINUE, Weight.INFO, text, name, first, last
        )
    until = f"This would go away if {name} came within {say(tolerance)} of {runs}."
    return Finding(NAME, "behind", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until)


def _closing(view: View, gaps: _Gaps, since: int, now: float) -> bool:
    steps, behind = gaps.steps[since:], gaps.behind[since:]
    last = float(steps[-1])
    left = view.planned_steps - last if view.planned_steps and view.planned_steps > last else last - float(steps[0])
    return trend(behind) < -SIGNIFICANT and -slope(steps, behind) * left >= CLOSES * now


def _standing(now: float, tolerance: float, level: float) -> str:
    return f"{_amount(-now, level)} better than" if now < -tolerance else "level with"


def _amount(gap: float, level: float) -> str:
    share = f" ({100 * gap / abs(level):.1f} %)" if level else ""
    return f"{say(gap)}{share}"


def _word(gaps: _Gaps, name: str, runs: str, standing: str) -> Finding:
    last = float(gaps.steps[-1])
    text = f"{name} is {standing} {runs} at step {say_step(last)}."
    return Finding(NAME, "level", Decision.CONTINUE, Weight.INFO, text, name, None, last)


def _gaps(view: View, name: str, sign: float) -> _Gaps | None:
    own = curve(view.history.series[name])
    others = others_at(view, name, own.ends)
    if others is None:
        return None
    since = max((change.step for change in view.announced if change.step <= view.history.last_step), default=-np.inf)
    known = np.isfinite(others) & (own.ends > since)
    return _Gaps(own.ends[known], sign * (own.values[known] - others[known]), others[known])
