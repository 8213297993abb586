"""Panels: the axes that metrics share or have for themselves, their lines, and what is marked on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from trainwatch_core.comparing import called_others, others_at
from trainwatch_core.forecast.outlook import Forecast
from trainwatch_core.forecast.words import say_final, say_forecast
from trainwatch_core.model.numbers import say
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.report.chart import Axis, Beyond, Fan, Level, LevelKind, Line, Panel, Style
from trainwatch_core.report.curves import Trace, band, crosses, smooth, typical
from trainwatch_core.report.redact import clean, redact
from trainwatch_core.report.scaling import Reach, fit_axis
from trainwatch_core.stats import curve

LABEL = 80
"""Characters of a name in a picture: a title of 100,000 takes a drawing library 22 seconds."""

_READ = 4096  # characters of a name that are looked at
_SAME_UNIT = 3.0  # a loss of an evaluation this many times away from the training loss has an axis of its own
_DOTS = 60  # evaluations that can be told apart; of more, the newest of each part is shown


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that is drawn.

    Attributes:
        series: Its history.
        style: How.
        trace: Its course, at most about 1,000 points.
        forecast: Where it is going; None if nobody knows.
    """

    series: Series
    style: Style
    trace: Trace
    forecast: Forecast | None = None


def shown_name(name: str) -> str:
    """A name of a run or a metric, untrusted, as a picture shows it: redacted, visible, at most LABEL characters."""
    return clean(redact(name[:_READ]), LABEL)


def panel(metrics: list[Metric], view: View, steps: Axis, cuts: tuple[float, ...], ticks: int) -> Panel:
    """One panel.

    Args:
        metrics: What it shows; its axis is that of the first.
        view: Knows baselines and targets.
        steps: The axis of the steps.
        cuts: Steps that no curve is smoothed across; before the first of them the run was in order.
        ticks: How many ticks its axis has at least.
    """
    if not metrics:
        return Panel(Axis(0.0, 1.0), ())
    axes = _axes(metrics, view, cuts[0], ticks)
    lines = tuple(_line(metric, axes[metric.series.name], cuts) for metric in metrics)
    return Panel(
        axis=axes[metrics[0].series.name],
        lines=lines,
        levels=(*_levels(metrics, view, axes), *_others(metrics, view, axes)),
        crosses=crosses(tuple(metric.trace for metric in metrics), steps.low, steps.high),
        beyond=tuple(b for metric in metrics[:1] for b in _beyond(metric, axes[metric.series.name])),
        fan=next((_fan(m, m.forecast, view, axes[m.series.name]) for m in metrics if m.forecast is not None), None),
    )


def _axes(metrics: list[Metric], view: View, onset: float, ticks: int) -> Mapping[str, Axis]:
    """An axis for each metric; a loss of an evaluation shares the one of the training loss if it has its size."""
    first = metrics[0]
    shared = [first, *(m for m in metrics[1:] if first.style is Style.LOSS and _same_unit(first, m))]
    together = fit_axis(_reach(shared, view, onset), ticks)
    names = {metric.series.name for metric in shared}
    return {
        m.series.name: together if m.series.name in names else fit_axis(_reach([m], view, onset), ticks)
        for m in metrics
    }


def _same_unit(loss: Metric, other: Metric) -> bool:
    ours, theirs = loss.trace.finite.values, other.trace.finite.values
    if other.style is not Style.EVAL or not len(ours) or not len(theirs):
        return False
    low, high = np.quantile(ours, (0.02, 0.98))
    middle = float(np.median(theirs))
    if low > 0:
        return bool(low / _SAME_UNIT <= middle <= high * _SAME_UNIT)
    room = high / 2 - low / 2 + max(abs(low), abs(high)) / _SAME_UNIT
    return bool(low - room <= middle <= high + room)


def _reach(metrics: list[Metric], view: View, onset: float) -> Reach:
    finite = [metric.trace.finite for metric in metrics]
    lows = [float(course.low.min()) for course in finite if len(course)]
    highs = [float(course.high.max()) for course in finite if len(course)]
    low, high = min(lows, default=0.0), max(highs, default=1.0)
    parts = [typical(metric.trace, onset) for metric in metrics]
    # A learning rate is seen whole, whatever it did: it often is the explanation.
    whole = metrics[0].style is Style.LR and bool(lows)
    return Reach(
        typical=np.array([low, high]) if whole else np.concatenate(parts),
        low=low,
        high=high,
        levels=(
            *_wanted(metrics, view),
            *_beside(metrics, view),
            *(end for m in metrics if m.forecast is not None for end in m.forecast.final),
        ),
        linear=metrics[0].style in {Style.LR, Style.SCORE},
    )


