"""From lines to samples. Nothing is read from disk here, and nothing in a line is ever more than a name or a number."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from trainwatch_core.adapters.sources.logs.formats import events as _events
from trainwatch_core.adapters.sources.logs.formats import lists, tables
from trainwatch_core.adapters.sources.logs.formats.axis import Axis, number
from trainwatch_core.adapters.sources.logs.formats.blocks import Blocks
from trainwatch_core.adapters.sources.logs.formats.lane import LEAST, LONGEST, Lane, floats, lane_of, steps_of
from trainwatch_core.adapters.sources.logs.formats.layout import NUMBER, PADDING, Layout
from trainwatch_core.adapters.sources.logs.formats.sketch import layout_of, layout_of_fields
from trainwatch_core.adapters.sources.logs.formats.spelling import spelled
from trainwatch_core.adapters.sources.logs.formats.state import Parsed, State, Witness
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import LogEvent
from trainwatch_core.model.series import Rows

LINE_LIMIT = 65536
MAX_METRICS = 64
_BATCH = 1024
_CACHE = 2048
_CACHED_LENGTH = 4096
_REGULAR = 8  # lines of a kind before it gets a lane of its own
_NAN = float("nan")


def parse(
    lines: Iterable[str],
    state: State | None = None,
    witness: Witness | None = None,
    patterns: Sequence[LinePattern] = (),
) -> Parsed:
    """Read lines of a training log, whatever trainer printed them.

    The result does not depend on how the lines are cut into calls. Linear in the length of the lines, which are cut at
    LINE_LIMIT characters. Local times are read as those of this machine.

    Args:
        lines: Clean text, one line each (see `lines.text_lines`).
        state: What the last call gave; None for the start of a log.
        witness: Is told each line that gave samples; None if nobody asks for the order across metrics.
        patterns: A person's own patterns; they are tried first.
    """
    reader = _Reader(state or State(), witness, patterns)
    remaining = iter(lines)
    while some := list(islice(remaining, _BATCH)):
        reader.read(some)
    return reader.result()


class _Kind:
    """A layout, and where its samples go (bound when the first line of the kind is taken)."""

    __slots__ = ("lane", "layout", "seen", "sinks")

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.seen = 0
        self.lane: Lane | None = None
        self.sinks: list[tuple[int, _Column]] | None = None


class _Column:
    """The samples of one metric so far."""

    __slots__ = ("mark", "name", "steps", "times", "values")

    def __init__(self, name: str, mark: float | None) -> None:
        self.name, self.mark = name, mark
        self.steps, self.values, self.times = array("d"), array("d"), array("d")


class _Reader:
    def __init__(self, state: State, witness: Witness | None, patterns: Sequence[LinePattern]) -> None:
        self.witness = witness
        self.patterns = [(pattern, _Kind(layout_of_fields(pattern.numbered))) for pattern in patterns]
        self.blocks = Blocks.from_json(dict(state.block))
        self.place = replace(state.place)
        self.head = state.head
        self.table = tables.head(state.head, unsure=True) if state.head else None
        self.row = _Kind(self.table.layout) if self.table else None
        self.kinds: dict[tuple[str, ...], _Kind | None] = {}
        self.columns = {name: _Column(name, mark) for name, mark in state.marks.items()}
        self.events: list[LogEvent] = []
        self.understood = 0
        self.taken: _Kind | None = None  # of the last line, if it may be the first of many
        self.date, self.time = "", _NAN

    def result(self) -> Parsed:
        samples = {
            name: Rows(np.array(column.steps), np.array(column.values), np.array(column.times))
            for name, column in self.columns.items()
            if column.steps
        }
        marks = {name: column.mark for name, column in self.columns.items() if column.mark is not None}
        return Parsed(
            samples,
            tuple(self.events),
            self.understood,
            State(replace(self.place), self.head, marks, self.blocks.to_json()),
        )

    def read(self, lines: list[str]) -> None:
        slow = bool(self.witness or self.patterns) or max(map(len, lines)) > LONGEST
        at = 0
        while at < len(lines):
            line = lines[at]
            at += 1
            self._event(line)
            kind = self._one(line if len(line) <= LINE_LIMIT else line[:LINE_LIMIT])
            if not slow and kind is not None:
                at += self._run(kind, lines, at)

    def _one(self, line: str) -> _Kind | None:
        """Take one line; returns its kind, if further lines may be of the same."""
        self.taken = None
        if self.blocks.concerned or self.blocks.may_open(line):
            for joined, count in self.blocks.take(line):
                self._line(joined, count)
        else:
            self._line(line)
        return self.taken

    def _run(self, kind: _Kind, lines: list[str], start: int) -> int:
        """Take lines of the kind of the last one all at once; returns how many were taken."""
        lane = kind.lane
        if lane is None or kind.sinks is None or (self.table is not None and self.table.delimiter):
            return 0
        rows = lane.run(lines, start)
        if len(rows) < LEAST:
            return 0
        columns = list(zip(*rows, strict=True))
        steps = steps_of(self.place, kind.layout, lane, columns)
        if steps is None:
            return 0
        date = kind.layout.date_at
        times = (
            [self._when(line, date) for line in lines[start : start + len(rows)]] if date >= 0 else [_NAN] * len(rows)
        )
        for index, column in kind.sinks:
            column.mark = steps[-1]
            column.steps.fromlist(steps)
            column.values.fromlist(floats(columns[lane.place[index]]))
            column.times.fromlist(times)
        self.understood += len(rows)
        return len(rows)

    def _event(self, line: str) -> None:
        step = self.place.step if self.place.known or self.columns else None
        if len(self.events) < _events.MAX_EVENTS and (event := _events.event(line, step)):
            self.events.append(event)

    def _line(self, line: str, count: int = 1) -> None:
        """Read a line, which may stand for several of the log."""
        before = self.understood
        if self.patterns and self._patterned(line):
            return
        line = spelled(line)
        if lists.may_be_lists(line) and (rows := lists.rows_of(line)):
            for row in rows:
                self._plain(row)
        else:
            self._plain(line)
        if self.understood > before:
            self.understood = before + count

    def _patterned(self, line: str) -> bool:
        for pattern, kind in self.patterns:
            numbers = pattern.numbers(line)
            if numbers is not None:
                self._take(kind, numbers, line)
                return True
        return False

    def _plain(self, line: str) -> None:
        if self.table is not None and self.table.fits(line) and self._row(line):
            return
        parts = NUMBER.split(PADDING.sub(" ", line) if "  " in line else line)
        if len(parts) == 1:
            self._text(line)
            return
        key = tuple(parts[::2])
        try:
            kind = self.kinds[key]
        except KeyError:
            kind = self._analyse(key, line)
        if kind is not None:
            self._take(kind, parts[1::2], line)
            kind.seen += 1
            if kind.seen == _REGULAR and kind.layout.pairs:
                kind.lane = lane_of(key, parts[1::2], kind.layout)
            self.taken = kind
        if self.table is not None and not self.table.delimiter and (kind is None or not kind.layout.pairs):
            self._row(line)

    def _row(self, line: str) -> bool:
        row = self.table.row(line) if self.table else None
        if row is None or self.row is None:
            return False
        self._take(self.row, row, line)
        return True

    def _analyse(self, key: tuple[str, ...], line: str) -> _Kind | None:
        if tables.under_a_bar(line) and self._text(line):
            return None  # and not remembered: the table begins anew each time
        layout = layout_of(key, line)
        kind = None if layout is None else _Kind(layout)
        if layout is None or not layout.pairs:
            self._text(line)
        if len(self.kinds) >= _CACHE:
            self.kinds.clear()
        if len(line) <= _CACHED_LENGTH:
            self.kinds[key] = kind
        return kind

    def _text(self, line: str) -> bool:
        """Whether a line opens a table, which is read from then on."""
        if len(line) > _CACHED_LENGTH or not tables.may_be_head(line):
            return False
        table = tables.head(line, unsure=self.table is None)
        if table is None:
            return False
        self.table, self.row, self.head = table, _Kind(table.layout), line
        return True

    def _take(self, kind: _Kind, numbers: list[str], line: str) -> None:
        layout, place = kind.layout, self.place
        if layout.step >= 0 or layout.epoch >= 0:
            place.move(layout, numbers)
        elif not (layout.decisive if place.known else layout.plain):
            return
        sinks = kind.sinks
        if sinks is None:
            sinks = kind.sinks = self._bind(layout)
        if not sinks:
            return
        if place.axis is not Axis.STEP and any(column.mark == place.step for _, column in sinks):
            place.count()
        step = place.step
        when = self._when(line, layout.date_at) if layout.date_at >= 0 else _NAN
        for index, column in sinks:
            text = numbers[index]
            if text:
                column.mark = step
                column.steps.append(step)
                column.values.append(number(text))
                column.times.append(when)
        self.understood += 1
        if self.witness is not None:
            self.witness(step, [(column.name, number(numbers[index])) for index, column in sinks if numbers[index]])

    def _bind(self, layout: Layout) -> list[tuple[int, _Column]]:
        sinks = []
        for index, name in layout.pairs:
            if name not in self.columns and len(self.columns) < MAX_METRICS:
                self.columns[name] = _Column(name, None)
            if name in self.columns:
                sinks.append((index, self.columns[name]))
        return sinks

    def _when(self, line: str, start: int) -> float:
        date = line[start : start + 30]
        if date[:19] != self.date:  # many lines of a log are of the same second
            self.date, self.time = date[:19], _time(date)
        return self.time


def _time(date: str) -> float:
    """Unix seconds of an ISO date; NaN if it is none. Without a `Z` it is local time of this machine."""
    try:
        when = datetime.fromisoformat(date[:19])
        utc = date[19:].lstrip(".,0123456789").startswith("Z")
        return when.replace(tzinfo=UTC).timestamp() if utc else when.timestamp()
    except (ValueError, OverflowError):
        return _NAN
