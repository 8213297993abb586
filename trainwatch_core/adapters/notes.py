"""Project notes: text appended to a Markdown file of the person's, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from trainwatch_core.adapters.durable import sync_directory
from trainwatch_core.model.errors import StorageError
from trainwatch_core.ports import Clock

_LOCK_WITHIN = 5.0
_PAUSE = 0.05


class FileNotebook:
    """Appends to files of this machine. Several processes may append to one file: each note stays in one piece.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def append(self, path: str, text: str) -> None:
        """Append a note as a paragraph of its own, synced to disk. The file is created if its directory is there.

        Args:
            path: A regular file, or a link to one.
            text: Markdown, as it shall stand there.

        Raises:
            StorageError: If it was not appended; the file is as it was then.
        """
        try:
            self._append(Path(path).expanduser(), text)
        except (OSError, ValueError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StorageError(
                f"The note could not be appended: {why}",
                where=repr(path[:300]),
                todo="Name a text file in a directory that exists and may be written to",
            ) from error

    def require_writable(self, path: str) -> None:
        """See `ports.Notebook.require_writable`."""
        place = Path(path).expanduser()
        try:
            if place.exists():
                _require_regular(place.stat())
            can = os.access(place if place.exists() else place.parent, os.W_OK)
        except (OSError, ValueError, RuntimeError) as error:
            can, why = False, str(error)
        else:
            why = "its directory is missing" if not place.parent.is_dir() else "nobody here may write there"
        if not can:
            raise StorageError(
                f"No note could be appended: {why}",
                where=repr(path[:300]),
                todo="Name a text file in a directory that exists and may be written to",
            )

    def _append(self, path: Path, text: str) -> None:
        created = not path.exists()
        if not created:
            # To open a device or a pipe can already do something, or never return.
            _require_regular(path.stat())
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        handle = os.open(path, flags, 0o644)
        try:
            _require_regular(os.fstat(handle))
            self._lock(handle)
            _write_whole(handle, text)
        finally:
            os.close(handle)
        if created:
            sync_directory(path.resolve().parent)

    def _lock(self, handle: int) -> None:
        deadline = self._clock.monotonic() + _LOCK_WITHIN
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock.monotonic() >= deadline:
                    raise
                self._clock.sleep(_PAUSE)
            else:
                return


def _write_whole(handle: int, text: str) -> None:
    """Append in one write and sync; take back what a full disk has let through."""
    size = os.fstat(handle).st_size
    gap = "" if size == 0 else "\n" if os.pread(handle, 1, size - 1) == b"\n" else "\n\n"
    content = f"{gap}{text.rstrip()}\n".encode("utf-8", "replace")
    whole = False
    try:
        whole = os.write(handle, content) == len(content)
        os.fsync(handle)
    finally:
        if not whole:
            os.ftruncate(handle, size)
    if not whole:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("this is no regular file")
