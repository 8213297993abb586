"""Forecast: where the key metric will be at the planned end, against target and baseline.

Method: a small family of learning curves, fitted robustly and weighed by what they would have foretold of the held-out
last parts of what was seen (see `trainwatch_core.forecast`); the interval holds the end in about four cases of five.
Rules:

- `end`: what the forecast is. CONTINUE.
- `missed`: the whole interval is on the wrong side of a baseline or target, and its nearer edge still misses it by
  MISS_WIDTHS of the interval's width and MISS_SHARE of the value's size, with MIN_SHARE of the plan gone. WAIT, never
  STOP: a forecast is no measurement. Whether evals that are level should stop the run, `baseline` says.
- `unknown`: why there is no forecast of a metric that the person asked about. CONTINUE.

Needs a planned length, 8 finite samples of a metric with a direction, a fifth of the plan, and a curve that could have
been foretold so far. NaN and infinities are passed over; where the newest value is one, there is no forecast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from trainwatch_core.forecast.outlook import Forecast, Unknown, outlook
from trainwatch_core.forecast.words import CHECK, say_forecast
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.round import View

NAME = CHECK
MISS_WIDTHS, MISS_SHARE = 0.5, 0.05
"""Widths of the interval and share of the value's size, each: the interval need not be exactly right."""
MIN_SHARE = 0.3
"""Of the plan: earlier forecasts stand in the report, but argue for nothing."""


def check(view: View) -> tuple[Finding, ...]:
    """What is foretold of the key metric; at most one finding, which argues for WAIT at most."""
    found = outlook(view)
    if isinstance(found, Forecast):
        return (_missed(view, found) or _end(view, found),)
    if isinstance(found, Unknown) and found.metric in {*view.key_metrics, *view.target, *view.baseline}:
        text = f"Where {found.metric} will end cannot be told: {found.why}."
        return (Finding(NAME, "unknown", Decision.CONTINUE, Weight.INFO, text, found.metric),)
    return ()


def _end(view: View, found: Forecast) -> Finding:
    text = f"{say_forecast(found, view.baseline, view.target)}."
    return Finding(NAME, "end", Decision.CONTINUE, Weight.INFO, text, found.metric, numbers=_numbers(found))


def _missed(view: View, found: Forecast) -> Finding | None:
    wanted = next((held[found.metric] for held in (view.baseline, view.target) if _far(found, held)), None)
    if wanted is None:
        return None
    text = f"{say_forecast(found, view.baseline, view.target)}."
    until = f"This would go away if {found.metric} came half-way from {say(found.now)} to {say(wanted)}."
    numbers = {**_numbers(found), "wanted": wanted}
    return Finding(NAME, "missed", Decision.WAIT, Weight.SOFT, text, found.metric, numbers=numbers, until=until)


def _far(found: Forecast, held: Mapping[str, float]) -> bool:
    """Whether a value is missed by so much that the interval need not be exactly right for it."""
    wanted = held.get(found.metric, math.nan)
    if not math.isfinite(wanted) or found.share < MIN_SHARE:
        return False
    low, _, high = found.final
    by = low - wanted if found.goal is Goal.MINIMIZE else wanted - high
    return by > max(MISS_WIDTHS * (high - low), MISS_SHARE * abs(wanted))


def _numbers(found: Forecast) -> Mapping[str, float]:
    low, middle, high = found.final
    return {"low": low, "forecast": middle, "high": high, "end": found.end, "now": found.now}
