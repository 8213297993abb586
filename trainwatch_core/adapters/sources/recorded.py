"""A run that is over, read whole and given out again row by row, as if it were being logged now."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainwatch_core.adapters.sources.wandb.keys import choose
from trainwatch_core.adapters.sources.wandb.values import number_of_json
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import FloatArray, Rows
from trainwatch_core.ports import Source

STEP_COLUMNS = ("_step", "step", "global_step")
"""Columns that count steps, the first one found wins."""
TIME_COLUMN = "_timestamp"
LATEST = 253_402_214_400.0
"""Unix seconds of the last day of the year 9999: no later moment can be written as a date."""
READ_SECONDS = 600.0
"""How long a whole finished run may take to be read."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole run as a table.

    Attributes:
        steps: Shape (n,): the step of each row, in the order in which the rows were logged.
        times: Shape (n,), Unix seconds; NaN where unknown.
        columns: Metric to (row numbers, values), each of shape (m,): only the rows in which it was logged.
        info: What the source tells about the run.
    """

    steps: FloatArray
    times: FloatArray
    columns: Mapping[str, tuple[NDArray[np.int64], FloatArray]]
    info: RunInfo = field(default_factory=RunInfo)

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, first: int, end: int) -> dict[str, Rows]:
        """What rows first..end-1 logged, by metric."""
        found = {}
        for name, (at, values) in self.columns.items():
            low, high = np.searchsorted(at, (first, end))
            if high > low:
                rows = at[low:high]
                found[name] = Rows(self.steps[rows], values[low:high], self.times[rows])
        return found


class RecordedSource:
    """A Source that shows the first rows of a recording, and more of them as time goes on.

    Args:
        recording: The whole run.
    """

    key = "wandb"
    status = SourceStatus.WANDB_OK
    kind = "replay"

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.shown = 0

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """The rows that are shown and not yet read; see `ports.Source`."""
        del deadline
        first = int(cursor["row"]) if cursor else 0
        rows = self.recording.between(first, self.shown)
        return Batch(rows, self.recording.info, {"row": max(first, self.shown)})


def read_table(path: Path) -> Recording:
    """Read a CSV file of a run: a column of steps, one column a metric, an empty cell where nothing was logged.

    A missing step is the one before; a time that no clock can show counts as unknown.

    Raises:
        InvalidInputError: If it is no such table.
    """
    try:
        # A spreadsheet writes a mark before the first name.
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            return _read_rows(csv.reader(file), str(path))
    except (OSError, csv.Error) as error:
        raise InvalidInputError(f"This table cannot be read: {error}", where=str(path)) from error


def _read_rows(table: Iterator[list[str]], where: str) -> Recording:
    header = next(table, [])
    step_name = next((name for name in STEP_COLUMNS if name in header), None)
    if step_name is None:
        raise InvalidInputError(
            "This table has no column of steps", where=where, todo=f"Expected one of {', '.join(STEP_COLUMNS)}"
        )
    chosen = choose(name for name in header if name not in {"_step", "step", TIME_COLUMN})
    columns = {name: _Column(header.index(name)) for name in (*chosen, step_name)}
    columns[TIME_COLUMN] = _Column(header.index(TIME_COLUMN) if TIME_COLUMN in header else len(header))
    count = 0
    # Cell by cell into flat arrays: as lists of text a long table would take twenty times the memory.
    for cells in table:
        if cells:
            for column in columns.values():
                column.take(count, cells)
            count += 1
    steps, times = (columns[name].whole(count) for name in (step_name, TIME_COLUMN))
    metrics = {name: columns[name].logged() for name in chosen}
    return Recording(_carried(steps), _sound(times), {name: each for name, each in metrics.items() if len(each[0])})


class _Column:
    """The numbers of one column of a table, and the rows that they stand in."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._rows, self._values = array("q"), array("d")

    def take(self, row: int, cells: list[str]) -> None:
        """Keep what a row holds here, if it is a number."""
        text = cells[self._place] if self._place < len(cells) else ""
        value = number_of_json(text) if text else None
        if value is not None:
            self._rows.append(row)
            self._values.append(value)

    def logged(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Row numbers and values, each of shape (m,)."""
        return np.array(self._rows, dtype=np.int64), np.array(self._values, dtype=np.float64)

    def whole(self, count: int) -> FloatArray:
        """Shape (count,), NaN where there is nothing."""
        found = np.full(count, np.nan)
        rows, values = self.logged()
        found[rows] = values
        return found


def read_source(source: Source) -> Recording:
    """Read a finished run through any source, to its end.

    Rows of several metrics are joined where they have the same step; a step that goes back begins a new part.

    Raises:
        SourceUnavailableError: If the source does not answer, or has nothing.
    """
    parts: dict[str, list[Rows]] = {}
    cursor: Cursor | None = None
    while True:
        batch = source.fetch(cursor, deadline=READ_SECONDS)
        parts = {} if batch.restarted else parts
        fresh = {name: rows for name, rows in batch.rows.items() if len(rows)}
        for name, rows in fresh.items():
            parts.setdefault(name, []).append(rows)
        if not fresh or batch.cursor == cursor:
            break
        cursor = batch.cursor
    if not parts:
        raise SourceUnavailableError("This run has no metrics", todo="Nothing can be replayed")
    return _joined({name: parts[name] for name in choose(parts)}, batch.info)


def _carried(steps: FloatArray) -> FloatArray:
    """Steps with what is missing filled in by the one before."""
    known = np.isfinite(steps)
    last = np.maximum.accumulate(np.where(known, np.arange(len(steps)), 0))
    return np.where(np.isfinite(steps[last]), steps[last], 0.0) if len(steps) else steps


def _sound(times: FloatArray) -> FloatArray:
    return np.where((times > 0) & (times < LATEST), times, np.nan)


def _joined(parts: Mapping[str, list[Rows]], info: RunInfo) -> Recording:
    whole = {name: _one_after_another(several) for name, several in parts.items()}
    turns = _turns(whole)
    keys = [np.column_stack([turns[name], rows.steps]) for name, rows in whole.items()]
    rows, place = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    times = np.full(len(rows), np.nan)
    columns, done = {}, 0
    for name, one in whole.items():
        at = place.reshape(-1)[done : done + len(one)].astype(np.int64)
        done += len(one)
        times[at] = np.fmax(times[at], one.times)
        order = np.argsort(at, kind="stable")
        columns[name] = (at[order], one.values[order])
    return Recording(rows[:, 1], _sound(times), columns, info)


def _one_after_another(parts: list[Rows]) -> Rows:
    return Rows(
        np.concatenate([rows.steps for rows in parts]),
        np.concatenate([rows.values for rows in parts]),
        np.concatenate([rows.times for rows in parts]),
    )


def _turns(whole: Mapping[str, Rows]) -> dict[str, FloatArray]:
    """Which time round it is that the steps go up, for each sample of each metric: a rewind begins the next.

    A metric that is logged seldom may not show the rewind in its own steps: its times tell then.
    """
    turns = {name: np.concatenate([[0.0], np.cumsum(np.diff(rows.steps) < 0)]) for name, rows in whole.items()}
    chief = max(turns, key=lambda name: turns[name][-1])
    begins = whole[chief].times[1:][np.diff(whole[chief].steps) < 0]
    for name, rows in whole.items():
        if turns[name][-1] < turns[chief][-1] and np.isfinite(begins).all() and np.isfinite(rows.times).all():
            turns[name] = np.searchsorted(begins, rows.times, side="right").astype(np.float64)
    return turns
