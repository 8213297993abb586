"""A training log that is a file of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainwatch_core.adapters.sources.logs.follow import anchor, opened
from trainwatch_core.adapters.sources.logs.formats import State
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.lines import TAIL_BYTES, evidence, text_lines
from trainwatch_core.adapters.sources.logs.reading import BLOCK, Reading
from trainwatch_core.adapters.sources.logs.rotation import goes_on, rest_of_old, same_file
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.report.redact import clean

_MIB = 1024 * 1024
# Seconds without a write after which an unfinished last line counts as finished. Long: a trainer whose output is
# buffered in blocks leaves half lines, and half numbers, for minutes.
_STILL = 600.0
_SHARE = 0.8  # of the deadline that reading may take


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a log is read in one fetch.

    Attributes:
        first: Bytes at the end of a log that is seen for the first time.
        behind: Bytes that reading may be behind; if it is more, it goes on at the last `first` bytes.
    """

    first: int = 8 * _MIB
    behind: int = 64 * _MIB


class LogFileSource:
    """Reads a log file on from where the last fetch ended, by device, inode and offset.

    Args:
        path: A file of this machine.
        roots: Directories that it must lie under after symbolic links are followed; empty for anywhere.
        bounds: How much is read at once.
        patterns: A person's own patterns of lines.
    """

    key = "log"
    status = SourceStatus.LOG_FALLBACK
    kind = "log file"

    def __init__(
        self,
        path: str,
        roots: tuple[str, ...] = (),
        bounds: Bounds | None = None,
        patterns: Sequence[LinePattern] = (),
    ) -> None:
        self.path = path
        self.roots = roots
        self.bounds = bounds or Bounds()
        self.patterns = patterns

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        A log that was replaced, emptied or rewritten is read anew, and the batch says `restarted`; unless its steps go
        on where those of the old file ended.

        Raises:
            SourceUnavailableError: If the file cannot be read or is not one to be read.
        """
        until = time.monotonic() + deadline * _SHARE
        with opened(self.path, self.roots) as descriptor:
            found = os.fstat(descriptor)
            restarted = cursor is not None and not same_file(descriptor, found, cursor)
            reading = self._take(descriptor, found, None if restarted else cursor, None, until)
            if restarted and cursor is not None and (onward := self._onward(cursor, reading.harvest)) is not None:
                reading, restarted = self._take(descriptor, found, None, onward, until), False
            tail = evidence(os.pread(descriptor, TAIL_BYTES, max(0, found.st_size - TAIL_BYTES)))
            return self._batch(found, reading, _cursor(descriptor, found, reading), tail, restarted=restarted)

    def _onward(self, cursor: Cursor, anew: Harvest) -> Harvest | None:
        """Where the old file ended, if the log was moved aside and the run goes on in the new one."""
        rest = rest_of_old(self.path, self.roots, cursor, self.patterns)
        old = State.from_json(cursor["state"]) if rest is None else rest.state
        if goes_on(old, anew) or (rest is not None and not anew.samples):
            return rest or Harvest(old, self.patterns)
        return None

    def _take(
        self, descriptor: int, found: os.stat_result, cursor: Cursor | None, onward: Harvest | None, until: float
    ) -> Reading[Harvest]:
        """Read what is new; `onward` is what came before the first line of a new file."""
        reading = self._start(found.st_size, cursor, onward)
        carry = self._read(descriptor, found.st_size, reading, until)
        still = time.time() - found.st_mtime > _STILL
        if carry and still and reading.offset + len(carry) == found.st_size:
            # Its rest, should it ever come, is passed over: no line is understood twice.
            reading.harvest.read(text_lines(carry))
            reading.offset, reading.skipping = found.st_size, True
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

    def _read(self, descriptor: int, size: int, reading: Reading[Harvest], until: float) -> bytes:
        """Read up to `size`, block by block; returns what was read of the last, unfinished line."""
        carry = b""
        while (place := reading.offset + len(carry)) < size:
            block = os.pread(descriptor, min(BLOCK, size - place), place)
            if not block:
                break
            carry = reading.take(block, carry)
            if reading.harvest.full or time.monotonic() > until:
                if reading.offset + len(carry) < size:
                    reading.notes.append("The newest lines of the log were not read yet; reading goes on next time.")
                break
        return carry

    def _batch(
        self,
        found: os.stat_result,
        reading: Reading[Harvest],
        cursor: Cursor,
        tail: tuple[str, ...],
        *,
        restarted: bool,
    ) -> Batch:
        name = clean(os.path.basename(self.path), 100)  # noqa: PTH119  # a name for people, of a path kept as text
        return Batch(
            rows=reading.harvest.rows(),
            info=reading.harvest.info(name, found.st_mtime),
            cursor=cursor,
            events=tuple(reading.harvest.events),
            inspected=(clean(self.path),),
            tail=tail,
            notes=tuple(dict.fromkeys(reading.notes)),
            restarted=restarted,
        )


def _cursor(descriptor: int, found: os.stat_result, reading: Reading[Harvest]) -> Mapping[str, Any]:
    return {
        "device": found.st_dev,
        "inode": found.st_ino,
        "offset": reading.offset,
        "anchor": anchor(descriptor, reading.offset),
        "skipping": reading.skipping,
        "state": reading.harvest.state.to_json(),
    }
