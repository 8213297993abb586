"""Failures of the database in the words of `model/errors.py`: SQLAlchemy's exceptions end here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from trainwatch_core.adapters.stores import dialect
from trainwatch_core.model.errors import StorageError


@contextmanager
def in_words(place: str) -> Iterator[None]:
    """Turn what fails inside into a StorageError.

    Args:
        place: The path of the database.

    Raises:
        StorageError: If the database failed, or holds something that cannot be read.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        what, todo = dialect.advice(error)
        raise StorageError(f"{what}: {_short(error)}", where=place, todo=todo) from error
    except OSError as error:
        reason = error.strerror or str(error)
        todo = "Check that the file and its directory exist and can be written"
        raise StorageError(f"The database cannot be opened: {reason}", where=place, todo=todo) from error
    except StatementError as error:
        todo = "Nothing was written. A plug-in gave a value of another type than it promised"
        raise StorageError(f"A value cannot be stored: {_short(error)}", where=place, todo=todo) from error
    except (SQLAlchemyError, ValueError, TypeError, LookupError) as error:
        todo = "Move the database away and put a backup in its place"
        raise StorageError(f"A stored row cannot be read: {_short(error)}", where=place, todo=todo) from error


def _short(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error)[:300]
