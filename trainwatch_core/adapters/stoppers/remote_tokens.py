"""The marks of begun stops on another machine, in the home directory there: where the job is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trainwatch_core.adapters.shell import Ran
from trainwatch_core.adapters.stoppers.tokens import RUNG, checked, unwritten
from trainwatch_core.model.errors import HostUnreachableError
from trainwatch_core.report.redact import clean, redact

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
_TAKE = """
mkdir "$HOME/$1/$2" 2>/dev/null || { [ -d "$HOME/$1/$2" ] && exit 3; echo "$HOME/$1/$2"; exit 4; }
exit 0
"""
_TAKEN = """
[ -d "$HOME/$1/$2" ] && ls -1 "$HOME/$1/$2"
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
        return self._made(self._script(_CLAIM, checked(token), note.encode("ascii")))

    def recall(self, token: str) -> str | None:
        """The note of a stop that was begun; None if it was not.

        Raises:
            HostError: If the host cannot be asked.
        """
        ran = self._script(_RECALL, checked(token), b"")
        return ran.output.decode("ascii", "replace") if ran.exit_code == _DONE else None

    def take(self, mark: str) -> bool:
        """Make the mark of a rung; False if it was there.

        Raises:
            StopRefusedError: If it cannot be made.
            HostError: If the host cannot be asked, or nobody knows whether it made the mark.
        """
        return self._made(self._script(_TAKE, mark, b""))

    def taken(self, token: str) -> frozenset[str]:
        """The marks of rungs that were made for a stop.

        Raises:
            HostError: If the host cannot be asked.
        """
        ran = self._script(_TAKEN, checked(token), b"")
        names = ran.output.decode("ascii", "replace").split()
        return frozenset(f"{token}/{name}" for name in names if name.startswith(RUNG))

    def _made(self, ran: Ran) -> bool:
        if ran.exit_code not in {_DONE, _OTHER}:
            said = clean(redact(ran.output.decode("utf-8", "replace")), 300)
            raise unwritten(f"{self._host}: {said}", "it says no")
        return ran.exit_code == _DONE

    def _script(self, script: str, mark: str, stdin: bytes) -> Ran:
        ran = self._run(("/bin/sh", "-c", script, "trainwatch", _FOLDER, mark), stdin)
        if ran.exit_code is None:
            raise HostUnreachableError("The connection to the host was lost", where=self._host)
        return ran


def remote_place(mark: str) -> str:
    """Where the mark of a rung stands on another machine, seen from the home directory."""
    return f"{_FOLDER}/{mark}"
