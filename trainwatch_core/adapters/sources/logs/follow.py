"""Opening a log safely and reading it on from where the last look ended.

A path is a wish of a person, and what lies there can change under one's hands: only a regular file is opened, it is
looked at again through the open descriptor, and where roots are given it must lie under one of them after all symbolic
links are followed. Nothing here waits: a FIFO without a writer would otherwise hold a worker for ever.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.report.redact import clean

KERNEL = ("/proc", "/sys")  # "regular" files there are no logs: /proc/self/environ is full of secrets
_PACKED = {
    b"\x1f\x8b": "zcat",
    b"BZh": "bzcat",
    b"\xfd7zXZ\0": "xzcat",
    b"\x28\xb5\x2f\xfd": "zstdcat",
    b"\x04\x22\x4d\x18": "lz4cat",
    b"PK\x03\x04": "unzip -p",
}
"""What compressed files begin with, and what unpacks them."""


@contextmanager
def opened(path: str, roots: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the log, open for reading.

    Args:
        path: A file of this machine; `~` is the home directory.
        roots: Directories that it must lie under; empty for anywhere.

    Raises:
        SourceUnavailableError: If there is no such file, it may not be read, or it is not one to be read. Also if
            reading fails later on.
    """
    where = clean(path)
    descriptor = -1
    try:
        descriptor = _open(path, roots, where)
        yield descriptor
    except FileNotFoundError:
        raise SourceUnavailableError(
            "There is no such log file", where=where, todo="Check the path, or wait until the training has begun to log"
        ) from None
    except PermissionError:
        raise SourceUnavailableError(
            "The log file may not be read", where=where, todo="Give the user of trainwatch the right to read it"
        ) from None
    except OSError as error:
        raise SourceUnavailableError(f"The log file could not be read: {error.strerror}", where=where) from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _open(path: str, roots: tuple[str, ...], where: str) -> int:
    if "\0" in path:
        raise SourceUnavailableError("The path of the log file holds a NUL", where=where)
    wanted = os.path.expanduser(path)  # noqa: PTH111  # descriptors and paths are compared here; Path would hide which
    _require_regular(os.stat(wanted), where)  # noqa: PTH116  # before the open: to open a device can do something
    descriptor = os.open(wanted, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _require_place(wanted, os.fstat(descriptor), roots, where)
        require_text(os.pread(descriptor, 8, 0), where)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(found: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SourceUnavailableError(
            "This is no regular file, so it is not read as a log",
            where=where,
            todo="Give the file that the trainer writes",
        )


def _require_place(wanted: str, found: os.stat_result, roots: tuple[str, ...], where: str) -> None:
    """Look again, now at what was opened: the path may have been changed after it was looked at first."""
    _require_regular(found, where)
    real = os.path.realpath(wanted)
    there = os.lstat(real)
    if (there.st_dev, there.st_ino) != (found.st_dev, found.st_ino):
        raise SourceUnavailableError("The log file was replaced while it was opened", where=where)
    if below(real, KERNEL):
        raise SourceUnavailableError("Files of the kernel are not read as logs", where=where)
    if roots and not below(real, tuple(os.path.realpath(root) for root in roots)):
        raise SourceUnavailableError(
            "The log file lies outside of the allowed directories",
            where=where,
            todo="See log_roots in the configuration",
        )


def require_text(begin: bytes, where: str) -> None:
    """Nothing is unpacked unasked: a megabyte can hold a terabyte.

    Raises:
        SourceUnavailableError: If a file that begins so is compressed.
    """
    for magic, unpacks in _PACKED.items():
        if begin.startswith(magic):
            raise SourceUnavailableError(
                "This log is compressed, so it is not read",
                where=where,
                todo=f'Give the log that is being written, or --log-command "{unpacks} ..."',
            )


def below(path: str, directories: tuple[str, ...]) -> bool:
    """Whether a path lies under one of some directories, all of them without links."""
    return any(path.startswith(directory.rstrip("/") + "/") for directory in directories)
