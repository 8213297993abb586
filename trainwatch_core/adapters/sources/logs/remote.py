"""A training log that is a file of another machine, read by SFTP.

SFTP tells neither device nor inode, so whether the file is still the same is told by the bytes in front of the cursor
alone. A log that was moved aside is looked for under `PATH.1`, where logrotate and Python's own handlers put it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from trainwatch_core.adapters.sources.logs.follow import KERNEL, below, require_text
from trainwatch_core.adapters.sources.logs.formats import State
from trainwatch_core.adapters.sources.logs.growing import SHARE, Bounds, Follower, batch_of, cursor_of
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.rotation import goes_on, rest_of, same_begin
from trainwatch_core.model.errors import HostError, InvalidInputError, SourceUnavailableError
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.report.redact import clean

if TYPE_CHECKING:
    from trainwatch_core.adapters.ssh.files import RemoteFiles


class Files(Protocol):
    """What is needed of the SSH room."""

    def files(self, host: str, *, timeout: float) -> AbstractContextManager[RemoteFiles]:
        """The files of a host."""
        ...


@dataclass(frozen=True, slots=True)
class _RemoteLog:
    """A file of another machine, as it was when it was looked at."""

    files: RemoteFiles
    path: str
    size: int
    mtime: float

    def read(self, offset: int, size: int) -> bytes:
        return self.files.read(self.path, offset, size)


class RemoteLogSource:
    """Reads a log of another machine on from where the last fetch ended.

    Args:
        host: A host of `[hosts]`.
        path: An absolute path there.
        room: The SSH room.
        roots: Folders there that it must lie under after symbolic links are followed; empty for none at all.
        bounds: How much is read at once.
        patterns: A person's own patterns of lines.
    """

    key = "log"
    status = SourceStatus.LOG_FALLBACK
    kind = "log over SSH"

    def __init__(
        self,
        host: str,
        path: str,
        room: Files,
        roots: Sequence[str],
        bounds: Bounds | None = None,
        patterns: Sequence[LinePattern] = (),
    ) -> None:
        self.host = host
        self.path = path
        self._room = room
        self._roots = tuple(roots)
        self._follower = Follower(bounds or Bounds(), patterns)

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once; restarts as those of a log of this machine.

        Raises:
            SourceUnavailableError: If the host cannot be reached, or the file is not one to be read.
        """
        where = clean(f"{self.host}:{self.path}")
        until = time.monotonic() + deadline * SHARE
        try:
            with self._room.files(self.host, timeout=deadline) as files:
                return self._fetch(files, cursor, until, where)
        except FileNotFoundError:
            todo = "Check the path, or wait until the training has begun to log"
            raise SourceUnavailableError("There is no such log file", where=where, todo=todo) from None
        except PermissionError:
            todo = "Give the user that trainwatch logs in as the right to read it"
            raise SourceUnavailableError("The log file may not be read", where=where, todo=todo) from None
        except OSError as error:
            why = error.strerror or str(error)
            raise SourceUnavailableError(f"The log file could not be read: {why}", where=where) from None
        except (HostError, InvalidInputError) as error:
            raise SourceUnavailableError(f"The log's host cannot be asked: {error}", where=where) from error

    def _fetch(self, files: RemoteFiles, cursor: Cursor | None, until: float, where: str) -> Batch:
        log = self._opened(files, self.path, where)
        restarted = cursor is not None and not same_begin(log, cursor)
        reading = self._follower.take(log, None if restarted else cursor, None, until)
        if restarted and cursor is not None:
            onward = self._onward(files, cursor, reading.harvest, where)
            if onward is not None:
                reading, restarted = self._follower.take(log, None, onward, until), False
        own: Mapping[str, Any] = cursor_of(log, reading)
        return batch_of(log, reading, own, where, restarted=restarted)

    def _opened(self, files: RemoteFiles, path: str, where: str) -> _RemoteLog:
        real = files.real(path)
        found = files.stat(real)
        if not found.regular:
            raise SourceUnavailableError(
                "This is no regular file, so it is not read as a log",
                where=where,
                todo="Give the file that the trainer writes",
            )
        # The path is asked for again below, by its real name: a link that is changed in between leads nowhere else.
        roots = [files.real(root) for root in self._roots]
        if below(real, KERNEL) or not below(real, tuple(roots)):
            raise SourceUnavailableError(
                "The log file lies outside of the allowed directories of that host",
                where=where,
                todo=f"See log_roots of [hosts.{self.host}] in the configuration",
            )
        require_text(files.read(real, 0, 8), where)
        return _RemoteLog(files, real, found.size, found.mtime)

    def _onward(self, files: RemoteFiles, cursor: Cursor, anew: Harvest, where: str) -> Harvest | None:
        """Where the old file ended, if the log was moved aside and the run goes on in the new one."""
        rest = None
        try:
            old = self._opened(files, f"{self.path}.1", where)
            rest = rest_of(old, cursor, self._follower.patterns) if same_begin(old, cursor) else None
        except (OSError, SourceUnavailableError):
            pass  # it was not moved aside, but emptied
        state = State.from_json(cursor["state"]) if rest is None else rest.state
        if goes_on(state, anew) or (rest is not None and not anew.samples):
            return rest or Harvest(state, self._follower.patterns)
        return None
