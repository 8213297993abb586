"""Bounded histories of metrics.

Of each series the last `WINDOW` samples are kept as they were logged; older ones fold into at most `MAX_BUCKETS`
buckets that keep count, mean, minimum, maximum, last value and the number of non-finite samples, so no NaN and no
extreme is ever averaged away. The fold depends only on the samples, not on how they were cut into rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

WINDOW = 768
MAX_BUCKETS = 160
MAX_SERIES = 32

BUCKET_FIELDS = (
    "first_step",
    "last_step",
    "first_time",
    "last_time",
    "count",
    "nonfinite",
    "mean",
    "minimum",
    "maximum",
    "last",
)
_FIRST_STEP, _LAST_STEP, _FIRST_TIME, _LAST_TIME, _COUNT, _NONFINITE, _MEAN, _MIN, _MAX, _LAST = range(10)


def _empty() -> FloatArray:
    return np.empty(0, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Rows:
    """New samples of one metric, in the order they were logged.

    Attributes:
        steps: Shape (n,).
        values: Shape (n,); NaN and infinities as logged.
        times: Shape (n,), Unix seconds; NaN where the source does not know.
    """

    steps: FloatArray
    values: FloatArray
    times: FloatArray

    @classmethod
    def of(cls, steps: ArrayLike, values: ArrayLike, times: ArrayLike | None = None) -> Rows:
        """Rows from anything array-like; unknown times become NaN.

        Raises:
            ValueError: If the lengths differ.
        """
        x = np.asarray(steps, dtype=np.float64)
        y = np.asarray(values, dtype=np.float64)
        t = np.full(x.shape, np.nan) if times is None else np.asarray(times, dtype=np.float64)
        if not x.shape == y.shape == t.shape or x.ndim != 1:
            raise ValueError(f"steps, values and times differ in length: {x.shape}, {y.shape}, {t.shape}")
        return cls(x, y, t)

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Series:
    """The bounded history of one metric.

    Attributes:
        name: The metric's name as logged.
        steps: Shape (n,), n <= WINDOW, never decreasing.
        values: Shape (n,); NaN and infinities as logged.
        times: Shape (n,), Unix seconds; NaN where unknown.
        buckets: Shape (m, 10), m <= MAX_BUCKETS, columns as in BUCKET_FIELDS: what is older than the window.
        seams: Steps at which the run went back (resume, rewind); what was overwritten is gone from the window.
    """

    name: str
    steps: FloatArray = field(default_factory=_empty)
    values: FloatArray = field(default_factory=_empty)
    times: FloatArray = field(default_factory=_empty)
    buckets: FloatArray = field(default_factory=lambda: np.empty((0, len(BUCKET_FIELDS)), dtype=np.float64))
    seams: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def count(self) -> int:
        """How many samples were ever seen, those in buckets included."""
        return len(self.steps) + int(self.buckets[:, _COUNT].sum())

    @property
    def nonfinite(self) -> int:
        """How many of them were NaN or infinite."""
        return int(np.count_nonzero(~np.isfinite(self.values))) + int(self.buckets[:, _NONFINITE].sum())

    @property
    def last(self) -> float:
        """The newest value; NaN if there is none."""
        return float(self.values[-1]) if len(self.values) else float("nan")

    @property
    def last_step(self) -> float:
        """The newest step; NaN if there is none."""
        return float(self.steps[-1]) if len(self.steps) else float("nan")

    @property
    def finite(self) -> tuple[FloatArray, FloatArray]:
        """Steps and values of the finite samples of the window."""
        keep = np.isfinite(self.values)
        return self.steps[keep], self.values[keep]

    def bucket(self, name: str) -> FloatArray:
        """One column of the buckets, by its name in BUCKET_FIELDS; shape (m,)."""
        return self.buckets[:, BUCKET_FIELDS.index(name)]

    def overview(self) -> tuple[FloatArray, FloatArray]:
        """Steps and finite values over the whole run: bucket means (at the bucket's last step), then the window."""
        means = self.buckets[:, _MEAN]
        known = np.isfinite(means)
        steps, values = self.finite
        return (
            np.concatenate([self.buckets[known, _LAST_STEP], steps]),
            np.concatenate([means[known], values]),
        )

    def extend(self, rows: Rows) -> Series:
        """This series with new samples; a step that goes back overwrites what the window holds from there on."""
        if not len(rows):
            return self
        steps, values, times, seams = self.steps, self.values, self.times, self.seams
        for part in _ascending_parts(rows):
            first = part.steps[0]
            if len(steps) and first < steps[-1]:
                keep = int(np.searchsorted(steps, first, side="left"))
                steps, values, times = steps[:keep], values[:keep], times[:keep]
                seams = (*seams, float(first))[-MAX_BUCKETS:]
            steps = np.concatenate([steps, part.steps])
            values = np.concatenate([values, part.values])
            times = np.concatenate([times, part.times])
        surplus = max(0, len(steps) - WINDOW)
        buckets = _fold(self.buckets, steps[:surplus], values[:surplus], times[:surplus])
        return Series(self.name, steps[surplus:], values[surplus:], times[surplus:], buckets, seams)


def _ascending_parts(rows: Rows) -> Iterator[Rows]:
    cuts = np.flatnonzero(np.diff(rows.steps) < 0) + 1
    bounds = [0, *cuts.tolist(), len(rows)]
    for start, end in pairwise(bounds):
        yield Rows(rows.steps[start:end], rows.values[start:end], rows.times[start:end])


def _fold(buckets: FloatArray, steps: FloatArray, values: FloatArray, times: FloatArray) -> FloatArray:
    """Fold samples into the buckets: all but the last bucket hold 2**k samples, k as small as MAX_BUCKETS allows."""
    if not len(steps):
        return buckets
    total = int(buckets[:, _COUNT].sum()) + len(steps)
    size = 1
    while total > size * MAX_BUCKETS:
        size *= 2
    atoms = np.vstack([buckets, _atoms(steps, values, times)])
    # Old buckets are powers of two and aligned, so each lies wholly in one new bucket.
    starts = np.concatenate([[0.0], np.cumsum(atoms[:, _COUNT])[:-1]])
    groups = (starts // size).astype(np.int64)
    heads = np.flatnonzero(np.concatenate([[True], np.diff(groups) > 0]))
    tails = np.concatenate([heads[1:], [len(atoms)]]) - 1
    merged = np.empty((len(heads), len(BUCKET_FIELDS)))
    merged[:, _FIRST_STEP] = atoms[heads, _FIRST_STEP]
    merged[:, _LAST_STEP] = atoms[tails, _LAST_STEP]
    merged[:, _FIRST_TIME] = atoms[heads, _FIRST_TIME]
    merged[:, _LAST_TIME] = atoms[tails, _LAST_TIME]
    merged[:, _COUNT] = np.add.reduceat(atoms[:, _COUNT], heads)
    merged[:, _NONFINITE] = np.add.reduceat(atoms[:, _NONFINITE], heads)
    finite = atoms[:, _COUNT] - atoms[:, _NONFINITE]
    weights = np.add.reduceat(finite, heads)
    # Means are weighed before they are summed: values near the largest float must not overflow on the way.
    share = finite / np.repeat(np.maximum(weights, 1.0), np.diff([*heads.tolist(), len(atoms)]))
    sums = np.add.reduceat(np.where(finite > 0, share * np.nan_to_num(atoms[:, _MEAN], nan=0.0), 0.0), heads)
    merged[:, _MEAN] = np.where(weights > 0, sums, np.nan)
    merged[:, _MIN] = np.fmin.reduceat(atoms[:, _MIN], heads)
    merged[:, _MAX] = np.fmax.reduceat(atoms[:, _MAX], heads)
    merged[:, _LAST] = atoms[tails, _LAST]
    return merged


def _atoms(steps: FloatArray, values: FloatArray, times: FloatArray) -> FloatArray:
    finite = np.isfinite(values)
    clean = np.where(finite, values, np.nan)
    columns = [steps, steps, times, times, np.ones(len(steps)), (~finite).astype(np.float64)]
    return np.column_stack([*columns, clean, clean, clean, values])


@dataclass(frozen=True, slots=True)
class History:
    """The bounded histories of a run's metrics, by name.

    Attributes:
        series: At most MAX_SERIES of them.
        left_out: Names of further metrics that the source has and nobody keeps.
    """

    series: Mapping[str, Series] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def extend(self, rows: Mapping[str, Rows]) -> History:
        """This history with new samples. Metrics beyond MAX_SERIES are named in `left_out`, not kept."""
        series = dict(self.series)
        left_out = dict.fromkeys(self.left_out)
        for name, new in rows.items():
            if name in series or len(series) < MAX_SERIES:
                series[name] = series.get(name, Series(name)).extend(new)
            else:
                left_out[name] = None
        return replace(self, series=series, left_out=tuple(left_out))

    @property
    def last_step(self) -> float:
        """The highest step of any series; NaN if there is none."""
        return max((s.last_step for s in self.series.values() if len(s)), default=float("nan"))

    @property
    def last_time(self) -> float:
        """Unix seconds of the newest sample with a known time; NaN if there is none."""
        known = [float(t) for s in self.series.values() if len(s) and np.isfinite(t := s.times[-1])]
        return max(known, default=float("nan"))