def _wanted(metrics: list[Metric], view: View) -> tuple[float, ...]:
    held = [each.get(metric.series.name, math.nan) for metric in metrics for each in (view.baseline, view.target)]
    return tuple(filter(math.isfinite, held))


def _beside(metrics: list[Metric], view: View) -> Iterator[float]:
    """How far the courses of other runs reach, apart from their farthest values: those would flatten this one."""
    for metric in metrics:
        others = others_at(view, metric.series.name, curve(metric.series).ends)
        known = others[np.isfinite(others)] if others is not None else np.empty(0)
        if len(known):
            yield from (float(end) for end in np.quantile(known, (0.02, 0.98)))


def _line(metric: Metric, axis: Axis, cuts: tuple[float, ...]) -> Line:
    finite = metric.trace.finite
    steps, values, raw = finite.steps, finite.values, None
    if metric.style in {Style.EVAL, Style.SCORE}:
        group = max(1, -(-len(finite) // _DOTS))
        steps, values = steps[::-group][::-1], values[::-group][::-1]
    elif metric.style is not Style.LR:
        steps, values = smooth(metric.trace, cuts, log=axis.log)
        raw = band(metric.trace)
    return Line(
        label=shown_name(metric.series.name) or "unnamed",
        value=say(metric.series.last),
        style=metric.style,
        axis=axis,
        steps=steps,
        values=values,
        band=raw,
        end=(float(finite.steps[-1]), float(finite.values[-1])) if len(finite) else None,
        lost=not math.isfinite(metric.series.last),
    )


def _levels(metrics: list[Metric], view: View, axes: Mapping[str, Axis]) -> tuple[Level, ...]:
    return tuple(
        Level(
            kind,
            f"{kind} {say(wanted[metric.series.name])}",
            shown_name(metric.series.name) or "unnamed",
            wanted[metric.series.name],
            axes[metric.series.name],
        )
        for metric in metrics
        for kind, wanted in ((LevelKind.BASELINE, view.baseline), (LevelKind.TARGET, view.target))
        if math.isfinite(wanted.get(metric.series.name, math.nan))
    )


def _others(metrics: list[Metric], view: View, axes: Mapping[str, Axis]) -> Iterator[Level]:
    """The course of the runs of comparison, at the steps of this one."""
    for metric in metrics:
        if metric.style in {Style.LR, Style.GRAD}:
            continue
        name = metric.series.name
        steps = curve(metric.series).ends
        others = others_at(view, name, steps)
        known = np.isfinite(others) if others is not None else np.zeros(0, dtype=bool)
        if others is not None and known.any():
            end, whom = float(others[known][-1]), clean(redact(called_others(view, name)[:_READ]), LABEL)
            short = whom.rstrip("/").rpartition("/")[2]
            yield Level(
                LevelKind.BASELINE,
                f"{short} {say(end)}",
                shown_name(name) or "unnamed",
                end,
                axes[name],
                (steps, others),
            )


def _fan(metric: Metric, forecast: Forecast, view: View, axis: Axis) -> Fan:
    return Fan(
        label=f"forecast {say_final(forecast)[1]}",
        words=clean(redact(say_forecast(forecast, view.baseline, view.target)[:_READ]), 3 * LABEL),
        style=metric.style,
        axis=axis,
        steps=forecast.steps,
        low=forecast.low,
        middle=forecast.middle,
        high=forecast.high,
    )


def _beyond(metric: Metric, axis: Axis) -> list[Beyond]:
    finite = metric.trace.finite
    if not len(finite):
        return []
    found = []
    for ends, end, word, up in (
        (finite.high, int(np.argmax(finite.high)), "up to", True),
        (finite.low, int(np.argmin(finite.low)), "down to", False),
    ):
        farthest = float(ends[end])
        if farthest > axis.high if up else farthest < axis.low:
            told = ends[-1] == farthest
            step = float(finite.steps[-1 if told else end])
            found.append(Beyond(step, "" if told else f"{word} {say(farthest)}", up=up))
    return found
