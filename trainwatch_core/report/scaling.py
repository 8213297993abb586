"""Axes: which stretch of values a panel shows, on which scale, with which ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from trainwatch_core.model.numbers import say, short_ticks
from trainwatch_core.model.series import FloatArray
from trainwatch_core.report.chart import Axis, Tick

LARGEST = 1e307
"""Values are drawn as if none were larger: differences, and margins around them, then stay floats."""

_SMALLEST = 1e-290  # below, floats lose digits: drawn as zero
_LOG_END = 708.0  # the largest power of e that is a float, nearly

_CORE = (0.02, 0.98)  # the ordinary part of a run: all but the first and last hundredths of its values
_CORE_SHARE = 0.35  # of the height belongs to the ordinary part, however far the rest goes
_LOG_RATIO = 3.0  # within the ordinary part: beyond, a linear axis shows how a run began, not how it goes on
_LOG_REACH = 30.0  # from the ordinary part to the extremes: beyond, a linear axis shows a spike and nothing else
_LOG_POSITIVE = 0.98  # of the values: a few zeros do not forbid a logarithmic axis
_TICKS = 3  # or one or two more, where round numbers want it
_MARGIN = 0.06


@dataclass(frozen=True, slots=True)
class Reach:
    """What values have to find room on an axis.

    Attributes:
        typical: Shape (n,), finite: the values at equal distances of steps, so that no stretch counts twice.
        low: The lowest value.
        high: The highest value.
        levels: Values that should be in sight too, if that costs little.
        linear: Whether equal lengths must be equal differences, as for a learning rate or a score.
    """

    typical: FloatArray
    low: float
    high: float
    levels: tuple[float, ...] = ()
    linear: bool = False


def fit_axis(reach: Reach, ticks: int = _TICKS) -> Axis:
    """The axis on which the ordinary part of a run keeps its shape, whatever else happened.

    A loss that diverges from 2 to 10^6 would turn all that was before into a flat line. So the scale becomes
    logarithmic where the values ask for it, and what lies too far out is cut off (and pointed at).
    """
    if not len(reach.typical):
        return Axis(0.0, 1.0)
    if reach.low == reach.high and not reach.levels:
        return _constant(reach.low)
    core_low, core_high = (float(q) for q in np.quantile(reach.typical, _CORE))
    log = _asks_for_log(reach, core_low, core_high)
    if log:
        # Zeros have no logarithm; the smallest positive value stands for them.
        floor = float(reach.typical[reach.typical > 0].min())
        core_low = max(core_low, floor)
        low, high = _stretch(
            (math.log(core_low), math.log(core_high)),
            (math.log(reach.low if reach.low > 0 else core_low), math.log(reach.high)),
            tuple(math.log(level) for level in reach.levels if level > 0),
            floor=math.log(4),
        )
        low, high = (math.exp(min(max(end, -_LOG_END), _LOG_END)) for end in _widen(low, high, 0.05))
    else:
        # A level at 2 that jumps to 7 is shown as it is: up to about four times the ordinary height nothing is cut.
        floor = 1.2 * max(abs(core_low), abs(core_high))
        low, high = _stretch((core_low, core_high), (reach.low, reach.high), reach.levels, floor=floor)
        size = max(abs(low), abs(high))
        low, high = _widen(low, high, size * 1e-6 if size > _SMALLEST else 1.0)
    return _with_ticks(Axis(low, high, log), ticks)


def _constant(value: float) -> Axis:
    """An axis with a single value in its middle: more ticks would tell of differences that there are not."""
    room = abs(value) * 0.1 if abs(value) > _SMALLEST else 1.0
    return Axis(value - room, value + room, ticks=(Tick(value, _bounded(value, say(value))),))


def step_axis(first: float, last: float) -> Axis:
    """The axis of the steps. A single step gets room on both sides."""
    if not last > first:
        room = max(abs(first) * 0.01, 1.0)
        first, last = first - room, last + room
    return _with_ticks(Axis(first, last), _TICKS)


def _with_ticks(axis: Axis, fewest: int) -> Axis:
    values = (_log_ticks if axis.log else _linear_ticks)(axis.low, axis.high, fewest)
    return replace(
        axis, ticks=tuple(Tick(v, _bounded(v, text)) for v, text in zip(values, short_ticks(values), strict=True))
    )


def _bounded(value: float, text: str) -> str:
    """The label of a tick; where values are cut off, it says so."""
    if abs(value) < LARGEST * (1 - 1e-9):
        return text
    return f"≥{text}" if value > 0 else f"≤{text}"


def _asks_for_log(reach: Reach, core_low: float, core_high: float) -> bool:
    positive = reach.typical[reach.typical > 0]
    if reach.linear or len(positive) < _LOG_POSITIVE * len(reach.typical) or core_high <= 0:
        return False
    bottom = max(core_low, float(positive.min()))
    return core_high / _LOG_RATIO > bottom or reach.high / _LOG_REACH > max(bottom, core_high / _LOG_RATIO)


def _stretch(
    core: tuple[float, float], full: tuple[float, float], levels: tuple[float, ...], *, floor: float
) -> tuple[float, float]:
    """The ends of an axis: everything, or as much around the core as leaves the core its share."""
    size = max(core[1] - core[0], floor)
    low, high = min(full[0], core[0]), max(full[1], core[1])
    for level in levels:
        if max(high, level) - min(low, level) <= size / _CORE_SHARE:
            low, high = min(low, level), max(high, level)
    spare = max(0.0, size / _CORE_SHARE - (core[1] - core[0]))
    below, above = core[0] - low, high - core[1]
    if below + above > spare:
        half = spare / 2
        below, above = (min(below, max(half, spare - above)), min(above, max(half, spare - below)))
    return core[0] - below, core[1] + above


def _widen(low: float, high: float, least: float) -> tuple[float, float]:
    """Room at both ends, and a constant in the middle."""
    if high - low < least:
        middle = low / 2 + high / 2
        room = max(abs(middle) * 0.1, least)
        return middle - room, middle + room
    margin = _MARGIN * (high - low)
    return low - margin, high + margin


def _linear_ticks(low: float, high: float, fewest: int) -> tuple[float, ...]:
    span = high - low
    exponent = math.floor(math.log10(span))
    found: tuple[float, ...] = ()
    for size in (10.0, 5.0, 2.5, 2.0, 1.0, 0.5, 0.25, 0.2):
        step = size * 10.0**exponent
        if step <= 0 or step > span:
            continue
        whole = np.arange(math.ceil(low / step), math.floor(high / step) + 1)
        if len(whole) > fewest + 2:
            break
        found = tuple(float(tick) for tick in whole * step)
        if len(found) >= fewest:
            break
    return found


def _log_ticks(low: float, high: float, fewest: int) -> tuple[float, ...]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first + 1 >= fewest:
        stride = math.ceil((last - first + 1) / (fewest + 1))
        return tuple(10.0**power for power in range(first, last + 1, stride))
    for mantissas in ((1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)):
        ticks = [m * 10.0**power for power in range(first - 1, last + 1) for m in mantissas]
        inside = tuple(tick for tick in ticks if low <= tick <= high)
        if fewest <= len(inside) <= fewest + 2:
            return inside
    return _linear_ticks(low, high, fewest)
