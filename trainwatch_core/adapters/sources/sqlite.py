"""Reading other people's SQLite files: read only, by a deadline, and only where a file may be read at all."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.model.errors import SourceUnavailableError
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
