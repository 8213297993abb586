"""All that SQLite wants done its own way. A second database gets its own functions here, and nowhere else."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import QueuePool

from trainwatch_core.model.errors import StorageError

WRITES = "trainwatch_writes"
"""The execution option of connections whose transactions write."""

_BUSY_SECONDS = 10.0
_BUSY_PAUSE = 0.02
_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON")


def sqlite_engine(path: Path) -> sa.Engine:
    """An engine on a SQLite file, created readable for its owner only if it is missing.

    Connections are made as they are needed, may be used from any thread, and eight of them are kept.

    Raises:
        OSError: If the file or its directory cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        # The driver begins nothing by itself: `_begin` says how.
        connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    _turn_to_wal(connection)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _turn_to_wal(connection: sqlite3.Connection) -> None:
    # SQLite gives no busy timeout for this one change: of several that open a new database, all but one would fail.
    patience = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= patience:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and then writes fails at once if somebody wrote in between; the busy timeout does
    # not help it. One that takes the write lock at its beginning waits for its turn.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def require_wal(connection: sa.Connection, place: str) -> None:
    """Refuse a database that has no write-ahead log.

    Raises:
        StorageError: If the file system cannot do it (network shares).
    """
    if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
        raise StorageError(
            "The database cannot keep a write-ahead log here",
            where=place,
            todo="Put it on a local disk: network shares and in-memory databases cannot be used",
        )


def insert_new(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> None:
    """Insert a row; one with the same unique key is left as it is."""
    connection.execute(sqlite.insert(table).values(values).on_conflict_do_nothing())


def back_up(path: Path, copy: Path) -> None:
    """Copy a database, all that was committed, to a file that appears complete or not at all.

    Raises:
        OSError: If the copy cannot be written.
        sqlite3.Error: Likewise, or if the database cannot be read.
    """
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(copy)


def advice(error: BaseException) -> tuple[str, str]:
    """What went wrong in the database and what a person can do, by SQLite's result code."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, sqlite3.Error):
        cause = getattr(cause, "orig", None) or cause.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    # The low byte is the kind of the failure, the rest its circumstances.
    return _ADVICE.get(code & 0xFF, _UNKNOWN) if isinstance(code, int) else _UNKNOWN


_UNKNOWN = ("The database failed", "Nothing was written. `PRAGMA integrity_check` tells whether the file is sound")
_ADVICE = {
    sqlite3.SQLITE_FULL: ("The disk is full", "Nothing was written. Free some space: the next try goes on from here"),
    sqlite3.SQLITE_IOERR: ("The disk failed", "Nothing was written. Look at the disk, its quota and the system log"),
    sqlite3.SQLITE_READONLY: ("The database cannot be written", "Make the file and its directory writable"),
    sqlite3.SQLITE_CANTOPEN: (
        "The database cannot be opened",
        "Check that the directory is writable, and that this process has not run out of open files",
    ),
    sqlite3.SQLITE_PERM: ("The database cannot be opened", "Check the permissions of the file and its directory"),
    sqlite3.SQLITE_CORRUPT: ("The database is damaged", "Move it away and put a backup in its place"),
    sqlite3.SQLITE_NOTADB: ("This file is no database", "Name another file, or move this one away"),
    sqlite3.SQLITE_BUSY: (
        f"The database was locked for {_BUSY_SECONDS:g} seconds",
        "Nothing was written. Find the other program that holds it, e.g. with `fuser`",
    ),
    sqlite3.SQLITE_CONSTRAINT: ("The database refused a row that breaks its rules", "Nothing was written"),
}
