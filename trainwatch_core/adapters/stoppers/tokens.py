"""Marks that make a second execution of the same stop harmless, also after a crash or from another process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from trainwatch_core.adapters.durable import sync_directory, write_new
from trainwatch_core.model.errors import StopRefusedError

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NOTE = "processes"
RUNG = "rung-"
"""How the names of marks of rungs begin."""
_DONE_SUFFIX = "-done"

_ONCE = """
mark=$1
case $mark in /*) ;; *) mark=$HOME/$mark ;; esac
mkdir "$mark" 2>/dev/null || exit 125
sync "${mark%/*}" 2>/dev/null
shift
exec "$@"
"""


def rung(token: str, number: int, *, done: bool = False) -> str:
    """The mark of one rung of a stop: that it was begun, or that it surely was carried out."""
    return f"{checked(token)}/{RUNG}{number}{_DONE_SUFFIX if done else ''}"


class Marks(Protocol):
    """Marks of stops that were begun."""

    def claim(self, token: str, note: str) -> bool:
        """Mark a stop as begun, before anything is done.

        Args:
            token: The request's id.
            note: What a later probe needs to know.

        Returns:
            True for the one who may act; False if the stop was begun before.

        Raises:
            StopRefusedError: If the mark cannot be written.
            HostError: If the machine that they are on cannot be asked.
        """
        ...

    def recall(self, token: str) -> str | None:
        """The note of a stop that was begun; None if it was not.

        Raises:
            HostError: If the machine that they are on cannot be asked.
        """
        ...

    def take(self, mark: str) -> bool:
        """Make the mark of a rung, in the mark of its stop; False if it was there.

        Raises:
            StopRefusedError: If it cannot be made.
            HostError: If the machine that they are on cannot be asked, or nobody knows whether it made the mark.
        """
        ...

    def taken(self, token: str) -> frozenset[str]:
        """The marks of rungs that were made for a stop.

        Raises:
            HostError: If the machine that they are on cannot be asked.
        """
        ...


class Tokens:
    """One directory for each stop that was begun. Creating a directory succeeds once, whoever tries.

    Args:
        root: Where they stand; created when needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def claim(self, token: str, note: str) -> bool:
        """Mark a stop as begun, on disk, before anything is done.

        Args:
            token: The request's id.
            note: What a later probe needs to know.

        Returns:
            True for the one who may act; False if the stop was begun before.

        Raises:
            StopRefusedError: If the mark cannot be written.
        """
        mark = self._mark(token)
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                mark.mkdir(mode=0o700)
            except FileExistsError:
                return False
            write_new(mark / _NOTE, note.encode("ascii"))
            sync_directory(mark)
            sync_directory(self._root)
        except OSError as error:
            raise unwritten(str(mark), error.strerror or "no reason given") from error
        return True

    def recall(self, token: str) -> str | None:
        """The note of a stop that was begun; None if it was not."""
        mark = self._mark(token)
        if not mark.is_dir():
            return None
        try:
            return (mark / _NOTE).read_text(encoding="ascii")
        except OSError:
            # Killed between the two: the mark alone says that it was begun.
            return ""

    def take(self, mark: str) -> bool:
        """Make the mark of a rung; False if it was there.

        Raises:
            StopRefusedError: If it cannot be made.
        """
        place = self.path(mark)
        try:
            place.mkdir(mode=0o700)
            sync_directory(place.parent)
        except FileExistsError:
            return False
        except OSError as error:
            raise unwritten(str(place), error.strerror or "no reason given") from error
        return True

    def taken(self, token: str) -> frozenset[str]:
        """The marks of rungs that were made for a stop."""
        return frozenset(f"{token}/{each.name}" for each in self._mark(token).glob(f"{RUNG}*"))

    def path(self, mark: str) -> Path:
        """Where the mark of a rung stands."""
        return self._root / mark

    def _mark(self, token: str) -> Path:
        return self._root / checked(token)


def once(argv: Sequence[str], place: str) -> tuple[str, ...]:
    """A command that makes a directory and then becomes `argv`; it ends with BEGUN_BEFORE where it cannot.

    Both happen in one process that outlives whoever started it: killed at any moment, trainwatch leaves either neither
    mark nor command, or both.

    Args:
        argv: The command.
        place: The directory; a relative path starts at the home directory.
    """
    return ("/bin/sh", "-c", _ONCE, "trainwatch", place, *argv)


def unwritten(where: str, why: str) -> StopRefusedError:
    """What is raised where a mark cannot be made."""
    return StopRefusedError(
        f"The mark of this stop could not be written ({why}), so nothing was done",
        where=where,
        todo="Make room or give the right to write there, then approve a new request",
    )


def checked(token: str) -> str:
    """The id of a request, which is a name that a directory can have.

    Raises:
        StopRefusedError: If it is none.
    """
    if not _TOKEN.fullmatch(token):
        raise StopRefusedError("This is not the id of a stop request", where=repr(token[:80]))
    return token
