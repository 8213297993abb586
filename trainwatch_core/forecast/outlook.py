"""The outlook of a run: the key metric at the planned end with an interval, or why that cannot be known.

It cannot be known with too little seen, before the metric has begun to improve or while it gets worse, while the
learning rate is still being raised, with an announced change ahead, or where the held-out last parts of what was seen
were not foretold either. Rewards and the losses of players in a game follow no such curve at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from trainwatch_core.forecast.fitting import FEWEST, POINTS, Course, carry_on
from trainwatch_core.model.roles import Goal, Role, loss_is_a_game, main_of
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.stats import CLIP, curve, first_step, median, noise, trend

CONFIDENCE = 0.8
"""How often the end should lie in the interval; measured in tests and, on recorded runs, in `docs/forecast.md`."""
MIN_SHARE, MAX_SHARE = 0.2, 0.98
"""Shares of the plan: before, anything may come; after, nothing is left to foretell."""
MOST_MISSED = 0.6
"""Of the range of the values, by which the held-out parts may be missed: beyond, the shapes do not fit."""
MOST_SPREAD = 0.8
"""Of that range, which the spread of the end may be: beyond, the interval tells nobody anything."""
FALLEN_SPREADS = 3.0
"""Spreads that it must have improved by: less is no falling curve yet."""
DECADE = 10.0
"""Ratio of the values, their outer tenths left out, beyond which logarithms are carried on."""
SIGNIFICANT = 2.0
"""Mann-Kendall z."""
_BETTER_SIDE, _WORSE_SIDE = 1.5, 0.9
"""Spreads on each side that hold four in five ends: most curves go on better than they foretell, since most learning
rates are lowered towards the end."""
_LOWERED_SIDE, _LOWERED = 1.1, 0.9
"""The better side where the rate has come below this share of its peak: then the curve shows what that does."""
_ORDER = (Role.EVAL_LOSS, Role.EVAL_SCORE, Role.TRAIN_LOSS, Role.TRAIN_SCORE)
_SCORES = frozenset({Role.EVAL_SCORE, Role.TRAIN_SCORE})


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a metric is going.

    Attributes:
        metric: Its name as logged.
        goal: Which way it should go.
        steps: Shape (m,): from its newest value to the planned end.
        middle: Shape (m,): its level there, as far as can be told.
        low: Shape (m,): the lower edge of the interval, in which the level is in about four cases of five.
        high: Shape (m,): the upper edge.
        now: Its present level.
        share: The share of the plan that was seen.
    """

    metric: str
    goal: Goal
    steps: FloatArray
    middle: FloatArray
    low: FloatArray
    high: FloatArray
    now: float
    share: float

    @property
    def end(self) -> float:
        """The planned end, as a step."""
        return float(self.steps[-1])

    @property
    def final(self) -> tuple[float, float, float]:
        """Low edge, middle and high edge at the end."""
        return float(self.low[-1]), float(self.middle[-1]), float(self.high[-1])


@dataclass(frozen=True, slots=True)
class Unknown:
    """That there is no forecast.

    Attributes:
        metric: Of which metric.
        why: The reason, to follow a colon.
    """

    metric: str
    why: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """How the values of a metric become heights of a curve that should fall, and back."""

    goal: Goal
    log: bool

    def heights(self, values: FloatArray) -> FloatArray:
        if self.log:
            return np.asarray(np.log(values))
        return values if self.goal is Goal.MINIMIZE else -values

    def values(self, heights: FloatArray) -> FloatArray:
        if self.log:
            return np.asarray(np.exp(np.minimum(heights, math.log(CLIP))))
        return heights if self.goal is Goal.MINIMIZE else -heights


def outlook(view: View) -> Forecast | Unknown | None:
    """The forecast of the first metric that has one: those of the person first, then evaluations before the training.

    Returns:
        Else why the first of them has none; None where nobody expects one: no plan, its end, nothing with a direction.
    """
    state = view.info.state
    if not view.planned_steps or not math.isfinite(view.planned_steps) or (state is not None and state.over):
        return None
    first: Unknown | None = None
    for name in _candidates(view):
        found = forecast_of(view, name)
        if isinstance(found, Forecast):
            return found
        first = first or found
    return first


def _candidates(view: View) -> Iterator[str]:
    counts = {name: series.count for name, series in view.history.series.items()}
    asked = (*view.key_metrics, *view.target, *view.baseline)
    mains = (main_of(role, view.roles, counts) for role in _ORDER)
    tried = set()
    for name in chain(asked, mains):
        if name is not None and name not in tried and name in view.goals and counts.get(name):
            tried.add(name)
            yield name


