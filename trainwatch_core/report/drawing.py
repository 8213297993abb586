"""A chart as shapes and words: the layout of UX on 1200 x 800 pixels, made for a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainwatch_core.report.canvas import (
    HEIGHT,
    WIDTH,
    Block,
    Box,
    Colour,
    Dash,
    Font,
    Item,
    Side,
    Stroke,
    Word,
)
from trainwatch_core.report.chart import ChartSpec, Panel
from trainwatch_core.report.labelling import LAST_CHECK, axis_names, end_labels, event_row, head
from trainwatch_core.report.layout import Measure
from trainwatch_core.report.tracing import INKS, LEAST_STRETCH, curves, field_of, outside, place_of, shade, shaded

_MARGIN = 32.0
_LABELS = 268.0  # pixels at the right for the names of the lines
_TICK, _NOTE = Font(33.0), Font(28.0)
_NEW = "new"
_EVENTS_Y = HEIGHT - 158.0
_TOP = HEIGHT - 182.0  # of the upper panel, with names above it
_TOP_ALONE = HEIGHT - 152.0  # without
_STEPS_Y = 56.0
_FLOOR = 92.0
_STRIP = 150.0
_GAP = 52.0  # between the panels: the last check is named there


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the panels lie: the upper one, and the lower one if there is one."""

    top: Box
    bottom: Box | None

    @property
    def boxes(self) -> tuple[Box, ...]:
        return (self.top,) if self.bottom is None else (self.top, self.bottom)


def draw(spec: ChartSpec, measure: Measure) -> list[Item]:
    """All shapes and words of a picture, in the order they are drawn.

    Args:
        spec: What to show.
        measure: How wide the painter draws a text.
    """
    frame = _frame(spec, measure)
    items: list[Item] = [Block(Box(0, 0, WIDTH, HEIGHT), Colour.PAPER)]
    items += _stretches(spec, frame)
    panels = [panel for panel in (spec.top, spec.bottom) if panel is not None]
    for panel, box in zip(panels, frame.boxes, strict=True):
        field = field_of(panel, box)
        items += _grid(panel, field, box)
        items += _verticals(spec, box)
        items += curves(spec, panel, field)
        items += outside(spec, panel, field, box)
        items += end_labels(panel, box, field, INKS, measure)
    items += _steps(spec, frame, measure)
    items += event_row(spec, frame.top, _EVENTS_Y, measure)
    items += _last_check(spec, frame, measure)
    items += axis_names(spec, frame.boxes, _EVENTS_Y + 8)
    items += head(spec, measure)
    return items


def _frame(spec: ChartSpec, measure: Measure) -> _Frame:
    panels = [panel for panel in (spec.top, spec.bottom) if panel is not None]
    widest = max((measure(tick.label, _TICK) for p in panels for tick in p.axis.ticks), default=0.0)
    left, right = _MARGIN + widest + 16, WIDTH - _MARGIN - _LABELS
    named = spec.anomaly is not None or spec.seams or spec.top.axis.log
    top = _TOP if named or (spec.bottom is None and spec.last_mark is not None) else _TOP_ALONE
    if spec.bottom is None:
        return _Frame(Box(left, _FLOOR, right, top), None)
    strip = Box(left, _FLOOR, right, _FLOOR + _STRIP)
    return _Frame(Box(left, strip.top + _GAP, right, top), strip)


def _stretches(spec: ChartSpec, frame: _Frame) -> Iterator[Item]:
    """The part since the last check, tinted; the anomaly, shaded, with an edge where it begins."""
    for box in frame.boxes:
        newest = place_of(spec, spec.newest, box)
        bad = shaded(spec, box) or (newest, newest)
        yield from shade(spec, box)
        if spec.last_mark is not None:
            left = min(place_of(spec, spec.last_mark, box), newest - LEAST_STRETCH)
            # One tint over another would be a third colour that means nothing: the bar tells what is new there.
            for start, end in ((left, bad[0]), (max(left, bad[1]), newest)):
                if end > start:
                    yield Block(Box(start, box.bottom, end, box.top), Colour.SKY, 0.16)
            yield Block(Box(left, box.bottom - 6, newest, box.bottom + 6), Colour.SKY)


def _grid(panel: Panel, field: Box, box: Box) -> Iterator[Item]:
    ends = np.array([box.left, box.right])
    if any(line.end is not None for line in panel.lines) or panel.levels:
        for tick in panel.axis.ticks:
            y = field.bottom + float(panel.axis.place(tick.value)) * field.height
            yield Stroke(ends, np.array([y, y]), Colour.GRID, 2.0)
            yield Word(box.left - 14, y, tick.label, _TICK, Colour.SOFT, side=Side.RIGHT)
    else:
        middle = (box.left + box.right) / 2, (box.bottom + box.top) / 2
        yield Word(*middle, "no finite value", _TICK, Colour.SOFT, side=Side.MIDDLE)
    yield Stroke(ends, np.array([box.bottom, box.bottom]), Colour.SOFT, 2.0)


def _verticals(spec: ChartSpec, box: Box) -> Iterator[Item]:
    ys = np.array([box.bottom, box.top])
    for seam in spec.seams:
        x = place_of(spec, seam, box)
        yield Stroke(np.array([x, x]), ys, Colour.SOFT, 3.0, Dash.DASH_DOT)
    if spec.last_mark is not None:
        x = place_of(spec, spec.last_mark, box)
        yield Stroke(np.array([x, x]), ys, Colour.INK, 3.5, Dash.DOTTED)


def _steps(spec: ChartSpec, frame: _Frame, measure: Measure) -> Iterator[Item]:
    box = frame.boxes[-1]
    floor = _FLOOR
    for tick in spec.steps.ticks:
        x = place_of(spec, tick.value, box)
        yield Stroke(np.array([x, x]), np.array([floor - 10, floor]), Colour.SOFT, 2.0)
        inside = max(x, _MARGIN + measure(tick.label, _TICK) / 2)
        yield Word(inside, _STEPS_Y, tick.label, _TICK, Colour.SOFT, side=Side.MIDDLE)
    yield Word(box.right + 68, _STEPS_Y, "steps", _TICK, Colour.SOFT)


def _last_check(spec: ChartSpec, frame: _Frame, measure: Measure) -> Iterator[Item]:
    """Named between the panels; where there is one only, the row of events above it does that."""
    if spec.last_mark is None or frame.bottom is None:
        return
    box = frame.top
    x, y = place_of(spec, spec.last_mark, box), box.bottom - _GAP / 2
    fits = measure(LAST_CHECK, _NOTE) + 12 <= x - box.left
    yield Word(x - 12 if fits else x + 12, y, LAST_CHECK, _NOTE, side=Side.RIGHT if fits else Side.LEFT)
    if fits and measure(_NEW, _NOTE) + 16 <= place_of(spec, spec.newest, box) - x:
        yield Word(x + 12, y, _NEW, _NOTE)
