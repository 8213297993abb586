"""Which process looks after a watch: a lock that the kernel lets go of when the process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from trainwatch_core.model.errors import ConflictError, StorageError


@contextlib.contextmanager
def exclusive(folder: Path, name: str) -> Iterator[bool]:
    """Hold a name while the block runs; False if another worker, of whatever process, holds it.

    Args:
        folder: Where the lock files lie; made if it is missing.
        name: Letters, digits and dashes.

    Raises:
        StorageError: If the lock file cannot be made.
    """
    descriptor = _open(folder, name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = True
    except OSError:
        held = False
    try:
        yield held
    finally:
        os.close(descriptor)


def _open(folder: Path, name: str) -> int:
    path = folder / f"{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"The lock file cannot be made: {error.strerror}", where=str(path)) from error


class Attachment:
    """Holds watches for this process, each by a lock file.

    Args:
        folder: Where the lock files lie; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def take(self, watch_id: str) -> None:
        """Hold a watch until `release` or the end of the process.

        Raises:
            ConflictError: If another process holds it.
            StorageError: If the lock file cannot be made.
        """
        if watch_id in self._held:
            return
        descriptor = _open(self._folder, watch_id)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConflictError(
                "This watch is looked after by another process",
                where=f"watch {watch_id}, pid {holder or 'unknown'}",
                todo="Look at its terminal, or end it there first",
            ) from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._held[watch_id] = descriptor

    def release(self) -> None:
        """Let go of all watches."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()
