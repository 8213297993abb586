"""Marks that make a second execution of the same stop harmless, also after a crash or from another process."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from trainwatch_core.adapters.durable import sync_directory, write_new
from trainwatch_core.adapters.shell import Ran
from trainwatch_core.model.errors import HostUnreachableError, StopRefusedError
from trainwatch_core.report.redact import clean, redact

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NOTE = "processes"


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
        return self._root / _checked(token)


_CLAIM = """
umask 077
mkdir -p "$HOME/$1" || exit 4
mkdir "$HOME/$1/$2" 2>/dev/null || { [ -d "$HOME/$1/$2" ] && exit 3; echo "$HOME/$1/$2"; exit 4; }
cat >"$HOME/$1/$2/processes" && sync "$HOME/$1/$2/processes" "$HOME/$1/$2" "$HOME/$1" 2>/dev/null
exit 0
"""
_RECALL = """
[ -d "$HOME/$1/$2" ] || exit 3
cat "$HOME/$1/$2/processes" 2>/dev/null
exit 0
"""
_DONE, _OTHER = 0, 3
_FOLDER = ".local/state/trainwatch/stops"


class RemoteTokens:
    """The same on another machine, in the home directory there: where the job is, so that nobody stops it twice.

    Args:
        host: Its name, for messages.
        run: Runs an argv there with an input.
    """

    def __init__(self, host: str, run: Callable[[Sequence[str], bytes], Ran]) -> None:
        self._host = host
        self._run = run

    def claim(self, token: str, note: str) -> bool:
        """Mark a stop as begun, on disk, before anything is done.

        Raises:
            StopRefusedError: If the mark cannot be written.
            HostError: If the host cannot be asked, or nobody knows whether it wrote the mark.
        """
        ran = self._script(_CLAIM, token, note.encode("ascii"))
        if ran.exit_code not in {_DONE, _OTHER}:
            raise StopRefusedError(
                "The mark of this stop could not be written, so nothing was done",
                where=f"{self._host}: {clean(redact(ran.output.decode('utf-8', 'replace')), 300)}",
                todo="Make room or give the right to write there, then approve a new request",
            )
        return ran.exit_code == _DONE

    def recall(self, token: str) -> str | None:
        """The note of a stop that was begun; None if it was not.

        Raises:
            HostError: If the host cannot be asked.
        """
        ran = self._script(_RECALL, token, b"")
        return ran.output.decode("ascii", "replace") if ran.exit_code == _DONE else None

    def _script(self, script: str, token: str, stdin: bytes) -> Ran:
        ran = self._run(("/bin/sh", "-c", script, "trainwatch", _FOLDER, _checked(token)), stdin)
        if ran.exit_code is None:
            raise HostUnreachableError("The connection to the host was lost", where=self._host)
        return ran


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise StopRefusedError("This is not the id of a stop request", where=repr(token[:80]))
    return token
