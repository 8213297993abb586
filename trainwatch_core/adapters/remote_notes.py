"""Project notes on other machines, by SFTP, and which notebook a note goes into."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trainwatch_core.model.errors import HostError, InvalidInputError, StorageError
from trainwatch_core.model.places import remote_part
from trainwatch_core.ports import Notebook

if TYPE_CHECKING:
    from trainwatch_core.adapters.ssh.files import RemoteFiles

TIMEOUT = 20.0
"""Seconds that a note may take, to connect included."""
LONGEST = 30_000
"""Bytes of a note: what one request of SFTP carries is appended in one piece (OpenSSH opens with O_APPEND)."""


class Files(Protocol):
    """What is needed of the SSH room."""

    def files(self, host: str, *, timeout: float) -> AbstractContextManager[RemoteFiles]:
        """The files of a host."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteNotebook:
    """Appends to files of other machines, below the folders that the operator allows.

    A note arrives in one piece. What SFTP cannot do: sync the disk there, or take back a part that a full disk let
    through.

    Attributes:
        room: The SSH room.
        roots: For each host of `[hosts]` the folders that notes must lie in, links followed; none for nowhere.
    """

    room: Files
    roots: Mapping[str, Sequence[str]]

    def append(self, path: str, text: str) -> None:
        """Append a note as a paragraph of its own; `path` is `host:/path`.

        Raises:
            StorageError: If nobody knows that it was appended.
        """
        content = text.rstrip().encode("utf-8", "replace")[:LONGEST]
        with _said(path, "The note could not be appended"):
            host, there = _parts(path)
            with self.room.files(host, timeout=TIMEOUT) as files:
                files.append(self._allowed(files, host, there), content)

    def require_writable(self, path: str) -> None:
        """Raise if a note could not be appended as things are; writes nothing.

        Raises:
            StorageError: If the folder or the file does not take one.
        """
        with _said(path, "No note could be appended"):
            host, there = _parts(path)
            with self.room.files(host, timeout=TIMEOUT) as files:
                real = self._allowed(files, host, there)
                if not files.writable(real):
                    raise StorageError("No note could be appended: this is no regular file that is there")

    def _allowed(self, files: RemoteFiles, host: str, path: str) -> str:
        """The path with links followed, of the folder too: the file itself may not be there yet."""
        folder = files.real(posixpath.dirname(path))
        real = files.real(posixpath.join(folder, posixpath.basename(path)))
        roots = [files.real(root).rstrip("/") for root in self.roots.get(host, ())]
        if not any(real.startswith(f"{root}/") for root in roots):
            raise StorageError(
                "The notes file lies outside of the allowed folders of that host",
                where=f"{host}:{path}",
                todo=f"See notes_roots of [hosts.{host}] in the configuration",
            )
        return real


@dataclass(frozen=True, slots=True)
class SortedNotebook:
    """Puts `host:/path` into the notebook of other machines, and all else into that of this one.

    Attributes:
        here: Of this machine.
        there: Of others.
    """

    here: Notebook
    there: Notebook

    def append(self, path: str, text: str) -> None:
        """Append a note.

        Raises:
            StorageError: If it was not appended.
        """
        self._of(path).append(path, text)

    def require_writable(self, path: str) -> None:
        """Raise if a note could not be appended.

        Raises:
            StorageError: If it could not.
        """
        self._of(path).require_writable(path)

    def _of(self, path: str) -> Notebook:
        return self.there if remote_part(path) else self.here


def _parts(path: str) -> tuple[str, str]:
    found = remote_part(path)
    if found is None:
        raise InvalidInputError("This is no file of another machine", where=path[:200], todo="E.g. gpu1:/home/ana/n.md")
    return found


@contextmanager
def _said(path: str, what: str) -> Iterator[None]:
    """What goes wrong, as an error of storage."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what}: {error.strerror or error}", where=path[:300]) from error
    except (HostError, InvalidInputError) as error:
        raise StorageError(f"{what}: {error}", where=path[:300]) from error
