"""Robust numerics on short arrays. Nothing here warns or overflows: values are clipped to +-1e150 on the way in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, Series

CLIP = 1e150
"""Larger values are all the same to a judge, and their squares and differences must stay finite."""
BINS = 240
"""Medians that a whole run is read as: enough to place an onset within half a percent, few enough to cost nothing."""
_NORMAL = 1.4826
"""MAD of a normal distribution times this is its standard deviation."""
_SLOPE_POINTS = 120
"""Points that slopes and trends are taken over: seven thousand pairs are enough, and cost a millisecond."""
LEARNED = 0.01
"""Of the level: what another metric must have gained to count as learning; a dead net's evals drift by a thousandth."""
SIGNIFICANT = 2.0
"""Mann-Kendall z beyond which a trend is one: a flat curve gets there once in twenty times."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A whole run read as at most about BINS + MAX_BUCKETS robust points.

    Attributes:
        starts: Shape (n,): the first step of each bin.
        ends: Shape (n,): its last step.
        values: Shape (n,): its median, finite.
        rows: Shape (n,): how many samples it stands for.
    """

    starts: FloatArray
    ends: FloatArray
    values: FloatArray
    rows: FloatArray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Streak:
    """Samples at the end of a series that are all NaN or infinite.

    Attributes:
        rows: How many; 0 if the last sample is finite.
        first_step: The step of the first of them; NaN if there is none.
        last_step: The step of the last of them; NaN if there is none.
        longest_before: The longest such stretch that came back to finite values.
    """

    rows: int
    first_step: float
    last_step: float
    longest_before: int


def tame(values: FloatArray) -> FloatArray:
    """Values clipped to +-CLIP; NaN stays NaN."""
    return np.clip(values, -CLIP, CLIP)


def median(values: FloatArray) -> float:
    """The median of finite values; NaN of none."""
    return float(np.median(tame(values))) if len(values) else math.nan


def spread(values: FloatArray) -> float:
    """The standard deviation as the median absolute deviation tells it; NaN of none."""
    return _NORMAL * median(np.abs(tame(values) - median(values))) if len(values) else math.nan


def levels(values: FloatArray, width: int) -> FloatArray:
    """Running medians of `width` values; shape (n - width + 1,), empty if there are fewer values."""
    if len(values) < width:
        return np.empty(0)
    return np.median(np.lib.stride_tricks.sliding_window_view(tame(values), width), axis=1)


def noise(values: FloatArray) -> float:
    """The spread of values around their own trend, from neighbours' differences; 0 of fewer than three.

    The median difference of a noiseless stretch is 0 even where single values jump: then the mean difference counts.
    """
    if len(values) < 3:  # noqa: PLR2004  # two differences are the least that can be compared
        return 0.0
    steps = np.abs(np.diff(tame(values)))
    return (_NORMAL * float(np.median(steps)) or float(np.mean(steps))) / math.sqrt(2)


def slope(x: FloatArray, y: FloatArray) -> float:
    """Theil-Sen slope: the median slope of all pairs (Sen 1968); 0 where x does not move. Thinned to 120 points."""
    if len(x) < 2:  # noqa: PLR2004  # a slope needs two points
        return 0.0
    pick = np.unique(np.linspace(0, len(x) - 1, min(len(x), _SLOPE_POINTS)).astype(int))
    left, right = np.triu_indices(len(pick), 1)
    a, b = tame(x)[pick], tame(y)[pick]
    run, rise = a[right] - a[left], b[right] - b[left]
    moved = np.abs(run) > 1e-12 * max(1.0, float(np.max(np.abs(a))))
    return float(np.median(rise[moved] / run[moved])) if moved.any() else 0.0


def trend(values: FloatArray) -> float:
    """Mann-Kendall z of a monotone trend (Mann 1945): below -2 falling, above 2 rising; 0 of fewer than four."""
    n = len(values)
    if n < 4:  # noqa: PLR2004  # three values have no significant order
        return 0.0
    pick = np.unique(np.linspace(0, n - 1, min(n, _SLOPE_POINTS)).astype(int))
    y = tame(values)[pick]
    left, right = np.triu_indices(len(y), 1)
    score = float(np.sum(np.sign(y[right] - y[left])))
    m = len(y)
    return score / math.sqrt(m * (m - 1) * (2 * m + 5) / 18)


def streak(series: Series) -> Streak:
    """The non-finite samples at the end of a series. Where they fill the window, the buckets before it count too."""
    bad = ~np.isfinite(series.values)
    rows, first = 0, math.nan
    if len(bad) and bad[-1]:
        good = np.flatnonzero(~bad)
        start = int(good[-1]) + 1 if len(good) else 0
        rows, first = len(bad) - start, float(series.steps[start])
        if start == 0:
            for bucket in range(len(series.buckets) - 1, -1, -1):
                if series.bucket("nonfinite")[bucket] < series.bucket("count")[bucket]:
                    break
                rows += int(series.bucket("count")[bucket])
                first = float(series.bucket("first_step")[bucket])
    last = float(series.steps[-1]) if rows else math.nan
    return Streak(rows, first, last, _longest(bad[: max(0, len(bad) - rows)]))


def first_step(series: Series) -> float:
    """The first step of a series, that of its oldest bucket included; NaN if it is empty."""
    oldest = series.bucket("first_step") if len(series.buckets) else series.steps
    return float(oldest[0]) if len(oldest) else math.nan


