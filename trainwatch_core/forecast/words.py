"""How a forecast is said: `val_loss will end near 2.31 (2.27 to 2.38) at step 90,000; baseline 2.3: within reach`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from trainwatch_core.forecast.outlook import Forecast
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal

CHECK = "forecast"
"""Name of the check whose findings say it."""
FORETOLD = frozenset({"end", "missed"})
"""Codes of its findings that rest on a forecast."""
_FEWEST_DIGITS, _MOST_DIGITS = 3, 8


class Reach(StrEnum):
    """Where the interval lies against a value that is wanted."""

    MET = "will be met"
    OPEN = "within reach"
    MISSED = "out of reach"


def reach(found: Forecast, wanted: float) -> Reach:
    """Whether all of the interval is as good as wanted, some of it, or nothing."""
    low, _, high = found.final
    best, worst = (low, high) if found.goal is Goal.MINIMIZE else (-high, -low)
    bar = wanted if found.goal is Goal.MINIMIZE else -wanted
    if worst <= bar:
        return Reach.MET
    return Reach.OPEN if best <= bar else Reach.MISSED


def say_forecast(found: Forecast, baseline: Mapping[str, float], target: Mapping[str, float]) -> str:
    """The forecast against baseline and target, without a full stop."""
    low, middle, high = say_final(found)
    parts = [f"{found.metric} will end near {middle} ({low} to {high}) at step {say_step(found.end)}"]
    for word, held in (("baseline", baseline), ("target", target)):
        wanted = held.get(found.metric, math.nan)
        if math.isfinite(wanted):
            parts.append(f"{word} {say(wanted)}: {reach(found, wanted)}")
    return "; ".join(parts)


def say_final(found: Forecast) -> tuple[str, str, str]:
    """Low edge, middle and high edge at the end, with as many digits as it takes to tell them apart."""
    said = found.final
    words = ("", "", "")
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        words = (say(said[0], digits), say(said[1], digits), say(said[2], digits))
        if len(set(words)) == len(set(said)):
            break
    return words
