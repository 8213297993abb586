"""Names where the eye is: at the ends of lines and above what happened, never one over another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.numbers import say_step
from trainwatch_core.report.canvas import (
    HEIGHT,
    WIDTH,
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
from trainwatch_core.report.layout import Measure, fitted, shrunk, spread

_TITLE, _SUBTITLE, _VALUE, _NAME = Font(48.0, bold=True), Font(31.0), Font(33.0, bold=True), Font(27.0)
_SMALLEST_TITLE, _SMALLEST_NAME = 33.0, 23.0
_TITLE_Y, _SUBTITLE_Y = HEIGHT - 58.0, HEIGHT - 112.0
_MARGIN = 32.0
_EVENT, _ANOMALY = Font(28.0), Font(28.0, bold=True)
LAST_CHECK = "last check"
FAN_OPACITY = 0.25
_APART = 28.0  # pixels between names in a row
_LINE_ROOM, _LEVEL_ROOM = 68.0, 38.0
_EDGE = 20.0  # pixels that stay free at the right
_SIGN = 46.0  # pixels between a line's end and its name, for the sign that says which line it is


@dataclass(frozen=True, slots=True)
class Ink:
    """How the lines of one style look; `shape` stands at their newest value."""

    colour: Colour
    width: float
    shape: Shape | None
    dash: Dash = Dash.SOLID


@dataclass(frozen=True, slots=True)
class _Label:
    thing: Line | Level | Fan
    wanted: float
    room: float


def end_labels(panel: Panel, box: Box, field: Box, inks: Mapping[Style, Ink], measure: Measure) -> Iterator[Item]:
    """Value and name of each line, and the names of the levels, at the right, each as near its end as there is room.

    Args:
        panel: What is drawn.
        box: Where the panel lies.
        field: The part of it that the axis spans.
        inks: How lines look.
        measure: How wide the painter draws a text.
    """
    column = Box(box.right + 22, box.bottom, WIDTH - _EDGE, box.top)
    labels: list[_Label] = [_Label(line, _line_end(line, box, field), _LINE_ROOM) for line in panel.lines]
    if panel.fan is not None:
        share = min(max(float(panel.fan.axis.place(float(panel.fan.middle[-1]))), 0.0), 1.0)
        labels.append(_Label(panel.fan, field.bottom + share * field.height, _LEVEL_ROOM))
    for level in panel.levels:
        share = min(max(float(level.axis.place(level.value)), 0.0), 1.0)
        # A name that has no room is left out: its dashed line still stands, and the alternative text names it.
        if sum(label.room for label in labels) + _LEVEL_ROOM <= box.height + _LINE_ROOM / 2:
            labels.append(_Label(level, field.bottom + share * field.height, _LEVEL_ROOM))
    places = spread(
        [label.wanted for label in labels],
        [label.room for label in labels],
        box.bottom - 4,
        box.top + _LINE_ROOM / 4,
    )
    for label, y in zip(labels, places, strict=True):
        yield _leader(label.wanted, y, box, column)
        if isinstance(label.thing, Line):
            yield from _line_label(label.thing, y, column, inks[label.thing.style], measure)
        elif isinstance(label.thing, Fan):
            yield from _fan_label(label.thing, y, column, inks[label.thing.style], measure)
        else:
            yield from _level_label(label.thing, y, column, measure)


def _line_end(line: Line, box: Box, field: Box) -> float:
    if line.end is None or line.lost:
        return box.top - _LINE_ROOM / 4
    share = float(line.axis.place(line.end[1]))
    if share > 1:
        return box.top - _LINE_ROOM / 4
    return field.bottom + max(share, 0.0) * field.height


def _leader(wanted: float, y: float, box: Box, column: Box) -> Item:
    return Stroke(np.array([box.right + 12, column.left]), np.array([wanted, y]), Colour.SOFT, 1.5, opacity=0.6)


def _line_label(line: Line, y: float, column: Box, ink: Ink, measure: Measure) -> Iterator[Item]:
    x = column.left + _SIGN
    sign = np.array([column.left + 4, x - 10])
    upper = y + _NAME.size / 2 + 1
    yield Stroke(sign, np.array([upper, upper]), ink.colour, ink.width, ink.dash)
    if ink.shape is not None:
        yield Marks(sign.mean(keepdims=True), np.array([upper]), ink.shape, 16, ink.colour)
    yield Word(x, upper, line.value, _VALUE)
    name = line.label
    if measure(name, _NAME) > column.right - x and "/" in name:
        # Of `train/grad_norm` the end says what it is.
        name = f"…{name.rpartition('/')[2]}"
    name = fitted(name, _NAME, column.right - x, measure)
    yield Word(x, y - _VALUE.size / 2 - 1, name, _NAME, Colour.SOFT)


def _level_label(level: Level, y: float, column: Box, measure: Measure) -> Iterator[Item]:
    x = column.left + _SIGN
    share = float(level.axis.place(level.value))
    arrow = " ↑" if share > 1 else " ↓" if share < 0 else ""
    dash = Dash.DASHED if level.kind is LevelKind.BASELINE else Dash.DASH_DOT
    yield Stroke(np.array([column.left + 4, x - 10]), np.array([y, y]), Colour.INK, 3.0, dash)
    text = fitted(level.label + arrow, _NAME, column.right - x, measure)
    yield Word(x, y, text, _NAME)


def _fan_label(fan: Fan, y: float, column: Box, ink: Ink, measure: Measure) -> Iterator[Item]:
    x = column.left + _SIGN
    left, right = column.left + 4, x - 10
    yield Block(Box(left, y - 11, right, y + 11), ink.colour, FAN_OPACITY)
    yield Stroke(np.array([left, right]), np.array([y, y]), ink.colour, 4.0, Dash.DASHED)
    text, font = shrunk(fan.label, _NAME, _SMALLEST_NAME, column.right - x, measure)
    yield Word(x, y, text, font)


def event_row(spec: ChartSpec, box: Box, y: float, measure: Measure) -> Iterator[Item]:
    """What happened, named above the place where it did; what would cover another name is left out."""
    events = []
    if spec.anomaly is not None:
        middle = spec.anomaly.first / 2 + spec.anomaly.last / 2
        events.append((middle, spec.anomaly.label, _ANOMALY, Colour.INK))
    if spec.last_mark is not None and spec.bottom is None:
        events.append((spec.last_mark, LAST_CHECK, _EVENT, Colour.INK))
    events += [(seam, "resumed", _EVENT, Colour.SOFT) for seam in reversed(spec.seams)]
    taken: list[tuple[float, float]] = []
    for step, text, font, colour in events:
        width = measure(text, font)
        x = box.left + float(np.clip(spec.steps.place(step), 0, 1)) * box.width
        left = min(max(x - width / 2, box.left), box.right - width)
        if all(left + width + _APART < other_left or left > other_right + _APART for other_left, other_right in taken):
            taken.append((left, left + width))
            yield Word(left, y, text, font, colour, side=Side.LEFT)


def head(spec: ChartSpec, measure: Measure) -> Iterator[Item]:
    """The title; below it how far the run is, how many values were no numbers, and the run's name."""
    room = WIDTH - 2 * _MARGIN
    title, font = shrunk(spec.title, _TITLE, _SMALLEST_TITLE, room, measure)
    yield Word(_MARGIN, _TITLE_Y, title, font)
    lost = f"{say_step(spec.nonfinite)} NaN or inf" if spec.nonfinite else ""
    # The name comes last: one in letters that run from right to left would turn the whole line round.
    facts = [text for text in (spec.progress, lost) if text]
    start = fitted(" · ".join([*facts, *[""] * bool(facts and spec.run)]), _SUBTITLE, room, measure)
    run = fitted(spec.run, _SUBTITLE, room - measure(start, _SUBTITLE), measure) if spec.run else ""
    yield Word(_MARGIN, _SUBTITLE_Y, start + run, _SUBTITLE, Colour.SOFT)


def axis_names(spec: ChartSpec, boxes: Sequence[Box], y: float) -> Iterator[Item]:
    """`log` over a logarithmic axis, and whose axis is written at a strip that holds two scales.

    Args:
        spec: What is drawn.
        boxes: Of the panels, the upper one first.
        y: Height of the word over the upper panel.
    """
    if spec.top.axis.log:
        yield Word(boxes[0].left - 14, y, "log", _EVENT, Colour.SOFT, side=Side.RIGHT)
    if spec.bottom is not None and any(line.axis is not spec.bottom.axis for line in spec.bottom.lines):
        between = (boxes[0].bottom + boxes[1].top) / 2
        yield Word(boxes[1].left - 14, between, "lr", _EVENT, Colour.SOFT, side=Side.RIGHT)
