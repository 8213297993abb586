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
from numpy.typing import ArrayLike

from trainwatch_core.model.buckets import BUCKET_FIELDS, MAX_BUCKETS, FloatArray, before, fold, no_buckets
from trainwatch_core.model.roles import Role, infer_role

__all__ = ["MAX_SERIES", "WINDOW", "FloatArray", "History", "News", "Rows", "Series", "importance"]

WINDOW = 768
MAX_SERIES = 32

_LEAST = (Role.OTHER, Role.PROGRESS)


def importance(name: str) -> int:
    """0 for a metric whose name gives it a role, 1 for others, 2 for mere progress: who yields if there is no room."""
    role = infer_role(name)[0]
    return _LEAST.index(role) + 1 if role in _LEAST else 0


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
    buckets: FloatArray = field(default_factory=no_buckets)
    seams: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def count(self) -> int:
        """How many samples were ever seen, those in buckets included."""
        return len(self.steps) + int(self.bucket("count").sum())

    @property
    def nonfinite(self) -> int:
        """How many of them were NaN or infinite."""
        return int(np.count_nonzero(~np.isfinite(self.values))) + int(self.bucket("nonfinite").sum())

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
        means = self.bucket("mean")
        known = np.isfinite(means)
        steps, values = self.finite
        return (
            np.concatenate([self.bucket("last_step")[known], steps]),
            np.concatenate([means[known], values]),
        )

    def extend(self, rows: Rows) -> Series:
        """This series with new samples; a step that goes back overwrites what is known from there on."""
        whole = self
        for part in _ascending_parts(rows):
            if len(part):
                whole = _appended(whole.rewound(float(part.steps[0])), part)
        surplus = max(0, len(whole) - WINDOW)
        if not surplus:
            return whole
        steps, values, times = whole.steps, whole.values, whole.times
        buckets = fold(whole.buckets, steps[:surplus], values[:surplus], times[:surplus])
        return Series(self.name, steps[surplus:], values[surplus:], times[surplus:], buckets, whole.seams)

    def rewound(self, step: float) -> Series:
        """This series as it was before a step, with a seam there; itself if it knows nothing beyond that step.

        A bucket that reaches over the step is dropped whole, so that nothing overwritten survives in it.
        """
        end = self.last_step if len(self) else max(self.bucket("last_step"), default=-np.inf)
        if not step < end:
            return self
        keep = int(np.searchsorted(self.steps, step, side="left"))
        buckets = self.buckets if keep else before(self.buckets, step)
        cut = Series(self.name, self.steps[:keep], self.values[:keep], self.times[:keep], buckets, self.seams)
        return cut.joined_at(step)

    def joined_at(self, step: float) -> Series:
        """This series with a seam at a step."""
        return replace(self, seams=tuple(dict.fromkeys((*self.seams, step)))[-MAX_BUCKETS:])


def _appended(series: Series, rows: Rows) -> Series:
    pairs = ((series.steps, rows.steps), (series.values, rows.values), (series.times, rows.times))
    steps, values, times = (np.concatenate(pair) for pair in pairs)
    return Series(series.name, steps, values, times, series.buckets, series.seams)


def _ascending_parts(rows: Rows) -> Iterator[Rows]:
    cuts = np.flatnonzero(np.diff(rows.steps) < 0) + 1
    bounds = [0, *cuts.tolist(), len(rows)]
    for start, end in pairwise(bounds):
        yield Rows(rows.steps[start:end], rows.values[start:end], rows.times[start:end])


@dataclass(frozen=True, slots=True)
class News:
    """What one look adds to a history.

    Attributes:
        rows: New samples by metric.
        rewound_to: The step from which on the run was overwritten, in every metric; None if it was not.
        seams: Steps at which the run went on after an interruption (resume, requeue, another run id).
    """

    rows: Mapping[str, Rows] = field(default_factory=dict)
    rewound_to: float | None = None
    seams: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """The bounded histories of a run's metrics, by name.

    Attributes:
        series: At most MAX_SERIES of them.
        left_out: Names of further metrics that the source has and nobody keeps; sorted.
    """

    series: Mapping[str, Series] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def extend(self, rows: Mapping[str, Rows]) -> History:
        """This history with new samples.

        Of more than MAX_SERIES metrics those with a role are kept, then those that came first: a loss that appears
        late takes the place of a metric that says little. Who has no place is named in `left_out`.
        """
        known = {**self.series, **{name: Series(name) for name in rows if name not in self.series}}
        kept = sorted(known, key=importance)[:MAX_SERIES]
        series = {name: known[name].extend(rows[name]) if name in rows else known[name] for name in kept}
        left_out = {*self.left_out, *known} - series.keys()
        return replace(self, series=series, left_out=tuple(sorted(left_out)))

    def add(self, news: News) -> History:
        """This history with all that one look brought."""
        series = dict(self.series)
        if news.rewound_to is not None:
            series = {name: known.rewound(news.rewound_to) for name, known in series.items()}
        whole = replace(self, series=series).extend(news.rows)
        for seam in news.seams:
            whole = replace(whole, series={name: known.joined_at(seam) for name, known in whole.series.items()})
        return whole

    @property
    def last_step(self) -> float:
        """The highest step of any series; NaN if there is none."""
        return max((s.last_step for s in self.series.values() if len(s)), default=float("nan"))

    @property
    def last_time(self) -> float:
        """Unix seconds of the newest sample with a known time; NaN if there is none."""
        known = [float(t) for s in self.series.values() if len(s) and np.isfinite(t := s.times[-1])]
        return max(known, default=float("nan"))
