"""The curves of a panel as strokes, areas and marks, in whatever box they are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trainwatch_core.model.numbers import say
from trainwatch_core.report.canvas import Area, Block, Box, Colour, Dash, Font, Item, Marks, Shape, Side, Stroke, Word
from trainwatch_core.report.chart import ChartSpec, Fan, Level, LevelKind, Line, Panel, Style
from trainwatch_core.report.labelling import FAN_OPACITY, Ink

_NOTE = Font(28.0)
LEAST_STRETCH = 8.0  # pixels: what is narrower is not seen on a phone
_CROSS_ROW, _BEYOND_ROW = 32.0, 38.0  # at the edge of a panel, for what has no place on its axis

INKS = {
    Style.LOSS: Ink(Colour.BLUE, 6.0, Shape.DOT),
    Style.EVAL: Ink(Colour.GREEN, 2.5, Shape.DOT),
    Style.SCORE: Ink(Colour.PURPLE, 2.5, Shape.DIAMOND),
    Style.LR: Ink(Colour.BLACK, 4.0, None, Dash.DASHED),
    Style.GRAD: Ink(Colour.ORANGE, 5.0, Shape.DOT),
}


def field_of(panel: Panel, box: Box) -> Box:
    """The part of a panel that its axis spans: crosses and arrows have rows of their own at the edges."""
    above = _CROSS_ROW * bool(panel.crosses) + _BEYOND_ROW * any(beyond.up for beyond in panel.beyond)
    below = _BEYOND_ROW * any(not beyond.up for beyond in panel.beyond)
    return Box(box.left, box.bottom + below, box.right, box.top - above)


def place_of(spec: ChartSpec, step: float, box: Box) -> float:
    """Where a step lies in a box, in pixels; at its edge if it lies outside."""
    return box.left + float(np.clip(spec.steps.place(step), 0, 1)) * box.width


def shaded(spec: ChartSpec, box: Box) -> tuple[float, float] | None:
    """From where to where the anomaly lies in a box, in pixels, wide enough to be seen; None if there is none."""
    if spec.anomaly is None:
        return None
    first, last = place_of(spec, spec.anomaly.first, box), place_of(spec, spec.anomaly.last, box)
    first = min(first, place_of(spec, spec.newest, box) - LEAST_STRETCH)
    return first, max(last, first + LEAST_STRETCH)


def shade(spec: ChartSpec, box: Box) -> Iterator[Item]:
    """The anomaly, shaded, with an edge where it begins."""
    found = shaded(spec, box)
    if found is not None:
        yield Block(Box(found[0], box.bottom, found[1], box.top), Colour.VERMILION, 0.17)
        yield Block(Box(found[0] - 1.5, box.bottom, found[0] + 1.5, box.top), Colour.VERMILION)


def curves(spec: ChartSpec, panel: Panel, field: Box) -> Iterator[Item]:
    """Levels, forecast, raw values, lines: what lies on the axis of a panel."""
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
        yield Word(place_of(spec, float(line.steps[0]), field) + 16, y, text, _NOTE, Colour.SOFT, on_paper=True)


def outside(spec: ChartSpec, panel: Panel, field: Box, box: Box) -> Iterator[Item]:
    """What has no place on the axis: arrows where the first line leaves it, crosses for NaN and infinities."""
    for beyond in panel.beyond:
        x = min(max(place_of(spec, beyond.step, box), box.left + 14), box.right - 14)
        y = field.top + _BEYOND_ROW / 2 if beyond.up else field.bottom - _BEYOND_ROW / 2
        right = x < (box.left + box.right) / 2
        shape = Shape.UP if beyond.up else Shape.DOWN
        yield Marks(np.array([x]), np.array([y]), shape, 26, INKS[panel.lines[0].style].colour)
        if beyond.label:
            side = Side.LEFT if right else Side.RIGHT
            yield Word(x + (24 if right else -24), y, beyond.label, _NOTE, side=side, on_paper=True)
    if panel.crosses:
        xs = np.array([place_of(spec, step, box) for step in panel.crosses])
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
            xs, ys = np.array([place_of(spec, line.end[0], box)]), box.bottom + share * box.height
            yield Marks(xs, ys, ink.shape, 20, ink.colour)
