"""Buckets: what is kept of samples that are too old to be kept one by one.

A bucket has the count, mean, minimum, maximum and last value of a stretch of samples and the number of those that were
not finite, so no NaN and no extreme is ever averaged away. Buckets hold powers of two and are aligned, so that how
samples are cut into rounds does not matter: merging is associative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_BUCKETS = 160

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


def no_buckets() -> FloatArray:
    """An empty array of buckets."""
    return np.empty((0, len(BUCKET_FIELDS)), dtype=np.float64)


def before(buckets: FloatArray, step: float) -> FloatArray:
    """The buckets that lie wholly before a step. One that reaches over it is lost with what was overwritten."""
    return buckets[: int(np.searchsorted(buckets[:, _LAST_STEP], step, side="left"))]


def fold(buckets: FloatArray, steps: FloatArray, values: FloatArray, times: FloatArray) -> FloatArray:
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
