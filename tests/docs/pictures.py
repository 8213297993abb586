"""Pictures of rules for docs/judgement.md: the run, what the rule points at, and the levels that it compared."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tests.docs.rule import Axis, Rule
from trainwatch_core.forecast.outlook import Forecast, outlook
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.stats import curve

_DPI, _SIZE, _COLOURS = 100, (6.0, 3.2), 32
_LEFT, _RIGHT, _WIDE, _BOTTOM, _TOP = 0.11, 0.74, 0.97, 0.135, 0.80
_STRIP = 0.2
_FONT, _LABEL_GAP = 12, 19
_INK, _BLUE, _GREEN, _ORANGE = "#1a1a1a", "#0072b2", "#00785a", "#b34700"
_DOTS = 60
"""Fewer readings than this are drawn as dots on a line."""
_LEVELS = ((0, (5, 2)), (0, (1, 1.5)), (0, (7, 2, 1.5, 2)))
_Label = tuple[float, str, str, str]
"""Height in the unit of the panel, text, colour, weight."""


def picture(rule: Rule, code: str) -> bytes:
    """A PNG of what a rule found.

    Raises:
        LookupError: If the rule does not speak, or one of its levels is not among the figures that it rests on.
    """
    view, finding = rule.finding(code)
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(0.015, 0.925, f"{finding.check}.{finding.code}", size=_FONT + 2, weight="bold", color=_INK)
    figure.text(0.985, 0.925, f"argues for {finding.argues_for}", size=_FONT + 2, color=_INK, ha="right")
    # Labels stand to the right, where there are any.
    right = _RIGHT if rule.levels or rule.fan or view.baseline_runs else _WIDE
    top = _panel(figure, (_BOTTOM + (_STRIP + 0.1 if rule.beside else 0), _TOP), right)
    _main(top, rule, view, finding)
    labels = [*_overlay(top, rule, view), *_levels(top, rule, finding)]
    if rule.log:
        top.set_yscale("log")
        top.minorticks_off()
    axes = [top]
    if rule.beside:
        strip = _panel(figure, (_BOTTOM, _BOTTOM + _STRIP), right)
        _curve(strip, view.history.series[rule.beside], rule.axis, _GREEN)
        _name(strip, rule.beside, _GREEN)
        strip.locator_params(axis="y", nbins=2)
        top.tick_params(labelbottom=False)
        axes.append(strip)
    ends = [axis.dataLim.intervalx for axis in axes if np.isfinite(axis.dataLim.intervalx).all()]
    last = max([float(end[1]) for end in ends] + [_now(view)] * (rule.axis is Axis.CLOCK))
    first = rule.begin if rule.begin is not None else min(float(end[0]) for end in ends)
    shaded = _stretch(rule, view, finding)
    for axis in axes:
        axis.xaxis.set_major_formatter(_said)
        axis.yaxis.set_major_formatter(_said)
        margin = 0.015 * (last - first)
        axis.set_xlim(first - margin, last + margin)
        _shade(axis, shaded, (last - first) / 150)
    _since(top, shaded, rule.axis)
    figure.text(right, 0.01, "minutes" if rule.axis is Axis.CLOCK else "steps", size=_FONT - 1, color=_INK, ha="right")
    _write(top, labels)
    canvas.draw()  # type: ignore[no-untyped-call]  # partly typed
    return _small(canvas)


def _panel(figure: Figure, heights: tuple[float, float], right: float) -> Axes:
    axis = figure.add_axes((_LEFT, heights[0], right - _LEFT, heights[1] - heights[0]))
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=_FONT - 1, colors=_INK)
    axis.locator_params(nbins=4)
    return axis


def _said(value: float, _: float) -> str:
    return say(round(value, 12), 3)


def _name(axis: Axes, text: str, colour: str) -> None:
    axis.annotate(text, (0, 1), (4, 4), "axes fraction", "offset points", size=_FONT, weight="bold", color=colour)


def _main(axis: Axes, rule: Rule, view: View, finding: Finding) -> None:
    """The series that the rule speaks of, else the longest; or the seconds a step."""
    series = view.history.series.get(finding.metric) or max(view.history.series.values(), key=len)
    if rule.axis is Axis.PACE:
        known = np.diff(series.times) / np.diff(series.steps)
        axis.plot(series.steps[1:], known, color=_BLUE, lw=1.6)
        _name(axis, "seconds a step", _BLUE)
        return
    _curve(axis, series, rule.axis, _BLUE)
    _name(axis, series.name, _BLUE)


def _curve(axis: Axes, series: Series, unit: Axis, colour: str) -> None:
    at, values = (series.times - series.times[0]) / 60 if unit is Axis.CLOCK else series.steps, series.values
    if len(series.buckets):
        # The older samples of a long run are not kept singly: it is drawn as it is judged.
        seen = curve(series)
        at, values = seen.ends, seen.values
    dots = "o" if len(series) < _DOTS else None
    axis.plot(at, values, color=colour, lw=1.6, marker=dots, ms=4)
    bad = at[~np.isfinite(values)]
    # NaN has no height: crosses along the upper edge.
    axis.plot(bad[:: max(1, len(bad) // 8)], np.full(len(bad[:: max(1, len(bad) // 8)]), 0.93), "x", color=_ORANGE,
              ms=7, mew=2, transform=axis.get_xaxis_transform())  # fmt: skip
    if len(bad):
        axis.annotate("NaN", (bad[0], 0.93), (-6, -4), ("data", "axes fraction"), "offset points", size=_FONT,
                      color=_ORANGE, ha="right")  # fmt: skip


def _overlay(axis: Axes, rule: Rule, view: View) -> list[_Label]:
    """Other runs and the fan of the forecast, where the rule looks at them."""
    labels: list[_Label] = []
    for run, history in view.baseline_runs.items():
        for name in set(history.series) & set(rule.columns):
            other = history.series[name]
            axis.plot(other.steps, other.values, color=_INK, lw=1.2, ls=(0, (4, 2)))
            labels.append((float(other.last), run.rpartition("/")[2], _INK, "normal"))
    if rule.fan and isinstance(found := outlook(view), Forecast):
        low, middle, high = found.final
        axis.fill_between(found.steps, found.low, found.high, color=_BLUE, alpha=0.25, lw=0)
        axis.plot(found.steps, found.middle, color=_BLUE, lw=1.6, ls=(0, (3, 2)))
        labels += [
            (at, f"{word} {say(at, 3)}", _BLUE, "normal")
            for word, at in (("high", high), ("likely", middle), ("low", low))
        ]
    return labels


def _levels(axis: Axes, rule: Rule, finding: Finding) -> list[_Label]:
    labels: list[_Label] = []
    for dash, name in zip(cycle(_LEVELS), rule.levels, strict=False):
        if name not in finding.numbers:
            raise LookupError(f"{finding.check}.{finding.code} rests on {sorted(finding.numbers)}, not on {name}")
        height = finding.numbers[name]
        axis.axhline(height, color=_INK, lw=1.3, ls=dash)
        labels.append((height, f"{name} {say(height)}", _INK, "bold"))
    return labels


def _stretch(rule: Rule, view: View, finding: Finding) -> tuple[float, float] | None:
    """What the rule points at, in the unit of the axis."""
    if rule.axis is Axis.CLOCK:
        seen = view.source.since or view.history.last_time
        return (_minutes(view, seen), _now(view)) if view.now > seen else None
    if finding.first_step is None or finding.last_step is None:
        return None
    return finding.first_step, finding.last_step


def _minutes(view: View, at: float) -> float:
    times = next(iter(view.history.series.values())).times
    return (at - float(times[0])) / 60


def _now(view: View) -> float:
    return _minutes(view, view.now)


def _shade(axis: Axes, shaded: tuple[float, float] | None, least: float) -> None:
    if shaded is not None:
        first, last = shaded
        axis.axvspan(first, max(last, first + least), color=_ORANGE, alpha=0.16, lw=0, zorder=0)
        axis.axvline(first, color=_ORANGE, lw=1.4)


def _since(axis: Axes, shaded: tuple[float, float] | None, unit: Axis) -> None:
    if shaded is None:
        return
    first, last = shaded
    text = f"from {say_step(first)} to {say_step(last)}" if last > first else f"at {say_step(first)}"
    if unit is Axis.CLOCK:
        text = f"from minute {first:.0f} to now"
    low, high = axis.get_xlim()
    right = first - low > (high - low) / 2
    where = (1.0, "right") if right else (max(0.28, (first - low) / (high - low)), "left")
    axis.annotate(text, (where[0], 1), (0, 4), "axes fraction", "offset points", size=_FONT, weight="bold",
                  color=_ORANGE, ha=where[1])  # fmt: skip


def _write(axis: Axes, labels: Sequence[_Label]) -> None:
    """Labels beside the panel at their heights, none over another."""
    known = [each for each in labels if math.isfinite(each[0])]
    heights = axis.transData.transform(np.array([[0.0, each[0]] for each in known]).reshape(-1, 2))[:, 1]
    box = axis.get_window_extent()
    for at, (_, text, colour, weight) in zip(_apart(heights, box.y0, box.y1), _in_order(known, heights), strict=True):
        axis.annotate(text, (box.x1 + 8, at), xycoords="figure pixels", size=_FONT - 1, color=colour, weight=weight,
                      va="center", annotation_clip=False)  # fmt: skip


def _in_order(labels: Sequence[_Label], heights: FloatArray) -> list[_Label]:
    return [labels[at] for at in np.argsort(heights, kind="stable")]


def _apart(heights: FloatArray, low: float, high: float) -> list[float]:
    """Heights from below, moved so that each is a label's height above the one before, and none above the panel."""
    placed: list[float] = []
    for height in np.sort(heights):
        placed.append(max(float(height), placed[-1] + _LABEL_GAP if placed else low))
    for at in range(len(placed) - 1, -1, -1):
        above = placed[at + 1] - _LABEL_GAP if at + 1 < len(placed) else high
        placed[at] = min(placed[at], above)
    return placed


def _small(canvas: FigureCanvasAgg) -> bytes:
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # likewise
    out = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
