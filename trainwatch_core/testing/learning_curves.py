"""Learning curves of which the end is known: what a forecast is held against, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.series import FloatArray

_LENGTHS = (40, 80, 200, 1500)
_RIPPLE = (0.003, 0.05)  # of the height of the curve: how much single readings are off
_MEMORY = 0.6  # of the ripple, from one reading to the next: runs wander rather than flicker
_GAIN = (0.02, 0.12)  # of the height of the curve: what a rate that is lowered to zero brings beside


@dataclass(frozen=True, slots=True)
class Known:
    """A loss, and what it wanders around.

    Attributes:
        values: Shape (n,), logged at the steps 0, 1, ..., n - 1.
        level: Shape (n,): the curve beneath.
    """

    values: FloatArray
    level: FloatArray

    @property
    def end(self) -> float:
        """Where it really ends."""
        return float(self.level[-1])


def _power_law(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray((40 * x + rng.uniform(0.2, 2)) ** -rng.uniform(0.2, 0.9))


def _decay(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(np.exp(-x / rng.uniform(0.08, 0.5)))


def _logarithm(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(-np.log(x + rng.uniform(0.01, 0.1)))


def _inverse(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(1 / (1 + x * rng.uniform(3, 40)))


def _two_decays(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    share = rng.uniform(0.3, 0.8)
    return np.asarray(share * np.exp(-x / rng.uniform(0.03, 0.1)) + (1 - share) * np.exp(-x / rng.uniform(0.3, 1)))


FAMILIES: Mapping[str, Callable[[FloatArray, np.random.Generator], FloatArray]] = {
    "power law": _power_law,
    "decay": _decay,
    "logarithm": _logarithm,
    "inverse": _inverse,
    "two decays": _two_decays,
}
"""Shapes by name; the last one is none that a forecast knows."""


def draw(family: str, rng: np.random.Generator, *, lowered: bool = False) -> Known:
    """One curve of a family: its length, size, offset and ripple are drawn too.

    Args:
        family: A key of FAMILIES.
        rng: Where chance comes from.
        lowered: Whether a learning rate that nobody logged falls to zero by a cosine and brings a last gain.
    """
    count = int(rng.choice(_LENGTHS))
    x = np.arange(1, count + 1) / count
    shape = FAMILIES[family](x, rng)
    height = (shape - shape[-1]) / (shape[0] - shape[-1]) + rng.uniform(0.15, 1)
    if lowered:
        height = height - rng.uniform(*_GAIN) * (1 - np.cos(np.pi * x)) / 2
    ripple = rng.standard_normal(count)
    for index in range(1, count):
        ripple[index] = _MEMORY * ripple[index - 1] + np.sqrt(1 - _MEMORY**2) * ripple[index]
    size = 10 ** rng.uniform(-2, 2)
    return Known(size * (height + rng.uniform(*_RIPPLE) * ripple), size * height)
