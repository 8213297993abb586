"""Progress: what a healthy run is said to do. Argues for nothing but CONTINUE.

Method: Mann-Kendall trend (Mann 1945) of the last third of at most 240 median bins of the main metric: the training
loss, else the eval loss, else a score. Needs 1 finite sample; NaN and infinities are passed over.
"""

from __future__ import annotations

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import View
from trainwatch_core.stats import curve, trend

NAME = "progress"
_ORDER = (Role.TRAIN_LOSS, Role.EVAL_LOSS, Role.TRAIN_SCORE, Role.EVAL_SCORE)
_SIGNIFICANT = 2.0
"""Mann-Kendall z: one chance in twenty that a flat curve is called moving; the words argue for nothing."""
_MIN_BINS = 6
"""Bins: fewer have no trend worth a word."""


def check(view: View) -> tuple[Finding, ...]:
    """Says where the main metric stands and which way it goes."""
    for role in _ORDER:
        series = view.main(role)
        seen = curve(series) if series is not None else None
        if series is not None and seen is not None and len(seen):
            name, values = series.name, series.finite[1]
            recent = seen.values[-max(_MIN_BINS, len(seen) // 3) :]
            last = values[-1] if len(values) else recent[-1]
            way = _direction(trend(recent), len(recent))
            text = f"{name} {say(float(last))} at step {say_step(seen.ends[-1])}, {way}."
            numbers = {"last": float(last), "trend": trend(recent)}
            info = Weight.INFO
            return (Finding(NAME, "moving", Decision.CONTINUE, info, text, name, None, float(seen.ends[-1]), numbers),)
    return ()


def _direction(z: float, bins: int) -> str:
    if bins < _MIN_BINS:
        return "too early for a trend"
    if z <= -_SIGNIFICANT:
        return "still falling"
    return "rising" if z >= _SIGNIFICANT else "about level"