def _longest(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return int(np.max(edges[1::2] - edges[::2])) if len(edges) else 0


def curve(series: Series, bins: int = BINS) -> Curve:
    """The finite samples of the whole run in bins of equally many samples, each read as its median.

    Buckets enter by their mean; a bucket of more samples than a bin is a bin of its own.
    """
    means = series.bucket("mean")
    known = np.isfinite(means)
    steps, values = series.finite
    starts = np.concatenate([series.bucket("first_step")[known], steps])
    ends = np.concatenate([series.bucket("last_step")[known], steps])
    points = tame(np.concatenate([means[known], values]))
    counts = np.concatenate([(series.bucket("count") - series.bucket("nonfinite"))[known], np.ones(len(steps))])
    if not len(points):
        return Curve(starts, ends, points, counts)
    size = math.ceil(float(counts.sum()) / bins)
    # Counted from the end, so that the newest bin is never a noisy half.
    group = ((float(counts.sum()) - np.cumsum(counts)) // size).astype(np.int64)
    heads = np.flatnonzero(np.concatenate([[True], np.diff(group) < 0]))
    tails = np.concatenate([heads[1:], [len(points)]]) - 1
    return Curve(starts[heads], ends[tails], _medians(points, heads), np.add.reduceat(counts, heads))


def _medians(points: FloatArray, heads: np.ndarray[tuple[int], np.dtype[np.intp]]) -> FloatArray:
    """The median of each stretch of tame points that begins at one of the heads; one sort for all of them."""
    lengths = np.diff([*heads.tolist(), len(points)])
    ordered = points[np.lexsort((points, np.repeat(np.arange(len(heads)), lengths)))]
    low, high = heads + (lengths - 1) // 2, heads + lengths // 2
    return np.asarray((ordered[low] + ordered[high]) / 2)


@dataclass(frozen=True, slots=True)
class Setback:
    """What a metric has lost since its best; values are turned so that less is better.

    Attributes:
        seen: The whole run; `values` as logged.
        best: The best running level.
        best_step: Where that level stood.
        readings: How many bins came since.
        now: The running level at the end.
        start: The worst running level before the best.
        spread: Of the readings about their own running level.
        after: Shape (readings + 1,): the turned values since the best.
        lost_for: Steps for which the level has been, without a break, so low that little of what was gained is left.
    """

    seen: Curve
    best: float
    best_step: float
    readings: int
    now: float
    start: float
    spread: float
    after: FloatArray
    lost_for: float

    @property
    def gain(self) -> float:
        """What was gained up to the best."""
        return max(0.0, self.start - self.best)

    @property
    def recovering(self) -> bool:
        """Whether the later half of what came since the best goes back towards it."""
        return trend(self.after[len(self.after) // 2 :]) < -SIGNIFICANT


def setback(
    series: Series, sign: float, *, least: int, lost_gain: float = 1.0, lost_level: float = 1.0
) -> Setback | None:
    """The best running level of a series against its last one; None of fewer than `least` bins.

    Running medians span a tenth of the bins, at least three.

    Args:
        series: The metric.
        sign: 1 where less is better, -1 where more is.
        least: How few bins are too few.
        lost_gain: Share of the gain that counts as lost in `lost_for`.
        lost_level: Share of the best's own size that must be lost with it.
    """
    seen = curve(series)
    if len(seen) < max(3, least):
        return None
    values = sign * seen.values
    width = max(3, len(values) // 10)
    running = levels(values, width)
    at = int(np.argmin(running))
    best = float(running[at])
    start = float(np.max(running[: at + 1]))
    rest = values[width // 2 :][: len(running)] - running
    kept = np.flatnonzero(running - best < max(lost_gain * (start - best), lost_level * abs(best)))
    # The running level lags behind the readings. Where nothing was ever gained, nothing can be lost.
    fell = min(int(kept[-1]) + width - 1, len(values) - 1) if len(kept) else len(values) - 1
    middle = at + width // 2
    return Setback(
        seen=seen,
        best=best,
        best_step=float(seen.ends[middle]),
        readings=len(running) - 1 - at,
        now=float(running[-1]),
        start=start,
        spread=spread(rest),
        after=values[middle:],
        lost_for=float(seen.ends[-1] - seen.ends[fell]),
    )


def learns_elsewhere(view: View, main: str) -> bool:
    """Whether another training loss than the main one falls, or an eval or a score gets better, significantly.

    And by more than LEARNED of its level: validation losses of a dead net drift by a thousandth, without a doubt.
    """
    judged = {Role.EVAL_LOSS, Role.EVAL_SCORE, Role.TRAIN_SCORE}
    for name, series in view.history.series.items():
        role, goal = view.roles.get(name), view.goals.get(name)
        if name == main or not (role is Role.TRAIN_LOSS or (role in judged and goal is not None)):
            continue
        sign = -1.0 if goal is Goal.MAXIMIZE else 1.0
        values = sign * curve(series).values
        if trend(values) < -SIGNIFICANT and _fallen(values) > LEARNED * abs(median(values)):
            return True
    return False


def _fallen(values: FloatArray) -> float:
    """By how much the last quarter lies below the first."""
    quarter = max(1, len(values) // 4)
    return median(values[:quarter]) - median(values[-quarter:])


def train_trend(view: View, since: float) -> float | None:
    """Mann-Kendall z of the main training loss from a step on; None where there is no training loss."""
    series = view.main(Role.TRAIN_LOSS)
    if series is None:
        return None
    seen = curve(series)
    return trend(seen.values[seen.ends >= since])


def train_falls(view: View, since: float) -> bool:
    """Whether the main training loss falls significantly from a step on."""
    z = train_trend(view, since)
    return z is not None and z < -SIGNIFICANT
