"""Learning-rate schedules, inferred from the logged rates.

Nobody tells a watch how the rate was meant to go, so it is read off: where the warm-up ends, whether what follows is
level, falls in steps, falls along a known curve, or comes up again. The shapes are those of the common libraries
(cosine: Loshchilov and Hutter 2017; warm-up, stable, decay: Hu et al. 2024; inverse square root: Vaswani et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.stats import curve

MIN_BINS = 8
"""Bins of the rate: fewer have no shape."""
LEVEL = 0.01
"""Relative change that counts as none."""
RISE = 0.2
"""Of the highest rate: a rise after a fall that is more than rounding."""
STEPS_LEVEL, STEP_DROP = 0.7, 0.3
"""Share of level stretches, and the relative drop between them, that make a staircase."""
STABLE = 0.2
"""Share of the run at the highest rate that makes a stable part."""
FITS = 0.02
"""Of the highest rate: the mean distance within which a curve is taken for a shape."""


class Shape(StrEnum):
    """How a learning rate goes."""

    UNKNOWN = "unknown"
    WARMING_UP = "warming up"
    CONSTANT = "constant"
    STEPS = "steps"
    LINEAR = "linear"
    COSINE = "cosine"
    EXPONENTIAL = "exponential"
    INVERSE_SQRT = "inverse square root"
    STABLE_DECAY = "stable, then decay"
    RESTARTS = "restarts"
    CYCLIC = "cyclic"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as far as it has been seen.

    Attributes:
        shape: Which one.
        top: The highest rate.
        warmed_up: The step at which the highest rate was reached first.
        decayed: Share of the highest rate that is gone by now, 0 to 1.
    """

    shape: Shape
    top: float
    warmed_up: float
    decayed: float


def infer_schedule(series: Series) -> Schedule | None:
    """The schedule of a learning-rate series; None of fewer than MIN_BINS finite, positive-topped bins."""
    seen = curve(series)
    if len(seen) < MIN_BINS:
        return None
    rates, steps = seen.values, seen.ends
    top = float(np.max(rates))
    if top <= 0:
        return None
    peak = int(np.argmax(rates >= top * (1 - LEVEL)))
    after, at = rates[peak:] / top, steps[peak:]
    shape = Shape.WARMING_UP if len(after) < MIN_BINS // 2 else _shape(after, at)
    return Schedule(shape, top, float(steps[peak]), float(min(1.0, max(0.0, 1 - rates[-1] / top))))


def _shape(rates: FloatArray, steps: FloatArray) -> Shape:
    """The shape of what comes after the warm-up; rates relative to the highest."""
    if float(np.max(rates) - np.min(rates)) <= LEVEL:
        return Shape.CONSTANT
    moves = np.diff(rates)
    rises = _rises(rates)
    if rises:
        return Shape.RESTARTS if float(np.max(moves)) > RISE else Shape.CYCLIC
    level = np.abs(moves) <= LEVEL / 10
    drops = moves < -STEP_DROP * rates[:-1]
    # The last moves of a decay to zero are large too, relatively; a staircase moves in no other way.
    if drops.any() and np.mean(level | drops) >= STEPS_LEVEL and 2 * np.sum(drops) >= np.sum(~level):
        return Shape.STEPS
    if float(np.mean(rates >= 1 - LEVEL)) >= STABLE and rates[-1] < 1 - LEVEL:
        return Shape.STABLE_DECAY
    return _fitted(rates, steps)


def _rises(rates: FloatArray) -> bool:
    lowest = np.minimum.accumulate(rates)
    return bool(np.any(rates - lowest > RISE))


def _fitted(rates: FloatArray, steps: FloatArray) -> Shape:
    """The decay that lies nearest, or UNKNOWN if none lies near."""
    x = (steps - steps[0]) / (steps[-1] - steps[0]) if steps[-1] > steps[0] else np.linspace(0, 1, len(steps))
    errors = {
        Shape.LINEAR: _distance(rates, [1 - x / end for end in _ENDS]),
        Shape.COSINE: _distance(rates, [(1 + np.cos(np.pi * np.minimum(1, x / end))) / 2 for end in _ENDS]),
        Shape.EXPONENTIAL: _distance(rates, [np.exp(-speed * x) for speed in _SPEEDS]),
        Shape.INVERSE_SQRT: _distance(rates, [1 / np.sqrt(1 + speed * x) for speed in _SPEEDS]),
    }
    best = min(errors, key=lambda shape: errors[shape])
    return best if errors[best] <= FITS else Shape.UNKNOWN


_ENDS = np.geomspace(1.0, 8.0, 40)
"""Where a decay may end, in lengths of what has been seen."""
_SPEEDS = np.geomspace(0.05, 500.0, 80)


def _distance(rates: FloatArray, candidates: list[FloatArray]) -> float:
    """The least mean distance to any candidate, each let down to the floor that suits it best."""
    found = []
    for shape in candidates:
        # rate = floor + (1 - floor) * shape: a decay to a tenth is a decay too.
        rest = 1 - shape
        weight = float(np.dot(rest, rest))
        floor = float(np.clip(np.dot(rest, rates - shape) / weight, 0.0, 0.5)) if weight > 0 else 0.0
        found.append(float(np.mean(np.abs(floor + (1 - floor) * shape - rates))))
    return min(found)
