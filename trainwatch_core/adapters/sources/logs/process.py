"""Running a command that prints a log: no shell, no input, little environment, bounded time and output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.report.redact import clean, redact

KEPT = 8 * 1024 * 1024
MOST = 256 * 1024 * 1024
_BLOCK = 65536
_KEPT_ERRORS = 4096
_POLL = 0.2  # seconds; a child of the command can hold its output open after it has ended
# Nothing secret is handed on; the last ones are what ssh and kubectl are found by.
_ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "KUBECONFIG")


@dataclass(slots=True)
class _Tail:
    """The last bytes of a stream."""

    limit: int
    total: int = 0
    held: int = 0
    pieces: deque[bytes] = field(default_factory=deque)

    def add(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.total += len(piece)
        self.held += len(piece)
        while self.held - len(self.pieces[0]) >= self.limit:
            self.held -= len(self.pieces.popleft())


def output_of(argv: tuple[str, ...], deadline: float) -> tuple[bytes, bool]:
    """What a command prints, its last KEPT bytes at least.

    Args:
        argv: Program and arguments; no shell sees them.
        deadline: Seconds; then the command and all of its process group are killed.

    Returns:
        The output, and whether its beginning is missing.

    Raises:
        SourceUnavailableError: If it cannot be started, fails, takes too long or prints more than MOST bytes.
    """
    where = clean(redact(" ".join(argv)))
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603  # argv of the operator, without a shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise SourceUnavailableError(
            f"The log command could not be started: {clean(str(error))}",
            where=where,
            todo="Check its name and arguments",
        ) from None
    out, err = _Tail(KEPT), _Tail(_KEPT_ERRORS)
    try:
        _collect(process, out, err, time.monotonic() + deadline, where)
    finally:
        _end(process)
    if process.returncode:
        said = clean(redact(b"".join(err.pieces)[-_KEPT_ERRORS:].decode("utf-8", "replace")))
        raise SourceUnavailableError(
            f"The log command failed with exit code {process.returncode}" + (f": {said}" if said else ""), where=where
        )
    return b"".join(out.pieces), out.total > out.held


def _collect(process: subprocess.Popen[bytes], out: _Tail, err: _Tail, until: float, where: str) -> None:
    """Read both streams until they end or the command has ended and is silent. It is not reaped here."""
    with selectors.DefaultSelector() as selector:
        for stream, tail in ((process.stdout, out), (process.stderr, err)):
            selector.register(_held(stream), selectors.EVENT_READ, tail)
        while selector.get_map() or not _ended(process):
            left = until - time.monotonic()
            if left <= 0:
                raise SourceUnavailableError(
                    "The log command took too long and was ended",
                    where=where,
                    todo="Let it print the end only: tail -n 2000",
                )
            ready = selector.select(min(left, _POLL))
            for key, _ in ready:
                piece = os.read(key.fd, _BLOCK)
                if piece:
                    key.data.add(piece)
                else:
                    selector.unregister(key.fileobj)
            if out.total > MOST:
                raise SourceUnavailableError(
                    "The log command prints too much", where=where, todo="Let it print the end only: tail -n 2000"
                )
            if not ready and _ended(process):
                return


def _held(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("a pipe was asked for")
    return stream


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the command has ended; it stays a zombie, so that its number names nobody else until `_end`."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        _held(stream).close()
