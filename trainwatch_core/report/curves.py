"""Curves: the samples and buckets of a metric, made ready to be drawn. Pure numpy, bounded, nothing extreme is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.report.chart import Band
from trainwatch_core.report.scaling import LARGEST

MOST_COLUMNS = 1000
"""Points of a course: each has a low and a high end, so nothing that is drawn has more than about 2,000."""

_GRID = 200  # points of a smoothed curve: one for each 4 pixels
_BANDWIDTH = 0.006  # of the steps: on a phone about a line's thickness
_SPACINGS = 2.0  # between samples: fewer would smooth nothing
_FEW = 20  # samples: there is nothing to smooth yet
_OUTLIER = 6.0  # times the typical distance of a sample from its neighbours: such a one does not bend the curve
_NEIGHBOURS = 5
_GAP = 0.01  # of the steps: shorter stretches without a finite value are drawn through, their crosses tell


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole known course of one metric, what was overwritten by a resumed run left out.

    Attributes:
        steps: Shape (n,), finite, never decreasing: of a sample its own, of a bucket its middle.
        values: Shape (n,): samples and means of buckets; NaN where nothing finite was logged.
        low: Shape (n,): lowest value; equal to `values` for samples.
        high: Shape (n,): highest value.
        weights: Shape (n,): how many finite samples it stands for.
        nonfinite: Shape (n,): how many samples were NaN or infinite.
    """

    steps: FloatArray
    values: FloatArray
    low: FloatArray
    high: FloatArray
    weights: FloatArray
    nonfinite: FloatArray

    @property
    def finite(self) -> Trace:
        """Only where something finite was logged."""
        return self.only(np.isfinite(self.values))

    def only(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Trace:
        """The part that a mask of shape (n,), or indices, keep."""
        columns = (self.steps, self.values, self.low, self.high, self.weights, self.nonfinite)
        return Trace(*(column[keep] for column in columns))

    def __len__(self) -> int:
        return len(self.steps)


def trace(series: Series) -> Trace:
    """The whole known course of a series, at most MOST_COLUMNS points with every extreme kept.

    Steps and values beyond +-LARGEST are drawn as if they were that large.
    """
    bad = ~np.isfinite(series.values)
    samples = np.where(bad, np.nan, series.values)
    middles = series.bucket("first_step") / 2 + series.bucket("last_step") / 2
    gone = series.bucket("nonfinite")
    whole = Trace(
        steps=_drawable(middles, series.steps),
        values=_drawable(series.bucket("mean"), samples),
        low=_drawable(series.bucket("minimum"), samples),
        high=_drawable(series.bucket("maximum"), samples),
        weights=np.concatenate([series.bucket("count") - gone, (~bad).astype(np.float64)]),
        nonfinite=np.concatenate([gone, bad.astype(np.float64)]),
    )
    whole = whole.only(np.isfinite(whole.steps))
    # A run that was resumed from an earlier step overwrote what lay after it.
    return _thinned(whole.only(whole.steps <= np.minimum.accumulate(whole.steps[::-1])[::-1]))


def _drawable(old: FloatArray, new: FloatArray) -> FloatArray:
    return np.asarray(np.clip(np.concatenate([old, new]), -LARGEST, LARGEST))


def _thinned(course: Trace) -> Trace:
    """Neighbours merged until MOST_COLUMNS are left: lowest of the low, highest of the high, mean by weight."""
    group = -(-len(course) // MOST_COLUMNS)
    if group <= 1:
        return course
    heads = np.arange(0, len(course), group)
    sizes = np.diff(np.append(heads, len(course)))
    weights = np.add.reduceat(course.weights, heads)
    shares = course.weights / np.repeat(np.maximum(weights, 1.0), sizes)
    means = np.add.reduceat(shares * np.nan_to_num(course.values), heads)
    return Trace(
        steps=course.steps[heads + sizes // 2],
        values=np.where(weights > 0, means, np.nan),
        low=np.fmin.reduceat(course.low, heads),
        high=np.fmax.reduceat(course.high, heads),
        weights=weights,
        nonfinite=np.add.reduceat(course.nonfinite, heads),
    )


def band(course: Trace) -> Band:
    """The raw values, from the lowest to the highest at each point."""
    finite = course.finite
    breaks = _breaks(course, finite.steps)
    low, high = np.insert(finite.low, breaks, np.nan), np.insert(finite.high, breaks, np.nan)
    return Band(np.insert(finite.steps, breaks, np.nan), low, high)


def smooth(course: Trace, cuts: tuple[float, ...], *, log: bool) -> tuple[FloatArray, FloatArray]:
    """A smooth curve through a course: locally straight lines that single outliers do not bend.

    Locally weighted regression (Cleveland, 1979) with a fixed width in steps, a bucket weighing as much as the samples
    it stands for, after single outliers were pulled to the median of their neighbours (Hampel's filter): unlike
    weights by distance from the curve, that leaves a loss that climbs away as it is. Each stretch between two cuts is
    smoothed by itself: an anomaly begins where it began.

    Args:
        course: The samples.
        cuts: Steps that nothing is smoothed across.
        log: Whether to smooth logarithms, for a logarithmic axis; values that have none are then passed over.

    Returns:
        Steps and values, shape (m,) each, m at most about 400; NaN marks a gap.
    """
    finite = course.finite
    finite = finite.only(finite.values > 0) if log else finite
    if not len(finite):
        return finite.steps, finite.values
    scale = float(np.abs(finite.values).max()) or 1.0
    heights = np.log(finite.values) if log else finite.values / scale
    span = float(finite.steps[-1] - finite.steps[0])
    # Nothing is drawn, and nothing smoothed, across a gap either.
    parts = np.union1d(np.searchsorted(finite.steps, cuts, side="left"), _breaks(course, finite.steps)).astype(np.intp)
    pieces = [
        _smooth_part(finite.steps[part], heights[part], finite.weights[part], span)
        for part in np.split(np.arange(len(finite)), parts)
        if len(part)
    ]
    steps, curve = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    values = np.exp(curve) if log else curve * scale
    breaks = _breaks(course, steps)
    return np.insert(steps, breaks, np.nan), np.insert(values, breaks, np.nan)


def _smooth_part(
    steps: FloatArray, values: FloatArray, weights: FloatArray, span: float
) -> tuple[FloatArray, FloatArray]:
    length = float(steps[-1] - steps[0])
    if len(steps) < _FEW or not length > 0:
        return steps, values
    width = max(_BANDWIDTH * span, _SPACINGS * float(np.median(np.diff(steps))))
    grid = np.linspace(steps[0], steps[-1], max(3, min(_GRID, round(_GRID * length / span) + 2)))
    padded = np.pad(values, _NEIGHBOURS // 2, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, _NEIGHBOURS), axis=1)
    distance = np.abs(values - medians)
    tame = np.where(distance > _OUTLIER * np.median(distance), medians, values)
    curve = _local_lines(grid, steps, tame, weights, width)
    # A straight line may overshoot beside a jump: nothing is drawn where nothing was.
    return grid, np.clip(curve, values.min(), values.max())


def _local_lines(
    grid: FloatArray, steps: FloatArray, values: FloatArray, weights: FloatArray, width: float
) -> FloatArray:
    """At each point of the grid, the height there of the straight line that fits best around it."""
    away = (steps[None, :] - grid[:, None]) / width
    kernel = weights * np.exp(-0.5 * away**2)
    s0, s1, s2 = kernel.sum(axis=1), (kernel * away).sum(axis=1), (kernel * away**2).sum(axis=1)
    t0, t1 = kernel @ values, (kernel * away) @ values
    spread = s0 * s2 - s1**2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        height = np.where(spread > 1e-6 * s0 * s0, (s2 * t0 - s1 * t1) / spread, t0 / s0)
    known = np.isfinite(height) & (s0 > 1e-6)  # noqa: PLR2004  # in reach of less than a millionth of a sample: unknown
    return np.interp(grid, grid[known], height[known]) if known.any() else np.interp(grid, steps, values)


def _breaks(course: Trace, steps: FloatArray) -> NDArray[np.intp]:
    """Where in `steps` a gap belongs: before the first point after a long stretch without a finite value."""
    known = np.flatnonzero(np.isfinite(course.values))
    if len(known) < 2:  # noqa: PLR2004  # no gap without two ends
        return np.empty(0, dtype=np.intp)
    ends = known[1:]
    span = course.steps[known[-1]] - course.steps[known[0]]
    wide = (np.diff(known) > 1) & (np.diff(course.steps[known]) > _GAP * span)
    return np.unique(np.searchsorted(steps, course.steps[ends[wide]], side="left"))


def typical(course: Trace, before: float) -> FloatArray:
    """Values at equal distances of steps, shape (m,), of the part before a step (of all where that is too little)."""
    finite = course.finite
    early = finite.only(finite.steps < before)
    part = early if len(early) >= 5 else finite  # noqa: PLR2004  # fewer say nothing of a shape
    if len(part) < _FEW or not part.steps[-1] > part.steps[0]:
        return part.values
    return np.interp(np.linspace(part.steps[0], part.steps[-1], 2 * _GRID), part.steps, part.values)


def crosses(courses: tuple[Trace, ...], first: float, last: float, *, most: int = 40) -> tuple[float, ...]:
    """Steps of values that are not finite, without those nearer than 1/`most` of the axis to the one before."""
    steps = np.concatenate([course.steps[course.nonfinite > 0] for course in courses] or [np.empty(0)])
    apart = last / most - first / most
    kept: list[float] = []
    for step in np.sort(steps).tolist():
        if not kept or step - kept[-1] >= apart:
            kept.append(step)
    return tuple(kept)
