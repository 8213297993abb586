"""Pictures by matplotlib, the only room that knows it. Import it when a picture is due: it takes a second.

Only the object-oriented `Figure` is used, never pyplot, whose global state is neither bounded nor safe in threads. The
text parser is one for the whole process (matplotlib issue 26289), so one lock guards all drawing, and no text is ever
parsed as mathematics: names of runs are not ours.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform

from trainwatch_core.model.errors import PaintError
from trainwatch_core.report.canvas import HEIGHT, WIDTH, Area, Block, Box, Dash, Font, Item, Marks, Shape, Stroke, Word
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.drawing import draw
from trainwatch_core.report.multiples import MultiplesSpec, draw_multiples
from trainwatch_core.report.sheet import SheetSpec, draw_sheet

_DPI = 100
_POINTS = 72 / _DPI
_FONT = "DejaVu Sans"
_UNKNOWN = "\N{WHITE SQUARE}"
_LONGEST = 200
_DASHES: Mapping[Dash, Literal["-"] | tuple[float, Sequence[float]]] = {
    Dash.SOLID: "-",
    Dash.DASHED: (0, (4.0, 2.0)),
    Dash.DOTTED: (0, (1.0, 1.6)),
    Dash.DASH_DOT: (0, (6.0, 2.0, 1.2, 2.0)),
}
_MARKERS = {Shape.DOT: "o", Shape.DIAMOND: "D", Shape.CROSS: "x", Shape.UP: "^", Shape.DOWN: "v"}


_LOCK = threading.Lock()


class MatplotlibPainter:
    """Draws charts as PNG files of 1200 x 800 pixels. May be called from any thread; draws one picture at a time.

    The figure is kept from picture to picture: a new one costs a tenth more, and memory until it is collected.
    """

    def __init__(self) -> None:
        self._canvas = _page(HEIGHT)

    def paint(self, spec: ChartSpec) -> bytes:
        """The PNG of a chart.

        Raises:
            PaintError: If it cannot be drawn, for whatever reason: a report never depends on its picture.
        """
        with _LOCK:
            return _safely(lambda: _png(self._canvas, draw(spec, self._measure)))

    def paint_sheet(self, spec: SheetSpec) -> bytes:
        """The PNG of a contact sheet, as tall as it has to be.

        Raises:
            PaintError: As above.
        """
        with _LOCK:
            return _safely(lambda: _png(_page(spec.height), draw_sheet(spec, self._measure)))

    def paint_multiples(self, spec: MultiplesSpec) -> bytes:
        """The PNG of a digest, as tall as it has to be.

        Raises:
            PaintError: As above.
        """
        with _LOCK:
            return _safely(lambda: _png(_page(spec.height), draw_multiples(spec, self._measure)))

    def _measure(self, text: str, font: Font) -> float:
        renderer = self._canvas.get_renderer()  # type: ignore[no-untyped-call]  # likewise
        width, _, _ = renderer.get_text_width_height_descent(_known(text), _properties(font), ismath=False)
        return float(width)


def _page(height: int) -> FigureCanvasAgg:
    return FigureCanvasAgg(Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="white"))


def _safely(paint: Callable[[], bytes]) -> bytes:
    try:
        return paint()
    except Exception as error:
        raise PaintError(f"The picture could not be drawn: {type(error).__name__}: {error}"[:300]) from error


def _png(canvas: FigureCanvasAgg, items: Sequence[Item]) -> bytes:
    canvas.figure.clear()
    for order, item in enumerate(items):
        artist = _artist(item)
        artist.set_zorder(order)
        canvas.figure.add_artist(artist)
    file = io.BytesIO()
    # Level 1 takes a third of the time of level 6 and makes files a tenth larger.
    canvas.print_png(file, pil_kwargs={"compress_level": 1})  # type: ignore[no-untyped-call]  # partly typed
    return file.getvalue()


def _artist(item: Item) -> Artist:
    match item:
        case Block():
            artist: Artist = _block(item)
        case Stroke():
            artist = _stroke(item)
        case Area():
            artist = _area(item)
        case Marks():
            artist = _marks(item)
        case Word():
            artist = _word(item)
    artist.set_transform(IdentityTransform())
    return artist


def _block(block: Block) -> Rectangle:
    box = block.box
    return Rectangle(
        (box.left, box.bottom), box.width, box.height, facecolor=block.colour, edgecolor="none", alpha=block.opacity
    )


def _stroke(stroke: Stroke) -> Line2D:
    line = Line2D(
        stroke.xs,
        stroke.ys,
        color=stroke.colour,
        linewidth=stroke.width * _POINTS,
        linestyle=_DASHES[stroke.dash],
        alpha=stroke.opacity,
        marker="none",
        solid_capstyle="round",
        solid_joinstyle="round",
        dash_capstyle="butt",
    )
    _clip(line, stroke.within)
    return line


def _area(area: Area) -> PolyCollection:
    known = np.isfinite(area.xs) & np.isfinite(area.low) & np.isfinite(area.high)
    outline = np.column_stack([area.xs, area.low]), np.column_stack([area.xs, area.high])
    runs = np.split(np.arange(len(known)), np.flatnonzero(~known))
    outlines = [np.vstack([outline[0][run], outline[1][run][::-1]]) for run in (r[known[r]] for r in runs) if len(run)]
    shape = PolyCollection(
        outlines, facecolor=area.colour, edgecolor=area.colour, alpha=area.opacity, linewidths=area.width * _POINTS
    )
    _clip(shape, area.within)
    return shape


def _marks(marks: Marks) -> Line2D:
    crossed = marks.shape is Shape.CROSS
    line = Line2D(
        marks.xs,
        marks.ys,
        linestyle="none",
        marker=_MARKERS[marks.shape],
        markersize=marks.size * _POINTS,
        markerfacecolor=marks.colour,
        markeredgecolor=marks.colour if crossed else "white",
        markeredgewidth=(4.5 if crossed else 1.5) * _POINTS,
    )
    _clip(line, marks.within)
    return line


def _word(word: Word) -> Text:
    text = Text(
        word.x,
        word.y,
        _known(word.text),
        color=word.colour,
        fontproperties=_properties(word.font),
        horizontalalignment=word.side.value,
        verticalalignment="center_baseline",
        usetex=False,
        parse_math=False,
    )
    if word.on_paper:
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2})
    return text


def _clip(artist: Artist, box: Box | None) -> None:
    if box is not None:
        artist.set_clip_box(Bbox.from_extents(box.left, box.bottom, box.right, box.top))


@lru_cache
def _properties(font: Font) -> FontProperties:
    return FontProperties(family=_FONT, size=font.size * _POINTS, weight="bold" if font.bold else "normal")


@lru_cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(findfont(FontProperties(family=_FONT))).get_charmap())


def _known(text: str) -> str:
    """The text with a square for each character that the font cannot draw, at most _LONGEST characters of it."""
    return "".join(char if ord(char) in _glyphs() else _UNKNOWN for char in text[:_LONGEST])
