"""The picture of a digest: the main curve of several runs on one page, the worst first, made for a phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainwatch_core.model.message import Card, Look
from trainwatch_core.model.numbers import short_tick
from trainwatch_core.report.canvas import WIDTH, Block, Box, Colour, Font, Item, Marks, Shape, Side, Stroke, Word
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.digest import Digest
from trainwatch_core.report.layout import Measure, fitted, shrunk
from trainwatch_core.report.panels import shown_name
from trainwatch_core.report.tracing import curves, field_of, outside, shade

MOST_PANELS = 8
"""Of one picture: more would not be told apart on a phone."""
_COLUMNS = 2
_MARGIN, _HEAD, _GAP = 32.0, 148.0, 44.0
_NAME_ROW, _STATE_ROW, _CURVE, _CAPTION = 44.0, 44.0, 190.0, 44.0
_ROW = _NAME_ROW + _STATE_ROW + _CURVE + _CAPTION
_TITLE, _SUBTITLE, _NAME, _NOTE = Font(48.0, bold=True), Font(30.0), Font(36.0, bold=True), Font(30.0)
_SMALLEST_TITLE, _SMALLEST_NAME, _SMALLEST_NOTE = 36.0, 28.0, 24.0
_ALT_TEXT = 1000
_MARK = 26.0

_SIGNS: Mapping[Look, tuple[Shape, Colour]] = {
    Look.WANTS_STOP: (Shape.CROSS, Colour.VERMILION),
    Look.STOPPING: (Shape.CROSS, Colour.VERMILION),
    Look.CLOSE: (Shape.DIAMOND, Colour.ORANGE),
    Look.BLIND: (Shape.DIAMOND, Colour.SOFT),
    Look.RECOVERED: (Shape.DOT, Colour.BLUE),
    Look.HEALTHY: (Shape.DOT, Colour.GREEN),
    Look.FINISHED: (Shape.DOT, Colour.GREEN),
}
"""A shape beside the colour, and the word beside both."""
_OTHERS = (Shape.DOT, Colour.SOFT)


@dataclass(frozen=True, slots=True)
class Multiple:
    """One run of the picture.

    Attributes:
        card: How it stands.
        chart: Its own picture, of which the first curve is shown; None if there is nothing to draw.
    """

    card: Card
    chart: ChartSpec | None


@dataclass(frozen=True, slots=True)
class MultiplesSpec:
    """A whole picture.

    Attributes:
        title: The sentence one would say about it.
        subtitle: What is shown, and what is not.
        alt_text: What it shows, in words, for those who cannot see it.
        multiples: The worst first; at most MOST_PANELS.
    """

    title: str
    subtitle: str
    alt_text: str
    multiples: tuple[Multiple, ...]

    @property
    def columns(self) -> int:
        """Beside each other: one that is alone has all of the width."""
        return min(_COLUMNS, len(self.multiples))

    @property
    def height(self) -> int:
        """In pixels; the width is that of every picture."""
        rows = -(-len(self.multiples) // self.columns)
        return round(_HEAD + rows * _ROW + (rows - 1) * _GAP + _MARGIN)


def compose_multiples(multiples: Sequence[Multiple], digest: Digest) -> MultiplesSpec | None:
    """The picture of a digest, as data; None if nothing of it can be drawn.

    Args:
        multiples: The runs that are shown, the worst first.
        digest: All that is told.
    """
    if not any(multiple.chart for multiple in multiples):
        return None
    shown = tuple(multiples[:MOST_PANELS])
    left = len(digest.worst_first) - len(shown)
    subtitle = "the worst first" if len(shown) > 1 else ""
    more = f" · {left} more not shown" if left > 0 else ""
    title = _title(digest)
    told = "; ".join(f"{shown_name(one.card.run)}: {one.card.look}, {_sentence(one)}" for one in shown)
    alt_text = f"{title}. The main curve of each run, the worst first. {told}."
    return MultiplesSpec(title, f"{subtitle}{more}", alt_text[:_ALT_TEXT], shown)


def _title(digest: Digest) -> str:
    """The sentence one would say."""
    total, needy = len(digest.worst_first), len(digest.needy)
    if not needy:
        return "Nothing needs a look"
    return (
        f"{needy} of {total} runs {'needs' if needy == 1 else 'need'} a look"
        if total > 1
        else "One run, and it needs a look"
    )


def _sentence(multiple: Multiple) -> str:
    return multiple.chart.title if multiple.chart is not None else "nothing to draw yet"


def draw_multiples(spec: MultiplesSpec, measure: Measure) -> list[Item]:
    """All shapes and words of a picture, in the order they are drawn.

    Args:
        spec: What to show.
        measure: How wide the painter draws a text.
    """
    room = WIDTH - 2 * _MARGIN
    items: list[Item] = [
        Block(Box(0, 0, WIDTH, spec.height), Colour.PAPER),
        Word(_MARGIN, spec.height - 56.0, *shrunk(spec.title, _TITLE, _SMALLEST_TITLE, room, measure)),
        Word(_MARGIN, spec.height - 108.0, fitted(spec.subtitle, _SUBTITLE, room, measure), _SUBTITLE, Colour.SOFT),
    ]
    width = (room - (spec.columns - 1) * _GAP) / spec.columns
    for number, multiple in enumerate(spec.multiples):
        line, column = divmod(number, spec.columns)
        left, top = _MARGIN + column * (width + _GAP), spec.height - _HEAD - line * (_ROW + _GAP)
        items += _panel(multiple, Box(left, top - _ROW, left + width, top), measure)
    return items


def _panel(multiple: Multiple, box: Box, measure: Measure) -> Iterator[Item]:
    shape, colour = _SIGNS.get(multiple.card.look, _OTHERS)
    name = shown_name(multiple.card.run)
    yield Word(box.left, box.top - _NAME_ROW / 2, *shrunk(name, _NAME, _SMALLEST_NAME, box.width, measure))
    y = box.top - _NAME_ROW - _STATE_ROW / 2
    yield Marks(np.array([box.left + _MARK / 2]), np.array([y]), shape, _MARK, colour)
    yield Word(box.left + _MARK + 14, y, str(multiple.card.look), _NOTE)
    place = Box(box.left, box.bottom + _CAPTION, box.right, box.bottom + _CAPTION + _CURVE)
    yield Stroke(np.array([place.left, place.right]), np.array([place.bottom] * 2), Colour.SOFT, 2.0)
    said = shrunk(_sentence(multiple), _NOTE, _SMALLEST_NOTE, box.width, measure)
    yield Word(box.left, box.bottom + _CAPTION / 2, *said)
    if multiple.chart is not None:
        end = f"step {short_tick(multiple.chart.newest)}" if np.isfinite(multiple.chart.newest) else ""
        yield Word(box.right, y, end, _NOTE, Colour.SOFT, Side.RIGHT)
        yield from _curve(multiple.chart, place)


def _curve(chart: ChartSpec, place: Box) -> Iterator[Item]:
    """The first curve as it is drawn in the picture of the run, with what is wrong shaded."""
    alone = replace(chart.top, lines=chart.top.lines[:1], levels=(), fan=None)
    # Room at the sides: the dot at the end of a line would be cut.
    wide = Box(place.left + 6, place.bottom, place.right - 12, place.top)
    field = field_of(alone, wide)
    inside = replace(field, bottom=field.bottom + 6, top=field.top - 6)
    yield from shade(chart, wide)
    yield from curves(chart, alone, inside)
    yield from outside(chart, alone, inside, wide)
