"""A contact sheet: many runs as small pictures on one page, the worst first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trainwatch_core.model.numbers import say, say_duration, say_step
from trainwatch_core.model.series import FloatArray
from trainwatch_core.report.backtest import KeyMetric, Outcome, Trial
from trainwatch_core.report.canvas import WIDTH, Block, Box, Colour, Dash, Font, Item, Marks, Shape, Side, Stroke, Word
from trainwatch_core.report.chart import Axis
from trainwatch_core.report.layout import Measure, fitted, shrunk
from trainwatch_core.report.scaling import LARGEST, Reach, fit_axis, step_axis

MOST_TILES = 30
"""Of one sheet: more would not be looked at."""
_COLUMNS = 3
_MARGIN, _HEAD, _GAP = 32.0, 150.0, 28.0
_TILE_HEIGHT, _ABOVE, _BELOW = 250.0, 62.0, 26.0
_TITLE, _SUBTITLE, _NAME, _NOTE = Font(44.0, bold=True), Font(28.0), Font(24.0, bold=True), Font(21.0)
_SMALLEST_TITLE, _SMALLEST_NAME = 33.0, 17.0
_CROSSES_APART = 14.0
_POINTS = 400
"""Of one curve: a tile has about as many pixels."""
_INKS = {
    Outcome.WRONG: Colour.VERMILION,
    Outcome.MISSED: Colour.ORANGE,
    Outcome.STOPPED: Colour.GREEN,
    Outcome.SPARED: Colour.SOFT,
}


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """A whole sheet.

    Attributes:
        title: The sentence one would say about it.
        trials: The worst first.
    """

    title: str
    trials: tuple[Trial, ...]

    @property
    def shown(self) -> tuple[Trial, ...]:
        """Those for which there is room."""
        return self.trials[:MOST_TILES]

    @property
    def height(self) -> int:
        """In pixels; the width is that of every picture."""
        rows = -(-max(1, len(self.shown)) // _COLUMNS)
        return round(_HEAD + rows * (_TILE_HEIGHT + _GAP) + _MARGIN)


def draw_sheet(spec: SheetSpec, measure: Measure) -> list[Item]:
    """All shapes and words of a sheet, in the order they are drawn.

    Args:
        spec: What to show.
        measure: How wide the painter draws a text.
    """
    room = WIDTH - 2 * _MARGIN
    items: list[Item] = [
        Block(Box(0, 0, WIDTH, spec.height), Colour.PAPER),
        Word(_MARGIN, spec.height - 56.0, *shrunk(spec.title, _TITLE, _SMALLEST_TITLE, room, measure)),
        Word(_MARGIN, spec.height - 108.0, *shrunk(_subtitle(spec), _SUBTITLE, 20.0, room, measure), Colour.SOFT),
    ]
    width = (room - (_COLUMNS - 1) * _GAP) / _COLUMNS
    for number, trial in enumerate(spec.shown):
        line, column = divmod(number, _COLUMNS)
        left, top = _MARGIN + column * (width + _GAP), spec.height - _HEAD - line * (_TILE_HEIGHT + _GAP)
        items += _tile(trial, Box(left, top - _TILE_HEIGHT, left + width, top), measure)
    return items


def _subtitle(spec: SheetSpec) -> str:
    left = len(spec.trials) - len(spec.shown)
    more = f" · {left} more are not shown" if left else ""
    return f"Dashed: where it would have been stopped · grey: what came after{more}"


def _tile(trial: Trial, box: Box, measure: Measure) -> Iterator[Item]:
    ink = _INKS[trial.outcome]
    yield Word(box.left, box.top - 14, *shrunk(trial.run, _NAME, _SMALLEST_NAME, box.width, measure))
    yield Word(box.left, box.top - 42, *shrunk(_note(trial), _NOTE, _SMALLEST_NAME, box.width, measure), ink)
    field = Box(box.left, box.bottom + _BELOW, box.right, box.top - _ABOVE)
    yield Block(field, Colour.GRID, 0.45)
    if trial.metric is None or not np.isfinite(trial.metric.values).any():
        yield Word(field.left + 12, (field.bottom + field.top) / 2, "nothing to draw", _NOTE, Colour.SOFT)
        return
    yield from _curve(trial, trial.metric, field)
    last = trial.metric.values[-1]
    caption = fitted(f"{trial.metric.name} {say(float(last))}", _NOTE, 0.68 * box.width, measure)
    yield Word(box.left, box.bottom + 10, caption, _NOTE, Colour.SOFT)
    end = f"step {say_step(float(trial.metric.steps.max()))}"
    yield Word(box.right, box.bottom + 10, end, _NOTE, Colour.SOFT, Side.RIGHT)


def _note(trial: Trial) -> str:
    parts = [trial.outcome.word]
    if trial.stop_step is not None:
        parts.append(f"at {say_step(trial.stop_step)}")
        if math.isfinite(trial.saved):
            parts.append(f"· {say_duration(trial.saved)} earlier")
    return " ".join([*parts, f"· {trial.ended or 'end unknown'}"])


def _curve(trial: Trial, metric: KeyMetric, field: Box) -> Iterator[Item]:
    steps, values = thinned(metric.steps, metric.values)
    finite = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
    axis = fit_axis(Reach(finite, float(finite.min()), float(finite.max())))
    across = step_axis(float(steps.min()), float(steps.max()))
    xs = field.left + field.width * across.place(steps)
    ys = _heights(axis, values, field)
    cut = trial.stop_step if trial.stop_step is not None else math.inf
    yield Stroke(xs, np.where(steps > cut, np.nan, ys), Colour.BLUE, 3.0, within=field)
    if trial.stop_step is not None:
        yield Stroke(xs, np.where(steps < cut, np.nan, ys), Colour.SOFT, 2.0, opacity=0.6, within=field)
        x = field.left + field.width * float(across.place(trial.stop_step))
        ends = np.array([field.bottom, field.top])
        yield Stroke(np.array([x, x]), ends, _INKS[trial.outcome], 4.0, Dash.DASHED)
    lost = xs[~np.isfinite(values)]
    if len(lost):
        # One for each place: side by side they would be a bar.
        places = np.unique(np.round(lost / _CROSSES_APART)) * _CROSSES_APART
        yield Marks(places, np.full(len(places), field.top - 9.0), Shape.CROSS, 9.0, Colour.VERMILION, within=field)


def _heights(axis: Axis, values: FloatArray, field: Box) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(
            field.bottom + field.height * (0.06 + 0.88 * axis.place(np.where(np.isinf(values), np.nan, values)))
        )


def thinned(steps: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """At most about 400 points of a curve: of each stretch its lowest and its highest value, or NaN if it has one."""
    if len(steps) <= _POINTS:
        return steps, values
    chosen: list[int] = []
    for part in np.array_split(np.arange(len(steps)), _POINTS // 2):
        inside = values[part]
        lost = np.flatnonzero(~np.isfinite(inside))
        picks = [int(lost[0])] if len(lost) else [int(inside.argmin()), int(inside.argmax())]
        chosen += sorted({int(part[pick]) for pick in picks})
    return steps[chosen], values[chosen]


def title_of(trials: Sequence[Trial]) -> str:
    """The sentence one would say about a sheet."""
    stopped = sum(one.outcome in {Outcome.WRONG, Outcome.STOPPED} for one in trials)
    wrong = sum(one.outcome is Outcome.WRONG for one in trials)
    said = f"{stopped} of {len(trials)} would have been stopped"
    return f"{said}, {wrong} wrongly" if wrong else said
