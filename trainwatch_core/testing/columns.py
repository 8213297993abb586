"""Columns of numbers as runs log them, for tables of what a check says about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from trainwatch_core.model.finding import Decision, Finding
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray
from trainwatch_core.testing.histories import Column

NAN, INF = math.nan, math.inf
CONTINUE, WAIT, STOP = Decision.CONTINUE, Decision.WAIT, Decision.STOP

Columns = Mapping[str, Column]
Said = list[tuple[str, Decision]]
"""Code and argument of each finding."""


def falling(rows: int = 300, start: float = 3.0, floor: float = 1.0, noise: float = 0.05) -> FloatArray:
    """A healthy loss: a power law with noise."""
    rng = np.random.default_rng(rows)
    curve = floor + (start - floor) * (1 + np.arange(rows) / 10) ** -0.7
    return np.asarray(curve + rng.normal(0, noise, rows))


def noisy(level: float, rows: int, noise: float = 0.05) -> FloatArray:
    """A level with noise."""
    return np.asarray(level + np.random.default_rng(rows + 7).normal(0, noise, rows))


def line(start: float, end: float, rows: int) -> FloatArray:
    """A straight line from one value to another."""
    return np.linspace(start, end, rows)


def flat(value: float, rows: int) -> FloatArray:
    """One value again and again."""
    return np.full(rows, value)


def cosine(rows: int, top: float = 1e-3) -> FloatArray:
    """A learning rate that falls to zero along a cosine."""
    return np.asarray(top * (1 + np.cos(np.pi * np.arange(rows) / rows)) / 2)


def then(head: float | FloatArray, *tail: float | FloatArray) -> FloatArray:
    """One column after another."""
    return np.concatenate([np.atleast_1d(part) for part in (head, *tail)])


def every(step: int, values: FloatArray | list[float]) -> dict[float, float]:
    """Evals: one value every `step` steps."""
    return {float(step * (at + 1)): float(value) for at, value in enumerate(values)}


def said(check: Callable[[View], tuple[Finding, ...]], view: View) -> Said:
    """Code and argument of all that a check says."""
    return [(finding.code, finding.argues_for) for finding in check(view)]
