"""A chart as shapes and words: the layout of UX on 1200 x 800 pixels, made for a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.numbers import say
from trainwatch_core.report.canvas import (
    HEIGHT,
    WIDTH,
    Area,
    Block,
    Box,
    Colour,
    Dash,
    Font,
    Item,
    Marks,
    Shape,
    Side,
    Stroke,
    Word,
)
from trainwatch_core.report.chart import ChartSpec, Fan, Level, LevelKind, Line, Panel, Style
from trainwatch_core.report.labelling import FAN_OPACITY, LAST_CHECK, Ink, axis_names, end_labels, event_row, head
from trainwatch_core.report.layout import Measure

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
_CROSS_ROW, _BEYOND_ROW = 32.0, 38.0  # at the edge of a panel, for what has no place on its axis
_LEAST_STRETCH = 8.0  # pixels: what is narrower is not seen on a phone

INKS = {
    Style.LOSS: Ink(Colour.BLUE, 6.0, Shape.DOT),
    Style.EVAL: Ink(Colour.GREEN, 2.5, Shape.DOT),
    Style.SCORE: Ink(Colour.PURPLE, 2.5, Shape.DIAMOND),
    Style.LR: Ink(Colour.BLACK, 4.0, None, Dash.DASHED),
    Style.GRAD: Ink(Colour.ORANGE, 5.0, Shape.DOT),
}


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
        field = _field(panel, box)
        items += _grid(panel, field, box)
        items += _verticals(spec, box)
        items += _curves(spec, panel, field)
        items += _outside(spec, panel, field, box)
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


def _field(panel: Panel, box: Box) -> Box:
    """The part of a panel that its axis spans: crosses and arrows have rows of their own at the edges."""
    above = _CROSS_ROW * bool(panel.crosses) + _BEYOND_ROW * any(beyond.up for beyond in panel.beyond)
    below = _BEYOND_ROW * any(not beyond.up for beyond in panel.beyond)
    return Box(box.left, box.bottom + below, box.right, box.top - above)


def _x(spec: ChartSpec, step: float, box: Box) -> float:
    return box.left + float(np.clip(spec.steps.place(step), 0, 1)) * box.width


def _stretches(spec: ChartSpec, frame: _Frame) -> Iterator[Item]:
    """The part since the last check, tinted; the anomaly, shaded, with an edge where it begins."""
    for box in frame.boxes:
        newest = _x(spec, spec.newest, box)
        shaded = (newest, newest)
        if spec.anomaly is not None:
            first, last = _x(spec, spec.anomaly.first, box), _x(spec, spec.anomaly.last, box)
            first = min(first, newest - _LEAST_STRETCH)
            shaded = (first, max(last, first + _LEAST_STRETCH))
            yield Block(Box(shaded[0], box.bottom, shaded[1], box.top), Colour.VERMILION, 0.17)
            yield Block(Box(shaded[0] - 1.5, box.bottom, shaded[0] + 1.5, box.top), Colour.VERMILION)
        if spec.last_mark is not None:
            left = min(_x(spec, spec.last_mark, box), newest - _LEAST_STRETCH)
            # One tint over another would be a third colour that means nothing: the bar tells what is new there.
            for start, end in ((left, shaded[0]), (max(left, shaded[1]), newest)):
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
        x = _x(spec, seam, box)
        yield Stroke(np.array([x, x]), ys, Colour.SOFT, 3.0, Dash.DASH_DOT)
    if spec.last_mark is not None:
        x = _x(spec, spec.last_mark, box)
        yield Stroke(np.array([x, x]), ys, Colour.INK, 3.5, Dash.DOTTED)


def _curves(spec: ChartSpec, panel: Panel, field: Box) -> Iterator[Item]:
    for level in panel.levels:
        yield from _level(spec, level, field)
    if panel.fan is not None:
        yield from _fan(spec, panel.fan, field)
    for line in panel.lines:
        yield from _band(spec, line, field)
    for line in panel.lines:
        yield from _line(spec, line, field)
        if line.style is Style.SCORE and line.axis is not panel.axis:
            yield from _first_value(spec, line, field)


def _first_value(spec: ChartSpec, line: Line, field: Box) -> Iterator[Item]:
    """Where a line with a scale of its own began: with its newest value that says how far it went."""
    if len(line.steps) > 1:
        share = float(np.clip(line.axis.place(float(line.values[0])), 0, 1))
        y = max(field.bottom + share * field.height, field.bottom + _NOTE.size)
        text = say(float(line.values[0]), 3)
        yield Word(_x(spec, float(line.steps[0]), field) + 16, y, text, _NOTE, Colour.SOFT, on_paper=True)


def _outside(spec: ChartSpec, panel: Panel, field: Box, box: Box) -> Iterator[Item]:
    """What has no place on the axis: arrows where the first line leaves it, crosses for NaN and infinities."""
    for beyond in panel.beyond:
        x = min(max(_x(spec, beyond.step, box), box.left + 14), box.right - 14)
        y = field.top + _BEYOND_ROW / 2 if beyond.up else field.bottom - _BEYOND_ROW / 2
        right = x < (box.left + box.right) / 2
        shape = Shape.UP if beyond.up else Shape.DOWN
        yield Marks(np.array([x]), np.array([y]), shape, 26, INKS[panel.lines[0].style].colour)
        if beyond.label:
            side = Side.LEFT if right else Side.RIGHT
            yield Word(x + (24 if right else -24), y, beyond.label, _NOTE, side=side, on_paper=True)
    if panel.crosses:
        xs = np.array([_x(spec, step, box) for step in panel.crosses])
        yield Marks(xs, np.full(len(xs), box.top - _CROSS_ROW / 2), Shape.CROSS, 18, Colour.VERMILION)


def _level(spec: ChartSpec, level: Level, box: Box) -> Iterator[Item]:
    if level.course is not None:
        xs = box.left + spec.steps.place(level.course[0]) * box.width
        ys = box.bottom + level.axis.place(level.course[1]) * box.height
        yield Stroke(xs, ys, Colour.INK, 3.0, Dash.DASHED, within=box)
        return
    share = float(level.axis.place(level.value))
    if 0 <= share <= 1:
        y = box.bottom + share * box.height
        dash = Dash.DASHED if level.kind is LevelKind.BASELINE else Dash.DASH_DOT
        yield Stroke(np.array([box.left, box.right]), np.array([y, y]), Colour.INK, 3.0, dash)


def _fan(spec: ChartSpec, fan: Fan, box: Box) -> Iterator[Item]:
    """The interval, pale, and its middle, broken, as far as the panel goes."""
    ink = INKS[fan.style]
    xs = box.left + spec.steps.place(fan.steps) * box.width
    low, middle, high = (box.bottom + fan.axis.place(ys) * box.height for ys in (fan.low, fan.middle, fan.high))
    yield Area(xs, low, high, ink.colour, FAN_OPACITY, 1.5, box)
    yield Stroke(xs, middle, ink.colour, 4.0, Dash.DASHED, within=box)


def _band(spec: ChartSpec, line: Line, box: Box) -> Iterator[Item]:
    if line.band is not None:
        low, high = (box.bottom + line.axis.place(end) * box.height for end in (line.band.low, line.band.high))
        xs = box.left + spec.steps.place(line.band.steps) * box.width
        yield Area(xs, low, high, INKS[line.style].colour, 0.3, 1.5, box)


def _line(spec: ChartSpec, line: Line, box: Box) -> Iterator[Item]:
    ink = INKS[line.style]
    xs = box.left + spec.steps.place(line.steps) * box.width
    ys = box.bottom + line.axis.place(line.values) * box.height
    yield Stroke(xs, ys, ink.colour, ink.width, ink.dash, within=box)
    if line.style in {Style.EVAL, Style.SCORE} and ink.shape is not None:
        yield Marks(xs, ys, ink.shape, 17, ink.colour, within=box)
    if line.end is not None and ink.shape is not None:
        share = line.axis.place(np.array([line.end[1]]))
        if 0 <= share[0] <= 1:
            xs, ys = np.array([_x(spec, line.end[0], box)]), box.bottom + share * box.height
            yield Marks(xs, ys, ink.shape, 20, ink.colour)


def _steps(spec: ChartSpec, frame: _Frame, measure: Measure) -> Iterator[Item]:
    box = frame.boxes[-1]
    floor = _FLOOR
    for tick in spec.steps.ticks:
        x = _x(spec, tick.value, box)
        yield Stroke(np.array([x, x]), np.array([floor - 10, floor]), Colour.SOFT, 2.0)
        inside = max(x, _MARGIN + measure(tick.label, _TICK) / 2)
        yield Word(inside, _STEPS_Y, tick.label, _TICK, Colour.SOFT, side=Side.MIDDLE)
    yield Word(box.right + 68, _STEPS_Y, "steps", _TICK, Colour.SOFT)


def _last_check(spec: ChartSpec, frame: _Frame, measure: Measure) -> Iterator[Item]:
    """Named between the panels; where there is one only, the row of events above it does that."""
    if spec.last_mark is None or frame.bottom is None:
        return
    box = frame.top
    x, y = _x(spec, spec.last_mark, box), box.bottom - _GAP / 2
    fits = measure(LAST_CHECK, _NOTE) + 12 <= x - box.left
    yield Word(x - 12 if fits else x + 12, y, LAST_CHECK, _NOTE, side=Side.RIGHT if fits else Side.LEFT)
    if fits and measure(_NEW, _NOTE) + 16 <= _x(spec, spec.newest, box) - x:
        yield Word(x + 12, y, _NEW, _NOTE)
