"""A growing CSV file: Lightning's `metrics.csv`, Ultralytics' `results.csv`, Keras' CSVLogger, anybody's.

Some writers (Lightning) write the whole file anew when a new metric appears. Then it is read from its start again, and
the rows that are known are passed by.
"""

from __future__ import annotations

import csv
import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from trainwatch_core.adapters.sources.gathering import MAX_NAME, Gathering
from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.adapters.sources.logs.formats import names
from trainwatch_core.adapters.sources.logs.formats.names import Sign
from trainwatch_core.adapters.sources.logs.growing import LocalLog, anchor
from trainwatch_core.adapters.sources.wandb.values import number
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.report.redact import clean, plain

_BLOCK = 1024 * 1024
_LONGEST_LINE = 1024 * 1024
_COLUMNS = 2048
_SHARE = 0.8  # of the deadline that reading may take
_DELIMITERS = (",", ";", "\t")
_EPOCH_RANK = 0.5  # an epoch says where a row stands if no step does


@dataclass(slots=True)
class _Table:
    """A table as far as it was read.

    Attributes:
        head: Its line of names; empty if that was not read yet.
        rows: How many rows.
        mark: A checksum of where they stand, to know them again in a file that was written anew.
        offset: Where the next line begins.
        last: The step of the last row.
        delimiter: What parts the cells.
        columns: Their names.
        place: The column that says the step; -1 if rows are counted.
    """

    head: str = ""
    rows: int = 0
    mark: int = 0
    offset: int = 0
    last: float = 0.0
    delimiter: str = ","
    columns: list[str] = field(default_factory=list)
    place: int = -1

    def entitle(self, head: str) -> bool:
        """Take the line of names; False if it is none."""
        self.head, self.delimiter = head, max(_DELIMITERS, key=head.count)
        self.columns = [cell.strip("# ")[:MAX_NAME] for cell in self._cells(head)]
        ranks = [
            names.step_rank(name, Sign.ASSIGNED) or _EPOCH_RANK * (names.spoken(name) in names.EPOCHS)
            for name in self.columns
        ]
        self.place = ranks.index(max(ranks)) if any(ranks) else -1
        return any(self.columns) and all(_value(name) is None for name in self.columns)

    def take(self, line: str, found: Gathering | None) -> None:
        """Take a row into `found`; None if the row is known."""
        values = [_value(cell) for cell in self._cells(line)]
        stated = values[self.place] if 0 <= self.place < len(values) else None
        self.last = float(self.rows) if self.place < 0 else self.last if stated is None else stated
        self.rows += 1
        self.mark = zlib.crc32(repr(self.last).encode(), self.mark)
        for at, (name, value) in enumerate(zip(self.columns, values, strict=False) if found is not None else ()):
            if found is not None and value is not None and name and at != self.place:
                found.add(name, self.last, value)

    def _cells(self, line: str) -> list[str]:
        try:
            row = next(csv.reader([line], delimiter=self.delimiter, skipinitialspace=True), [])
        except csv.Error:  # a line break within, a field beyond all measure
            row = line.split(self.delimiter)
        return [cell.strip() for cell in row[:_COLUMNS]]


class CsvSource:
    """Reads the rows of a CSV file after those that were read.

    Args:
        path: The file.
        roots: Directories that it must lie under; empty for anywhere.
    """

    key = "csv"
    status = SourceStatus.LOG_FALLBACK
    kind = "csv"

    def __init__(self, path: str, roots: tuple[str, ...] = ()) -> None:
        self.path = path
        self.roots = roots

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        Raises:
            SourceUnavailableError: If the file cannot be read, or begins with no line of names.
        """
        until = time.monotonic() + deadline * _SHARE
        with opened(self.path, self.roots) as descriptor:
            about, found, restarted = os.fstat(descriptor), Gathering(), False
            table = _appended(descriptor, about, cursor)
            if table is None:
                table, known = _Table(), (0, 0) if cursor is None else (cursor["rows"], cursor["mark"])
                self._read(descriptor, about.st_size, table, until, rows=known[0])
                if (table.rows, table.mark) != known:
                    table, restarted = _Table(), True
            self._read(descriptor, about.st_size, table, until, found)
            later = _cursor(descriptor, about, table)
        return Batch(
            rows=found.rows(),
            info=RunInfo(
                name=clean(os.path.basename(self.path), 100),  # noqa: PTH119  # a name for people
                heartbeat_at=about.st_mtime,
                last_step=table.last if table.rows else None,
            ),
            cursor=later,
            inspected=(clean(self.path),),
            notes=("The newest rows were not read yet; reading goes on next time.",) if found.full else (),
            restarted=restarted,
        )

    def _read(
        self,
        descriptor: int,
        size: int,
        table: _Table,
        until: float,
        found: Gathering | None = None,
        rows: int | None = None,
    ) -> None:
        """Read rows until the file, the time or the room ends, or there are as many as `rows`."""
        for line, end in _lines(descriptor, table.offset, size, self.path):
            if rows is not None and table.rows >= rows:
                return
            if table.head and line.strip():
                table.take(line, found)
            elif line.strip() and not line.startswith("#{") and not table.entitle(line):
                raise SourceUnavailableError(
                    "This CSV file does not begin with the names of its columns",
                    where=clean(self.path),
                    todo="Give the file that the logger of the training writes",
                )
            table.offset = end
            if (found is not None and found.full) or time.monotonic() > until:
                return


def _appended(descriptor: int, about: os.stat_result, cursor: Cursor | None) -> _Table | None:
    """The table as it was, if the file has only grown since."""
    if cursor is None or (about.st_dev, about.st_ino) != (cursor["device"], cursor["inode"]):
        return None
    if about.st_size < cursor["offset"] or anchor(LocalLog(descriptor, about), cursor["offset"]) != cursor["anchor"]:
        return None
    table = _Table()
    if cursor["head"]:
        table.entitle(cursor["head"])
    table.rows, table.mark = cursor["rows"], cursor["mark"]
    table.offset, table.last = cursor["offset"], cursor["last"]
    return table


def _cursor(descriptor: int, about: os.stat_result, table: _Table) -> Cursor:
    return {
        "device": about.st_dev,
        "inode": about.st_ino,
        "offset": table.offset,
        "anchor": anchor(LocalLog(descriptor, about), table.offset),
        "head": table.head,
        "rows": table.rows,
        "mark": table.mark,
        "last": table.last,
    }


def _lines(descriptor: int, start: int, size: int, path: str) -> Iterator[tuple[str, int]]:
    """The whole lines from `start` on, each with the place where the next one begins."""
    carry, place = b"", start
    while place < size and (block := os.pread(descriptor, min(_BLOCK, size - place), place)):
        place += len(block)
        *whole, carry = (carry + block).split(b"\n")
        end = place - len(carry) - sum(len(line) + 1 for line in whole)
        for line in whole:
            end += len(line) + 1
            yield plain(line.decode("utf-8-sig", "replace")), end
        if len(carry) > _LONGEST_LINE:
            raise SourceUnavailableError(f"A line of more than {_LONGEST_LINE} bytes is no CSV", where=clean(path))


def _value(cell: str) -> float | None:
    """The number in a cell; None if it holds none."""
    try:
        return float(cell)
    except ValueError:
        return number(cell)
