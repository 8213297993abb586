"""A training log that is a file of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.adapters.sources.logs.formats import State
from trainwatch_core.adapters.sources.logs.growing import SHARE, Bounds, Follower, LocalLog, batch_of, cursor_of
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.reading import Reading
from trainwatch_core.adapters.sources.logs.rotation import goes_on, rest_of_old, same_file
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import Batch, Cursor, SourceStatus


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
        self._follower = Follower(bounds or Bounds(), patterns)

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        A log that was replaced, emptied or rewritten is read anew, and the batch says `restarted`; unless its steps go
        on where those of the old file ended.

        Raises:
            SourceUnavailableError: If the file cannot be read or is not one to be read.
        """
        until = time.monotonic() + deadline * SHARE
        with opened(self.path, self.roots) as descriptor:
            log = LocalLog(descriptor, os.fstat(descriptor))
            restarted = cursor is not None and not same_file(log, cursor)
            reading = self._follower.take(log, None if restarted else cursor, None, until)
            if restarted and cursor is not None and (onward := self._onward(cursor, reading.harvest)) is not None:
                reading, restarted = self._follower.take(log, None, onward, until), False
            return batch_of(log, reading, _cursor(log, reading), self.path, restarted=restarted)

    def _onward(self, cursor: Cursor, anew: Harvest) -> Harvest | None:
        """Where the old file ended, if the log was moved aside and the run goes on in the new one."""
        patterns = self._follower.patterns
        rest = rest_of_old(self.path, self.roots, cursor, patterns)
        old = State.from_json(cursor["state"]) if rest is None else rest.state
        if goes_on(old, anew) or (rest is not None and not anew.samples):
            return rest or Harvest(old, patterns)
        return None


def _cursor(log: LocalLog, reading: Reading[Harvest]) -> Mapping[str, Any]:
    return {"device": log.found.st_dev, "inode": log.found.st_ino, **cursor_of(log, reading)}
