"""A run that is over, read whole and given out again row by row, as if it were being logged now."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
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

    Raises:
        InvalidInputError: If it is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            table = csv.reader(file)
            header = next(table, [])
            cells = [row for row in table if row]
    except (OSError, csv.Error) as error:
        raise InvalidInputError(f"This table cannot be read: {error}", where=str(path)) from error
    step_name = next((name for name in STEP_COLUMNS if name in header), None)
    if step_name is None:
        raise InvalidInputError(
            "This table has no column of steps", where=str(path), todo=f"Expected one of {', '.join(STEP_COLUMNS)}"
        )
    steps = _whole(cells, header.index(step_name))
    times = _whole(cells, header.index(TIME_COLUMN)) if TIME_COLUMN in header else np.full(len(cells), np.nan)
    chosen = choose(name for name in header if name not in {"_step", "step", TIME_COLUMN})
    return Recording(_carried(steps), times, dict(_columns(cells, header, chosen)))


def read_source(source: Source, info: Callable[[Batch], RunInfo] = lambda batch: batch.info) -> Recording:
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
    return _joined({name: parts[name] for name in choose(parts)}, info(batch))


def _whole(cells: list[list[str]], column: int) -> FloatArray:
    found = (number_of_json(row[column]) if column < len(row) and row[column] else None for row in cells)
    return np.array([np.nan if each is None else each for each in found], dtype=np.float64)


def _carried(steps: FloatArray) -> FloatArray:
    """Steps with what is missing filled in by the one before."""
    known = np.isfinite(steps)
    last = np.maximum.accumulate(np.where(known, np.arange(len(steps)), 0))
    return np.where(np.isfinite(steps[last]), steps[last], 0.0) if len(steps) else steps


def _columns(
    cells: list[list[str]], header: list[str], chosen: tuple[str, ...]
) -> Iterator[tuple[str, tuple[NDArray[np.int64], FloatArray]]]:
    for name in chosen:
        column = header.index(name)
        found = [
            (number, value)
            for number, row in enumerate(cells)
            if column < len(row) and row[column] and (value := number_of_json(row[column])) is not None
        ]
        if found:
            at, values = zip(*found, strict=True)
            yield name, (np.array(at, dtype=np.int64), np.array(values, dtype=np.float64))


def _joined(parts: Mapping[str, list[Rows]], info: RunInfo) -> Recording:
    keys, values = {}, {}
    for name, several in parts.items():
        steps = np.concatenate([rows.steps for rows in several])
        # Which time round it is that the steps go up: a rewind begins the next.
        turn = np.concatenate([[0.0], np.cumsum(np.diff(steps) < 0)])
        keys[name] = np.column_stack([turn, steps])
        values[name] = (
            np.concatenate([rows.values for rows in several]),
            np.concatenate([rows.times for rows in several]),
        )
    rows, place = np.unique(np.concatenate(list(keys.values())), axis=0, return_inverse=True)
    times = np.full(len(rows), np.nan)
    columns, done = {}, 0
    for name, (one, when) in values.items():
        at = place.reshape(-1)[done : done + len(one)].astype(np.int64)
        done += len(one)
        times[at] = np.fmax(times[at], when)
        columns[name] = (at, one)
    return Recording(rows[:, 1], times, columns, info)
