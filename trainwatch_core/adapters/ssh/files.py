"""Files of another machine, by SFTP."""

from __future__ import annotations

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


def _stat(found: paramiko.SFTPAttributes) -> RemoteStat:
    return RemoteStat(found.st_size or 0, float(found.st_mtime or 0), stat.S_ISREG(found.st_mode or 0))
