"""Reading other people's SQLite files: read only, by a deadline, and only where a file may be read at all."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from trainwatch_core.adapters.sources.gathering import Gathering
from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.report.redact import clean

MAGIC = b"SQLite format 3\0"
_LOOK_EVERY = 10_000  # virtual machine steps between two looks at the clock
_BUSY = 2.0  # seconds to wait for a writer


@contextmanager
def reading(path: str, roots: tuple[str, ...], deadline: float) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write and gives up at the deadline.

    Args:
        path: A file of this machine.
        roots: Directories that it must lie under; empty for anywhere.
        deadline: Seconds.

    Raises:
        SourceUnavailableError: If the file is not one to be read, is no such database, or takes too long.
    """
    until = time.monotonic() + deadline
    with opened(path, roots) as descriptor:
        if os.pread(descriptor, len(MAGIC), 0) != MAGIC:
            raise SourceUnavailableError("This is no SQLite database", where=clean(path))
    address = f"file:{quote(os.path.realpath(os.path.expanduser(path)))}?mode=ro"  # noqa: PTH111  # a path kept as text
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=min(_BUSY, deadline))) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, _LOOK_EVERY)
            yield connection
    except sqlite3.Error as error:
        late = time.monotonic() > until
        said = "Reading the database took too long" if late else f"The database could not be read: {clean(str(error))}"
        raise SourceUnavailableError(said, where=clean(path)) from None


def tables(path: str) -> set[str]:
    """The names of the tables of a database; empty if it is none, or cannot be read."""
    try:
        with reading(path, (), _BUSY) as connection:
            return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except SourceUnavailableError:
        return set()


@dataclass(frozen=True, slots=True)
class RunInDatabase:
    """One run among others in a database file.

    Attributes:
        path: The file.
        run: Id or name of the run; empty for the newest one when it is first looked at.
        roots: Directories that the file must lie under; empty for anywhere.
    """

    path: str
    run: str = ""
    roots: tuple[str, ...] = ()

    @property
    def status(self) -> SourceStatus:
        """What the report says when it answered."""
        return SourceStatus.LOG_FALLBACK

    def missing(self) -> SourceUnavailableError:
        """That there is no such run."""
        return SourceUnavailableError(
            "This database holds no such run" if self.run else "This database holds no run yet",
            where=clean(f"{self.path}#{self.run}" if self.run else self.path),
            todo="Wait until the training has begun to log, or name a run: FILE.db#RUN",
        )

    def batch(self, found: Gathering, info: RunInfo, cursor: Cursor, *, restarted: bool) -> Batch:
        """What one fetch gave."""
        return Batch(
            rows=found.rows(),
            info=info,
            cursor=cursor,
            inspected=(clean(self.path),),
            notes=("The newest rows were not read yet; reading goes on next time.",) if found.full else (),
            restarted=restarted,
        )
