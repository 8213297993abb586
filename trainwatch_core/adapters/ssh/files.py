"""Files of another machine, by SFTP."""

from __future__ import annotations

import errno
import posixpath
import stat
from dataclasses import dataclass

import paramiko

_CHUNK = 32768


@dataclass(frozen=True, slots=True)
class RemoteStat:
    """What SFTP tells of a file; it knows no device and no inode.

    Attributes:
        size: Bytes.
        mtime: Unix seconds.
        regular: Whether it is a regular file.
    """

    size: int
    mtime: float
    regular: bool


class RemoteFiles:
    """Looks at files, and reads and appends to them.

    Args:
        sftp: The session.
        host: What the host is called, for messages.
    """

    def __init__(self, sftp: paramiko.SFTPClient, host: str) -> None:
        self._sftp = sftp
        self.host = host

    def real(self, path: str) -> str:
        """The path with all symbolic links followed; relative ones start at the home directory there."""
        return self._sftp.normalize(path)

    def stat(self, path: str) -> RemoteStat:
        """Look at a file.

        Raises:
            FileNotFoundError: If there is none.
            PermissionError: If it may not be looked at.
        """
        return _stat(self._sftp.stat(path))

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Read at most `size` bytes from an offset on; all pieces are asked for at once."""
        with self._sftp.open(path, "rb") as file:
            end = min(offset + size, _stat(file.stat()).size)
            chunks = [(at, min(_CHUNK, end - at)) for at in range(offset, end, _CHUNK)]
            return b"".join(file.readv(chunks)) if chunks else b""

    def append(self, path: str, content: bytes) -> None:
        """Append a paragraph to a regular file in one request; it is created if it is not there.

        A paragraph that stands near the end already is not appended again: its receipt may have been lost.

        Raises:
            OSError: If the host does not take it.
        """
        size = self._size(path)
        end = self.read(path, max(0, size - _CHUNK), _CHUNK) if size else b""
        if content in end:
            return
        gap = b"" if not end else b"\n" if end.endswith(b"\n") else b"\n\n"
        with self._sftp.open(path, "ab") as file:
            file.write(gap + content + b"\n")

    def writable(self, path: str) -> bool:
        """Whether a file could be appended to: it is a regular one, or its folder is there.

        Raises:
            OSError: If the host does not let us look, or open it.
        """
        try:
            found = self.stat(path)
        except FileNotFoundError:
            return stat.S_ISDIR(self._sftp.stat(posixpath.dirname(path)).st_mode or 0)
        if found.regular:
            self._sftp.open(path, "r+b").close()
        return found.regular

    def _size(self, path: str) -> int:
        try:
            found = self.stat(path)
        except FileNotFoundError:
            return 0
        if not found.regular:
            raise OSError(errno.EINVAL, "this is no regular file")
        return found.size


def _stat(found: paramiko.SFTPAttributes) -> RemoteStat:
    return RemoteStat(found.st_size or 0, float(found.st_mtime or 0), stat.S_ISREG(found.st_mode or 0))
