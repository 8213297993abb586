"""What a picture is made of: shapes and words at places in pixels, in the order they are drawn.

The painter of any drawing library has to know these five only. Pixels count from the lower left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trainwatch_core.model.series import FloatArray

WIDTH, HEIGHT = 1200, 800
"""Of a picture, in pixels. A phone shows it 360 wide: what has 30 pixels here has 9 there."""


class Colour(StrEnum):
    """The colours of Okabe and Ito, which colour-blind people can tell apart, and greys."""

    PAPER = "#FFFFFF"
    INK = "#1A1A1A"
    SOFT = "#595959"
    GRID = "#E4E4E4"
    BLACK = "#000000"
    BLUE = "#0072B2"
    SKY = "#56B4E9"
    GREEN = "#009E73"
    ORANGE = "#E69F00"
    VERMILION = "#D55E00"
    PURPLE = "#CC79A7"


class Dash(StrEnum):
    """How a line is broken. A meaning never hangs on a colour alone."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"
    DASH_DOT = "dash-dot"


class Shape(StrEnum):
    """What a mark looks like."""

    DOT = "dot"
    DIAMOND = "diamond"
    CROSS = "cross"
    UP = "up"
    DOWN = "down"


class Side(StrEnum):
    """Which end of a word its place is."""

    LEFT = "left"
    MIDDLE = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points, shape (n,) each; NaN lifts the pen. Nothing is drawn outside of `within`."""

    xs: FloatArray
    ys: FloatArray
    colour: Colour
    width: float
    dash: Dash = Dash.SOLID
    opacity: float = 1.0
    within: Box | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """What lies between two lines, shape (n,) each; never thinner than `width`. NaN makes a gap."""

    xs: FloatArray
    low: FloatArray
    high: FloatArray
    colour: Colour
    opacity: float
    width: float
    within: Box


@dataclass(frozen=True, slots=True)
class Block:
    """A filled rectangle."""

    box: Box
    colour: Colour
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Marks:
    """The same mark at places, shape (n,) each."""

    xs: FloatArray
    ys: FloatArray
    shape: Shape
    size: float
    colour: Colour
    within: Box | None = None


@dataclass(frozen=True, slots=True)
class Font:
    """Its height in pixels, and whether it is bold."""

    size: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A line of text; `y` is the height of its middle, `side` the end of it that is at `x`."""

    x: float
    y: float
    text: str
    font: Font
    colour: Colour = Colour.INK
    side: Side = Side.LEFT
    on_paper: bool = False


Item = Stroke | Area | Block | Marks | Word
