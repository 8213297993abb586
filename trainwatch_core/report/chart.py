"""Which picture to draw, as data: built in `report/charting`, tested as tables, painted in `adapters/charts`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trainwatch_core.model.series import FloatArray

_OUTSIDE = 0.25


class Style(StrEnum):
    """How a line is drawn."""

    LOSS = "loss"
    EVAL = "eval"
    SCORE = "score"
    LR = "lr"
    GRAD = "grad"


class LevelKind(StrEnum):
    """What a dashed horizontal line stands for."""

    BASELINE = "baseline"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """What stretch of values a length of the picture stands for.

    Attributes:
        low: Value at its beginning; finite, positive if `log`.
        high: Value at its end; finite, above `low`.
        log: Whether equal lengths are equal ratios.
        ticks: What is written at it.
    """

    low: float
    high: float
    log: bool = False
    ticks: tuple[Tick, ...] = ()

    def place(self, values: FloatArray | float) -> FloatArray:
        """Where values lie: 0 at `low`, 1 at `high`; NaN stays NaN.

        A painter never sees a value, only these: what lies far outside (infinities, and zero on a logarithmic axis)
        comes to lie just outside, so nothing that a run logs can overflow in a drawing library.
        """
        given = np.asarray(values, dtype=np.float64)
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            with np.errstate(divide="ignore", invalid="ignore"):
                given = np.where(given <= 0, -np.inf, np.log(given))
        else:
            low, high = self.low, self.high
        # Halves, because the distance of two values near the largest float is no float.
        with np.errstate(over="ignore"):
            shares = (given / 2 - low / 2) / (high / 2 - low / 2)
        return np.asarray(np.clip(shares, -_OUTSIDE, 1 + _OUTSIDE))


@dataclass(frozen=True, slots=True)
class Band:
    """What raw values cover, thin where each is known, wide where old ones were folded into buckets.

    Attributes:
        steps: Shape (n,), never decreasing; NaN marks a gap.
        low: Shape (n,), the lowest value at each; NaN marks a gap.
        high: Shape (n,), the highest.
    """

    steps: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Line:
    """One metric in a panel.

    Attributes:
        label: Its name, shown at the line's end; at most 80 characters.
        value: Its newest value in words, shown beside the label.
        style: How it is drawn.
        axis: Where its values lie.
        steps: Shape (n,), never decreasing; NaN marks a gap. The smoothed curve, or the evaluations.
        values: Shape (n,).
        band: The raw values behind it; None where `values` are the raw ones.
        end: Step and value of the newest finite sample; None if there is none.
        lost: Whether samples after it are NaN or infinite.
    """

    label: str
    value: str
    style: Style
    axis: Axis
    steps: FloatArray
    values: FloatArray
    band: Band | None = None
    end: tuple[float, float] | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A dashed line: horizontal, or along the course of other runs.

    Attributes:
        kind: What it stands for.
        label: `target 2.1`, shown at its end.
        metric: Whose it is, as shown.
        value: Where it lies, at its end; may lie outside of the axis, the label then points there.
        axis: Where its metric's values lie.
        course: Steps and values, each of shape (n,), NaN where there is a gap; None for a horizontal line.
    """

    kind: LevelKind
    label: str
    metric: str
    value: float
    axis: Axis
    course: tuple[FloatArray, FloatArray] | None = None


@dataclass(frozen=True, slots=True)
class Fan:
    """Where a metric is foretold to go.

    Attributes:
        label: `forecast 2.31`, shown at its end.
        words: The forecast in a sentence.
        style: That of its metric.
        axis: Where its metric's values lie.
        steps: Shape (m,), from now to the planned end.
        low: Shape (m,): the lower edge.
        middle: Shape (m,).
        high: Shape (m,): the upper edge.
    """

    label: str
    words: str
    style: Style
    axis: Axis
    steps: FloatArray
    low: FloatArray
    middle: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Beyond:
    """A place where a line leaves its panel, so that the rest of it keeps its shape.

    Attributes:
        step: Where it is farthest out.
        label: How far, in words; empty where the line's newest value is there and says it.
        up: Whether it leaves at the top.
    """

    step: float
    label: str
    up: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        axis: The axis whose ticks are written at its left.
        lines: What is drawn, first one on top.
        levels: Dashed horizontal lines.
        crosses: Steps at which a value was NaN or infinite, few enough to be told apart.
        beyond: Where lines leave it.
        fan: Where one of its lines is foretold to go; None if nobody knows.
    """

    axis: Axis
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()
    crosses: tuple[float, ...] = ()
    beyond: tuple[Beyond, ...] = ()
    fan: Fan | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A shaded stretch of steps.

    Attributes:
        first: Where it begins.
        last: Where it ends.
        label: What it is, in a word or two.
    """

    first: float
    last: float
    label: str


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """A whole picture.

    Attributes:
        title: The sentence one would say about it.
        run: The run's name, redacted; at most 80 characters.
        progress: How far it is, in words.
        alt_text: What it shows, in words, for those who cannot see it.
        steps: The axis of the steps, shared by the panels.
        top: Loss with evaluations.
        bottom: Learning rate and gradient norm; None if there is neither.
        anomaly: The stretch that the verdict is about; None if there is none.
        seams: Steps at which the run was resumed or rewound.
        last_mark: Step of the last check, a dotted line: what lies after it is new; None for the first round.
        nonfinite: How many values of the drawn metrics were NaN or infinite.
        newest: Step of the newest sample: what lies beyond is foretold.
    """

    title: str
    run: str
    progress: str
    alt_text: str
    steps: Axis
    top: Panel
    bottom: Panel | None = None
    anomaly: Stretch | None = None
    seams: tuple[float, ...] = ()
    last_mark: float | None = None
    nonfinite: int = 0
    newest: float = math.inf
