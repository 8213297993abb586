"""Collapse: a reward, a score or the spread of what the model puts out has fallen and stays down.

Method: running medians of a tenth of the readings, the best against the last (`stats.setback`), in the direction that
the name or the person tells; metrics without a certain direction take no part. Argues for:

- STOP (soft), for the main score: it has been without most of what it gained (LOST_GAIN) and half of its level
  (LOST_LEVEL) for LOST_SHARE of the run, without a break, and is not coming back. Returns and scores swing: one deep
  swing is none. Lucky first episodes of a young run look like a collapse, so the best must lie behind the first EARLY
  of what was seen or CLEAR spreads above what it began with; without a planned length both; and a score whose
  training loss still falls may have a fault of its evaluation: it stays at WAIT.
- WAIT: the main score lost GAIN_SHARE of its gain, LEVEL_SHARE of its level and SPREADS spreads; or it fell below where
  it began, by ALL_GAIN of all that it had gained and WORSE_LEVEL of its level; or another score is without most of
  what it gained (an old task is being forgotten); or the spread of embeddings, features or outputs fell to VANISHED of
  its usual size.
- INFO: the main score while it comes back; another score that lost less than that.

Needs MIN_SEEN finite readings, MIN_SINCE of them since the best; NaN is the business of its own check.
"""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role, main_of, words
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.stats import Setback, curve, levels, median, setback, train_falls

NAME = "collapse"
MIN_SEEN, MIN_SINCE = 10, 6
"""Bins of readings in all, and since the best."""
GAIN_SHARE, LEVEL_SHARE, SPREADS = 0.3, 0.15, 4.0
"""What must be lost for WAIT, each: share of the gain, share of the level, spreads of the readings."""
LOST_GAIN, LOST_LEVEL, LOST_SHARE = 0.7, 0.5, 0.12
"""For STOP: the share of the gain and of the level to be lost, and for which share of the run; swings are shorter."""
EARLY, CLEAR = 0.1, 10.0
"""Lucky first episodes are no best, unless it lies behind this share of what was seen, or so many spreads above the
worst level before."""
ALL_GAIN, WORSE_LEVEL = 1.2, 0.05
"""Another way to WAIT: it gave back all that it had gained and a fifth more, and this share of its level."""
VANISHED = 0.02
"""Of the usual spread of the outputs (the median of the earlier half): training narrows it, but not fifty-fold."""
_SPREADS = frozenset({"std", "stddev", "var", "variance", "diversity"})
_OF_WHAT = frozenset(
    [
        "feat",
        "feature",
        "features",
        "emb",
        "embedding",
        "embeddings",
        "repr",
        "representation",
        "representations",
        "latent",
        "latents",
        "z",
        "output",
        "outputs",
        "logit",
        "logits",
        "pred",
        "preds",
        "prediction",
        "predictions",
        "diversity",
    ]
)


def check(view: View) -> tuple[Finding, ...]:
    """What was lost of each score, and of the spread of what the model puts out."""
    counts = {name: series.count for name, series in view.history.series.items()}
    mains = {main_of(role, view.roles, counts) for role in (Role.EVAL_SCORE, Role.TRAIN_SCORE)}
    found: list[Finding | None] = []
    for name, series in view.history.series.items():
        role = view.roles.get(name)
        if name in view.goals and (role is Role.EVAL_SCORE or (role is Role.TRAIN_SCORE and name in mains)):
            found.append(_score(view, series, main=name in mains))
        elif set(words(name)) & _SPREADS and set(words(name)) & _OF_WHAT:
            found.append(_spread(series))
    return tuple(finding for finding in found if finding is not None)


def _score(view: View, series: Series, *, main: bool) -> Finding | None:
    sign = 1.0 if view.goals[series.name] is Goal.MINIMIZE else -1.0
    lost = setback(series, sign, least=MIN_SEEN, lost_gain=LOST_GAIN, lost_level=LOST_LEVEL)
    if lost is None or lost.readings < MIN_SINCE or not _lost_much(lost):
        return None
    name, last = series.name, float(lost.seen.ends[-1])
    text = (
        f"{name} became worse: from its best {say(sign * lost.best)} at step {say_step(lost.best_step)} to "
        f"{say(sign * lost.now)} at step {say_step(last)}, over {lost.readings} readings."
    )
    whole = max(view.planned_steps or 0.0, last - float(lost.seen.starts[0]))
    gone = lost.lost_for >= LOST_SHARE * whole
    if lost.recovering or not (main or gone):
        return Finding(NAME, "aside", Decision.CONTINUE, Weight.INFO, text, name, lost.best_step, last)
    sure = main and gone and _old_enough(view, lost) and not _eval_at_fault(view, series, lost.best_step)
    argues_for = Decision.STOP if sure else Decision.WAIT
    until = f"This would go away if {name} came back to {say(sign * (lost.best + lost.now) / 2)}."
    numbers = {"best": sign * lost.best, "now": sign * lost.now, "gain": lost.gain}
    return Finding(NAME, "worse", argues_for, Weight.SOFT, text, name, lost.best_step, last, numbers, until)


def _lost_much(lost: Setback) -> bool:
    fallen = lost.now - lost.best
    bar = max(GAIN_SHARE * lost.gain, LEVEL_SHARE * abs(lost.best), SPREADS * lost.spread)
    worse_than_ever = max(ALL_GAIN * lost.gain, WORSE_LEVEL * abs(lost.best), SPREADS * lost.spread)
    return fallen > bar > 0 or (lost.gain > 0 and fallen > worse_than_ever > 0)


def _old_enough(view: View, lost: Setback) -> bool:
    first, last = float(lost.seen.starts[0]), float(lost.seen.ends[-1])
    late, clear = lost.best_step - first >= EARLY * (last - first), lost.gain >= CLEAR * lost.spread
    return (late or clear) if view.planned_steps else (late and clear)


def _eval_at_fault(view: View, series: Series, since: float) -> bool:
    """Whether the training loss falls while an eval score does not follow: then the evaluation may be at fault."""
    return view.roles.get(series.name) is Role.EVAL_SCORE and train_falls(view, since)


def _spread(series: Series) -> Finding | None:
    seen = curve(series)
    if len(seen) < MIN_SEEN:
        return None
    running = levels(seen.values, 3)
    usual, now = median(running[: len(running) // 2]), float(running[-1])
    if usual <= 0 or now > VANISHED * usual:
        return None
    kept = np.flatnonzero(seen.values > usual / 2)
    name, first, last = series.name, float(seen.ends[kept[-1]]), float(seen.ends[-1])
    text = f"{name} fell to {say(now)}, almost nothing beside its usual {say(usual)}: all outputs become the same."
    until = f"This would go away if {name} came back to {say(usual)}."
    numbers = {"usual": usual, "now": now}
    return Finding(NAME, "spread", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until)