def forecast_of(view: View, name: str) -> Forecast | Unknown | None:
    """The forecast of one metric with a direction, or why it has none; None where nothing is left to foretell."""
    series, goal = view.history.series[name], view.goals[name]
    first, planned = first_step(series), view.planned_steps or 0.0
    # Halves, because the distance of two steps near the largest float is no float.
    whole = planned / 2 - first / 2
    share = (series.last_step / 2 - first / 2) / whole if whole > 0 else math.inf
    if not share < MAX_SHARE:
        return None
    steps, values = _points(view, series)
    scale = _Scale(goal, goal is Goal.MINIMIZE and _spans_decades(values))
    rate = _rate(view)
    why = _obstacle(view, series, share, rate) or _no_curve(scale.heights(values))
    if why:
        return Unknown(name, why)
    course = carry_on(steps, scale.heights(values), planned)
    if course is None or course.missed > MOST_MISSED:
        return Unknown(name, "its course so far could not have been foretold either")
    if course.spread[-1] > MOST_SPREAD * course.range:
        return Unknown(name, "all that could be told is an interval as wide as the whole curve")
    best, worst = _interval(course, rate)
    bounds = _bounds(series, is_score=view.roles.get(name) in _SCORES)
    middle, best, worst = (np.clip(scale.values(each), *bounds) for each in (course.middle, best, worst))
    low, high = (best, worst) if goal is Goal.MINIMIZE else (worst, best)
    return Forecast(name, goal, course.steps, middle, low, high, median(values[-_recent(values) :]), share)


def _points(view: View, series: Series) -> tuple[FloatArray, FloatArray]:
    """The course as medians, since the last change that was announced."""
    seen = curve(series, POINTS)
    middles = seen.starts / 2 + seen.ends / 2
    changed = [each.step for each in view.announced if each.step <= series.last_step]
    kept = middles >= max(changed, default=-math.inf)
    return middles[kept], seen.values[kept]


def _spans_decades(values: FloatArray) -> bool:
    """Whether what is left of a loss, and how well that is known, are better said as a factor than as a difference."""
    if not len(values) or not np.min(values) > 0:
        return False
    low, high = np.quantile(values, (0.1, 0.9))
    return bool(high > DECADE * low)


def _obstacle(view: View, series: Series, share: float, rate: FloatArray) -> str:
    """Why nothing can be told whatever the curve looks like; empty if something can."""
    if loss_is_a_game(view.history.series):
        return "rewards and losses of a game follow no curve that could be carried on"
    if not math.isfinite(series.last):
        return "its newest value is not a number"
    if share < MIN_SHARE:
        return f"{100 * share:.0f} % of the plan is seen, it takes {100 * MIN_SHARE:.0f} %"
    if any(series.last_step < each.step <= (view.planned_steps or 0.0) for each in view.announced):
        return "a change is announced for later"
    late = rate[-POINTS // 8 :]
    if len(late) > 1 and bool(np.all(np.diff(late) > 0)):
        return "the learning rate is still being raised"
    return ""


def _recent(values: FloatArray) -> int:
    return max(1, len(values) // 16)


def _no_curve(values: FloatArray) -> str:
    """Why a course that should fall cannot be carried on; empty if it can."""
    if len(values) < FEWEST:
        return f"{len(values)} values are seen, it takes {FEWEST}"
    now, began = median(values[-_recent(values) :]), float(np.max(values[: 2 * _recent(values)]))
    if not began / 2 - now / 2 > FALLEN_SPREADS * noise(values) / 2:
        return "it has not begun to improve"
    if trend(values[-max(FEWEST, len(values) // 3) :]) > SIGNIFICANT:
        return "it is getting worse"
    return ""


def _rate(view: View) -> FloatArray:
    """The learning rate at POINTS equal distances of steps so far; empty if it is not known."""
    counts = {name: series.count for name, series in view.history.series.items()}
    name = main_of(Role.LEARNING_RATE, {name: view.roles[name] for name in counts}, counts)
    steps, values = view.history.series[name].overview() if name is not None else (np.empty(0), np.empty(0))
    if not len(steps):
        return values
    # A rate has no noise, so nothing is lost between the places.
    return np.interp(np.linspace(0.0, 1.0, POINTS), (steps / 2 - steps[0] / 2) / _span(steps), values)


def _span(steps: FloatArray) -> float:
    return float(steps[-1] / 2 - steps[0] / 2) or 1.0


def _interval(course: Course, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The better and the worse edge, as heights of the curve."""
    lowered = len(rate) > 0 and rate[-1] < _LOWERED * float(np.max(rate))
    better = _LOWERED_SIDE if lowered else _BETTER_SIDE
    return course.middle - better * course.spread, course.middle + _WORSE_SIDE * course.spread


def _bounds(series: Series, *, is_score: bool) -> tuple[float, float]:
    """No loss below zero that never was, no score above 1 or 100 percent."""
    seen = series.overview()[1]
    lowest, highest = float(np.min(seen)), float(np.max(seen))
    ceilings = (bound for bound in (1.0, 100.0) if is_score and lowest >= 0 and highest <= bound)
    return 0.0 if lowest >= 0 else -math.inf, next(ceilings, math.inf)
