"""A log that was moved aside while the run goes on (logrotate): nothing of it is lost, and what is known stays.

Whether the run goes on is told by its steps: they go on where the old file ended. A new run under the old name begins
at its first step again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.adapters.sources.logs.formats import State
from trainwatch_core.adapters.sources.logs.growing import Growing, LocalLog, anchor
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.reading import BLOCK, Reading
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import Cursor

_MOST = 64 * 1024 * 1024
_NEIGHBOURS = 10_000


def same_file(log: LocalLog, cursor: Cursor) -> bool:
    """Whether the file is still the one that the cursor was made in: not replaced, emptied, or emptied and refilled."""
    same = (log.found.st_dev, log.found.st_ino) == (cursor["device"], cursor["inode"])
    return same and same_begin(log, cursor)


def same_begin(log: Growing, cursor: Cursor) -> bool:
    """Whether what was read up to the cursor is still there: not emptied, nor emptied and refilled."""
    return bool(anchor(log, int(cursor["offset"])) == cursor["anchor"])


def rest_of_old(path: str, roots: tuple[str, ...], cursor: Cursor, patterns: Sequence[LinePattern]) -> Harvest | None:
    """What was still written to the old file after the last look; None if it is not found beside the new one."""
    aside = _aside(os.path.expanduser(path), int(cursor["inode"]))  # noqa: PTH111  # a path kept as text
    if aside is None:
        return None
    try:
        with opened(aside, roots) as descriptor:
            log = LocalLog(descriptor, os.fstat(descriptor))
            return rest_of(log, cursor, patterns) if same_file(log, cursor) else None
    except SourceUnavailableError:
        return None


def rest_of(log: Growing, cursor: Cursor, patterns: Sequence[LinePattern]) -> Harvest | None:
    """All that stands in a log behind the cursor; None if that is more than anybody writes between two looks."""
    if log.size - cursor["offset"] > _MOST:
        return None
    harvest = Harvest(State.from_json(cursor["state"]), patterns)
    reading = Reading(harvest, int(cursor["offset"]), skipping=bool(cursor["skipping"]))
    carry = b""
    while block := log.read(reading.offset + len(carry), BLOCK):
        carry = reading.take(block, carry)
    reading.take(b"\n", carry)
    return harvest


def goes_on(old: State, anew: Harvest) -> bool:
    """Whether what a new file begins with follows on the last step of the old one."""
    first = anew.first_step
    return first is not None and old.place.counts_steps and anew.state.place.counts_steps and first > old.place.step


def _aside(path: str, inode: int) -> str | None:
    """The file in the log's folder that has this inode, under a name that begins with that of the log."""
    name = os.path.basename(path)  # noqa: PTH119  # text
    try:
        with os.scandir(os.path.dirname(path) or ".") as entries:  # noqa: PTH120  # likewise
            for _, entry in zip(range(_NEIGHBOURS), entries, strict=False):
                if entry.inode() == inode and entry.name.startswith(name.partition(".")[0]):
                    return entry.path
    except OSError:
        return None
    return None
