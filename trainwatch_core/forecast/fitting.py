"""Learning curves carried on to the planned end: a small family of shapes, weighed by what they would have foretold.

Each shape is a + b * phi(x), with b >= 0 and phi falling: no change, a power law with an offset (Hestness et al. 2017),
the inverse line and the logarithm as its limits, an exponential decay, a straight line. phi has one parameter, which
runs over a short grid, so that a and b are a linear fit (variable projection, Golub and Pereyra 1973). Recent points
weigh more, and the loss is Huber's (1964), by iteratively reweighted least squares.

All fits are made four times: of everything, and of the first 85, 70 and 55 percent, of which the rest is held out. A
shape counts by how well it foretold what was held out; how far the combination was off there, grown with the distance,
is the width of the interval. So a curve that no shape fits gets a wide one, or none. Where it was off to one side, the
forecast is moved half as far: on recorded runs, the next stretch went on like that about so often (`docs/forecast.md`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from trainwatch_core.model.series import FloatArray
from trainwatch_core.stats import noise

POINTS = 48
"""Medians that a curve is read as before it is fitted: more would change nothing and cost time."""
FEWEST = 8
"""Points: so many does it take to fit two figures and to hold something out three times."""
HORIZONS = 24
"""Places between now and the end at which a forecast is given."""
_ORIGINS = np.array([1.0, 0.85, 0.7, 0.55])
"""Shares of what was seen that are fitted; of all but the first, the rest is held out."""
_SHIFTS, _POWERS = (0.02, 0.2), (0.25, 0.5, 1.0, 2.0)
_DECAYS = (0.06, 0.12, 0.25, 0.5, 1.0)
"""All as shares of the stretch that was seen."""
_MEMORY = 0.2
"""Share of the stretch over which the weight of a point falls to 1/e: the late course tells most about the end."""
_FAR = 100.0  # ranges: farther out, a value is a wild one, and its square must stay a number
_HUBER = 1.5  # spreads: beyond, a point pulls no harder
_ROUNDS = 4  # of reweighting: the weights hardly move any more
_TRUST = 1.5  # power of 1/error**2 by which a shape counts
_NOISE_SHARE = 0.3  # of the noise: shapes that differ by less than this are equally good
_BELIEVED = 0.5  # of what the held-out parts were missed by to one side
_TAIL = 0.75  # of the held-out stretch: the middle of its later half, at which an error is read


@dataclass(frozen=True, slots=True)
class Course:
    """Where a curve goes, at places from now to the end.

    Attributes:
        steps: Shape (m,): the last point, ..., the end.
        middle: Shape (m,): the forecast of the level, in the units of the values.
        spread: Shape (m,): about one standard error of it, never negative.
        missed: How far the held-out parts were missed, carried on over the distance of what was seen, as a share of
            the range of the values: 0.1 is good, 1 means that nothing was foretold.
        range: The range of the values, their outer tenths left out.
    """

    steps: FloatArray
    middle: FloatArray
    spread: FloatArray
    missed: float
    range: float


def carry_on(steps: FloatArray, values: FloatArray, end: float) -> Course | None:
    """Carry a curve on.

    Args:
        steps: Shape (n,), never decreasing.
        values: Shape (n,), finite, of a metric that should fall.
        end: The step up to which; beyond the last point.

    Returns:
        None where there is nothing to carry on: fewer than 8 points, one step, one value.
    """
    seen = _read(steps, values) if len(steps) >= FEWEST and steps[0] / 2 < steps[-1] / 2 < end / 2 else None
    if seen is None:
        return None
    fits = _fit(seen)
    weights = _weights(fits)
    # One is now: shapes do not know how long the plan is, so the forecast of a step does not depend on it.
    ahead = np.linspace(1.0, (end / 2 - steps[0] / 2) / (steps[-1] / 2 - steps[0] / 2), HORIZONS)
    found = fits.offset[0][:, None] + fits.slope[0][:, None] * _shapes(ahead)
    likely = _weighted_median(found, weights)
    errors = _errors(fits, weights)
    missed = float(np.sqrt(np.mean(errors**2)))
    # No shape rises, and what was foretold too low before is no reason to foretell a rise.
    middle = np.minimum(likely + _BELIEVED * float(np.mean(errors)) * (ahead - 1), likely[0])
    spread = np.sqrt(weights @ (found - likely) ** 2 + (missed * (ahead - 1)) ** 2 + seen.noise**2)
    share = np.linspace(0.0, 1.0, HORIZONS)
    places = steps[-1] * (1 - share) + end * share
    return Course(places, seen.centre + seen.range * middle, seen.range * spread, missed, seen.range)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen, in units of its own.

    Attributes:
        x: Shape (n,), from 0 at the first step to 1 now.
        heights: Shape (n,), in ranges of the values, around their median.
        noise: How far a single one is off.
        centre: The median of the values.
        range: Their range, the outer tenths left out.
    """

    x: FloatArray
    heights: FloatArray
    noise: float
    centre: float
    range: float


