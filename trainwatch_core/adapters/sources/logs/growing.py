"""A log that grows, wherever it lies: what is read of it at once, and on from where."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trainwatch_core.adapters.sources.logs.formats import State
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.lines import TAIL_BYTES, evidence, text_lines
from trainwatch_core.adapters.sources.logs.reading import BLOCK, Reading
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.report.redact import clean

_MIB = 1024 * 1024
_ANCHOR = 64
# Seconds without a write after which an unfinished last line counts as finished. Long: a trainer whose output is
# buffered in blocks leaves half lines, and half numbers, for minutes.
_STILL = 600.0
SHARE = 0.8
"""Of the deadline that reading may take."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a log is read in one fetch.

    Attributes:
        first: Bytes at the end of a log that is seen for the first time.
        behind: Bytes that reading may be behind; if it is more, it goes on at the last `first` bytes.
    """

    first: int = 8 * _MIB
    behind: int = 64 * _MIB


class Growing(Protocol):
    """An open log, as it was when it was opened."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def mtime(self) -> float:
        """Unix seconds of the last write."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from an offset on."""
        ...


@dataclass(frozen=True, slots=True)
class LocalLog:
    """A file of this machine that is open for reading.

    Attributes:
        descriptor: Of the file.
        found: What it was when it was opened.
    """

    descriptor: int
    found: os.stat_result

    @property
    def size(self) -> int:
        """Bytes."""
        return self.found.st_size

    @property
    def mtime(self) -> float:
        """Unix seconds of the last write."""
        return self.found.st_mtime

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from an offset on."""
        return os.pread(self.descriptor, size, offset)


def anchor(log: Growing, offset: int) -> str:
    """The last bytes in front of an offset, as hex digits: they tell a log that was emptied and filled anew."""
    start = max(0, offset - _ANCHOR)
    return log.read(start, offset - start).hex() if offset else ""


@dataclass(frozen=True, slots=True)
class Follower:
    """Reads a growing log on.

    Attributes:
        bounds: How much is read at once.
        patterns: A person's own patterns of lines.
    """

    bounds: Bounds
    patterns: Sequence[LinePattern]

    def take(self, log: Growing, cursor: Cursor | None, onward: Harvest | None, until: float) -> Reading[Harvest]:
        """Read what is new.

        Args:
            log: The log.
            cursor: Where to go on; None for the end of a log that was never seen.
            onward: What came before the first line of a new file.
            until: Monotonic seconds at which reading ends for this time.
        """
        reading = self._start(log.size, cursor, onward)
        carry = _read(log, reading, until)
        still = time.time() - log.mtime > _STILL
        if carry and still and reading.offset + len(carry) == log.size:
            # Its rest, should it ever come, is passed over: no line is understood twice.
            reading.harvest.read(text_lines(carry))
            reading.offset, reading.skipping = log.size, True
        return reading

    def _start(self, size: int, cursor: Cursor | None, onward: Harvest | None) -> Reading[Harvest]:
        """Where to begin: at the cursor, or a bounded way before the end."""
        state = None if cursor is None else State.from_json(cursor["state"])
        offset = 0 if cursor is None else int(cursor["offset"])
        harvest = onward or Harvest(state, self.patterns)
        reading = Reading(harvest, offset, skipping=cursor is not None and bool(cursor["skipping"]))
        if size - offset > (self.bounds.first if cursor is None else self.bounds.behind):
            reading.offset, reading.skipping = size - self.bounds.first, True
            unread = (reading.offset - offset) / _MIB
            reading.notes.append(f"{unread:.0f} MiB of older lines were not read.")
        return reading


def _read(log: Growing, reading: Reading[Harvest], until: float) -> bytes:
    """Read up to the end, block by block; returns what was read of the last, unfinished line."""
    carry = b""
    while (place := reading.offset + len(carry)) < log.size:
        block = log.read(place, min(BLOCK, log.size - place))
        if not block:
            break
        carry = reading.take(block, carry)
        if reading.harvest.full or time.monotonic() > until:
            if reading.offset + len(carry) < log.size:
                reading.notes.append("The newest lines of the log were not read yet; reading goes on next time.")
            break
    return carry


def cursor_of(log: Growing, reading: Reading[Harvest]) -> dict[str, Any]:
    """Where to go on next time."""
    return {
        "offset": reading.offset,
        "anchor": anchor(log, reading.offset),
        "skipping": reading.skipping,
        "state": reading.harvest.state.to_json(),
    }


def batch_of(
    log: Growing, reading: Reading[Harvest], cursor: Mapping[str, Any], place: str, *, restarted: bool
) -> Batch:
    """What a fetch gave.

    Args:
        log: The log.
        reading: What was read of it.
        cursor: Where to go on.
        place: Where it lies, for people.
        restarted: Whether what is known of it is void.
    """
    harvest = reading.harvest
    return Batch(
        rows=harvest.rows(),
        info=harvest.info(clean(place.rstrip("/").rpartition("/")[2], 100), log.mtime),
        cursor=cursor,
        events=tuple(harvest.events),
        inspected=(clean(place),),
        tail=evidence(log.read(max(0, log.size - TAIL_BYTES), TAIL_BYTES)),
        notes=tuple(dict.fromkeys(reading.notes)),
        restarted=restarted,
    )
