"""A whole log at one glance: what was understood of it, and what was not."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.adapters.sources.logs.formats import Parsed, State, parse
from trainwatch_core.adapters.sources.logs.formats.events import MAX_EVENTS
from trainwatch_core.adapters.sources.logs.reading import BLOCK, Reading
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import LogEvent

Row = tuple[float, list[float | None]]
"""The step, and the value of each metric; None where nothing was logged."""


@dataclass(slots=True)
class Column:
    """One metric: its values and the rows that they stand in, in the order of the log."""

    rows: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class Survey:
    """What a log holds. Lines of the same step that follow each other make one row.

    Attributes:
        steps: The step of each row. It goes back where a run was resumed, or where the next one of the file begins.
        columns: The metrics by name, as named in the log.
        events: Lines that mean something by themselves.
        lines: How many lines hold anything at all.
        understood: How many of them gave metrics.
        notes: Sentences about what was not read.
        patterns: A person's own patterns of lines.
    """

    steps: array[float] = field(default_factory=lambda: array("d"))
    columns: dict[str, Column] = field(default_factory=dict)
    events: list[LogEvent] = field(default_factory=list)
    lines: int = 0
    understood: int = 0
    notes: tuple[str, ...] = ()
    patterns: Sequence[LinePattern] = ()
    _state: State | None = None

    @property
    def unparsed(self) -> float:
        """The share of the lines that gave no metric; 0 for an empty log."""
        return 1.0 - self.understood / self.lines if self.lines else 0.0

    @property
    def seams(self) -> int:
        """How often the steps go back."""
        return sum(later < earlier for earlier, later in pairwise(self.steps))

    def read(self, lines: list[str]) -> Parsed:
        """Take further lines."""
        parsed = parse(lines, self._state, self.add, self.patterns)
        self._state = parsed.state
        self.events = [*self.events, *parsed.events][:MAX_EVENTS]
        self.lines += sum(bool(line.strip()) for line in lines)
        self.understood += parsed.understood
        return parsed

    def rows(self) -> Iterator[Row]:
        """Step and values of each row, in the order of the columns; None where nothing was logged."""
        places = [0] * len(self.columns)
        columns = list(self.columns.values())
        for row, step in enumerate(self.steps):
            values: list[float | None] = []
            for at, column in enumerate(columns):
                here = places[at] < len(column.rows) and column.rows[places[at]] == row
                values.append(column.values[places[at]] if here else None)
                places[at] += here
            yield step, values

    def without_echoes(self) -> Survey:
        """The survey without stretches that repeat earlier rows to the digit: a console and its copy in one file."""
        if not self.seams:
            return self
        kept = replace(self, steps=array("d"), columns={})
        seen: set[bytes] = set()
        dropped = 0
        for stretch in self._stretches():
            marks = {_mark(row) for row in stretch}
            if marks <= seen:
                dropped += len(stretch)
                continue
            seen |= marks
            for step, values in stretch:
                logged = zip(self.columns, values, strict=True)
                kept.add(step, [(name, value) for name, value in logged if value is not None])
        if dropped:
            kept.notes = (*self.notes, f"{dropped} rows repeat earlier ones to the digit and are left out.")
        return kept

    def add(self, step: float, pairs: Sequence[tuple[str, float]]) -> None:
        """Take the metrics of a line; a new row, unless they complete the last one."""
        row = len(self.steps) - 1
        columns = [self.columns.setdefault(name, Column()) for name, _ in pairs]
        if row < 0 or self.steps[-1] != step or any(c.rows and c.rows[-1] == row for c in columns):
            self.steps.append(step)
            row += 1
        for column, (_, value) in zip(columns, pairs, strict=True):
            column.rows.append(row)
            column.values.append(value)

    def _stretches(self) -> Iterator[list[Row]]:
        """The rows, cut where the steps go back."""
        stretch: list[Row] = []
        for row in self.rows():
            if stretch and row[0] < stretch[-1][0]:
                yield stretch
                stretch = []
            stretch.append(row)
        yield stretch


def _mark(row: Row) -> bytes:
    """A row as bytes, so that NaN equals NaN."""
    return repr(row).encode()


def survey(path: str, patterns: Sequence[LinePattern] = ()) -> Survey:
    """Read a whole log file of this machine.

    Args:
        path: The file.
        patterns: A person's own patterns of lines.

    Raises:
        SourceUnavailableError: If the file cannot be read or is not one to be read.
    """
    with opened(path, ()) as descriptor:
        size = os.fstat(descriptor).st_size
        reading = Reading(Survey(patterns=patterns))
        carry = b""
        while block := os.pread(descriptor, min(BLOCK, size - (at := reading.offset + len(carry))), at):
            carry = reading.take(block, carry)
        reading.take(b"\n", carry)
    found = reading.harvest
    found.notes = tuple(dict.fromkeys(reading.notes))
    return found.without_echoes()