def _read(steps: FloatArray, values: FloatArray) -> _Seen | None:
    """A curve in units of its own; None if it has only one value."""
    # Halves, because the distance of two values near the largest float is no float.
    centre = float(np.median(values))
    away = values / 2 - centre / 2
    low, high = np.quantile(away, (0.1, 0.9))
    half = float(high - low)
    if not 0 < 2 * half < math.inf:
        return None
    heights = np.clip(away, -_FAR * half, _FAR * half) / half
    x = (steps / 2 - steps[0] / 2) / (steps[-1] / 2 - steps[0] / 2)
    return _Seen(x, heights, noise(heights), centre, 2 * half)


@dataclass(frozen=True, slots=True)
class _Fits:
    """Every shape fitted to what lay before every origin; o origins, k shapes, n points.

    Attributes:
        seen: What they are fitted to.
        shapes: Shape (k, n).
        offset: Shape (o, k).
        slope: Shape (o, k), never negative.
        recency: Shape (o, n): the weight of each point by its age; 0 of what is held out.
    """

    seen: _Seen
    shapes: FloatArray
    offset: FloatArray
    slope: FloatArray
    recency: FloatArray

    @property
    def rest(self) -> FloatArray:
        """What each fit leaves unexplained, shape (o, k, n)."""
        return np.asarray(self.seen.heights - self.offset[:, :, None] - self.slope[:, :, None] * self.shapes)


def _shapes(x: FloatArray) -> FloatArray:
    """Every shape at places (n,), as shape (k, n); 1 is now, all fall with x but the first, which stays."""
    rows = [np.zeros_like(x)]
    for shift in _SHIFTS:
        rows += [(x + shift) ** -power for power in _POWERS]
        rows.append(-np.log(x + shift))
    rows += [np.exp(-x / decay) for decay in _DECAYS]
    rows.append(-x)
    return np.array(rows)


def _fit(seen: _Seen) -> _Fits:
    origins, shapes = _ORIGINS[:, None], _shapes(seen.x)
    recency = np.where(seen.x <= origins, np.exp((seen.x - origins) / (_MEMORY * origins)), 0.0)
    bend = max(_HUBER * seen.noise, 1e-9)
    weights = np.repeat(recency[:, None, :], len(shapes), axis=1)
    fits = _Fits(seen, shapes, np.zeros(weights.shape[:2]), np.zeros(weights.shape[:2]), recency)
    for _ in range(_ROUNDS):
        fits = _least_squares(weights, fits)
        away = np.abs(fits.rest)
        weights = recency[:, None, :] * (bend / np.maximum(away, bend))
    return fits


def _least_squares(weights: FloatArray, fits: _Fits) -> _Fits:
    heights = fits.seen.heights
    total = np.maximum(weights.sum(axis=2), 1e-300)
    x = np.einsum("okn,kn->ok", weights, fits.shapes) / total
    y = weights @ heights / total
    away = fits.shapes[None] - x[:, :, None]
    pull = weights * away
    xx, xy = (pull * away).sum(axis=2), pull @ heights
    slope = np.where(xx > 1e-12 * total, np.maximum(xy, 0.0) / np.maximum(xx, 1e-300), 0.0)
    return replace(fits, offset=y - slope * x, slope=slope)


def _weights(fits: _Fits) -> FloatArray:
    """How much each shape counts, shape (k,), sum 1: by its errors where it was held out, and where it was fitted."""
    squares = fits.rest**2
    held_out = fits.seen.x > _ORIGINS[1:, None]
    many = np.maximum(held_out.sum(axis=1), 1)
    foretold = np.sqrt(np.einsum("okn,on->ok", squares[1:], held_out.astype(float)) / many[:, None]).mean(axis=0)
    told = squares[0] @ fits.recency[0] / fits.recency[0].sum()
    error = foretold**2 + told + (_NOISE_SHARE * fits.seen.noise) ** 2 + 1e-12
    weights = error**-_TRUST
    return np.asarray(weights / weights.sum())


def _errors(fits: _Fits, weights: FloatArray) -> FloatArray:
    """By how much the combination missed what was held out, shape (o - 1,), for a distance as long as what was seen."""
    rest = np.einsum("k,okn->on", weights, fits.rest)[1:]
    found = []
    for origin, row in zip(_ORIGINS[1:], rest, strict=True):
        held_out = row[fits.seen.x > origin]
        later = held_out[-max(1, len(held_out) // 2) :]
        found.append(float(np.median(later)) * origin / (_TAIL * (1 - origin)))
    return np.array(found)


def _weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The weighted median of each column of values (k, m); shape (m,)."""
    order = np.argsort(values, axis=0)
    heights = np.take_along_axis(values, order, axis=0)
    below = np.cumsum(weights[order], axis=0)
    at = np.argmax(below >= below[-1] / 2, axis=0)
    return np.asarray(heights[at, np.arange(values.shape[1])])
