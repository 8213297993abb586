"""Other runs at the steps of this one: what a comparison is held against, and what the picture draws beside it."""

from __future__ import annotations

import numpy as np

from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray
from trainwatch_core.stats import curve

MIN_BINS = 8
"""Of another run: fewer points are no course that could be read between."""


def others_at(view: View, name: str, steps: FloatArray) -> FloatArray | None:
    """The median of a metric over the other runs that have it, read between their robust bins on a straight line.

    Args:
        view: Knows the runs.
        name: The metric.
        steps: Shape (n,).

    Returns:
        Shape (n,), NaN where one of them had not begun or was over; None if none of them has the metric.
    """
    seen = [curve(run.series[name]) for run in view.baseline_runs.values() if name in run.series]
    courses = [
        np.interp(steps, each.ends, each.values, left=np.nan, right=np.nan) for each in seen if len(each) >= MIN_BINS
    ]
    return np.asarray(np.median(np.stack(courses), axis=0)) if courses else None


def called_others(view: View, name: str) -> str:
    """The run that has the metric, or how many have it."""
    runs = [run for run, history in view.baseline_runs.items() if name in history.series]
    return runs[0] if len(runs) == 1 else f"the median of {len(runs)} runs"
