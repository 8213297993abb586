"""Marks that make a second execution of the same stop harmless, also after a crash or from another process."""

from __future__ import annotations

import re
from pathlib import Path

from trainwatch_core.adapters.durable import sync_directory, write_new
from trainwatch_core.model.errors import StopRefusedError

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NOTE = "processes"


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
            raise StopRefusedError(
                f"The mark of this stop could not be written ({error.strerror}), so nothing was done",
                where=str(mark),
                todo="Make room or give the right to write there, then approve a new request",
            ) from error
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

    def _mark(self, token: str) -> Path:
        if not _TOKEN.fullmatch(token):
            raise StopRefusedError("This is not the id of a stop request", where=repr(token[:80]))
        return self._root / token
