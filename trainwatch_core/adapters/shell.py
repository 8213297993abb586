"""Runs one command of this machine within bounds: time, memory, and nothing of it left behind at the deadline."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from trainwatch_core.adapters import procfs
from trainwatch_core.ports import Clock

OUTPUT_CAP = 65536
"""Bytes of output that are kept: the last ones, where commands say what went wrong."""

BEGUN_BEFORE = 125
"""Exit code of a command that carries a mark and was not run, because its mark was there or could not be made."""

_PIECE = 65536
_PIECES_OF_A_FULL_PIPE = 16
_REAP_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command came out.

    Attributes:
        exit_code: As the shell counts, or minus the number of the signal that ended it; None if it was killed at its
            deadline.
        output: The end of what it wrote to both of its outputs, untrusted.
        written: How many bytes it wrote in all.
        seconds: How long it took.
        lost: Whether the connection to where it ran was lost, so that nobody knows what became of it.
    """

    exit_code: int | None
    output: bytes
    written: int
    seconds: float
    lost: bool = False


def find(name: str, path: str) -> str | None:
    """The absolute path of a program in a list of folders; None if it is in none of them."""
    return shutil.which(name, path=path)


def run(  # what a command is made of
    argv: Sequence[str],
    *,
    clock: Clock,
    timeout: float,
    environment: Mapping[str, str],
    cwd: str = "/",
    keep: int = OUTPUT_CAP,
) -> Ran:
    """Run a command in a session of its own, without input, and read its output to the end or to the deadline.

    At the deadline its whole process group is killed, and so are descendants that left the group. A command that ends
    by itself may leave processes in the background; they are not waited for, even if they hold its output open.

    Args:
        argv: Absolute path of the program and its arguments.
        clock: Time.
        timeout: Seconds.
        environment: All of its environment.
        cwd: Its working directory.
        keep: How many bytes of output are kept, the last ones.

    Raises:
        OSError: If it cannot be started.
    """
    begun = clock.monotonic()
    child = subprocess.Popen(  # noqa: S603  # an argv of the operator, never a shell string of ours
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=dict(environment),
        start_new_session=True,
    )
    if child.stdout is None:
        raise ValueError("the command was started without a pipe")
    tail = Tail(child.stdout, keep)
    try:
        ended = _follow(child.pid, tail, clock, begun + timeout)
        if not ended:
            _kill_all(child.pid)
    except BaseException:
        _kill_all(child.pid)
        raise
    finally:
        code = _reap(child)
        tail.close()
    return Ran(code if ended else None, bytes(tail.kept), tail.written, clock.monotonic() - begun)


class Tail:
    """The end of what a pipe gives, however much that is.

    Args:
        pipe: Read from without waiting, from now on.
        keep: How many bytes are kept.

    Attributes:
        number: Its file descriptor.
        kept: The last bytes.
        written: How many bytes there were in all.
    """

    def __init__(self, pipe: IO[bytes], keep: int = OUTPUT_CAP) -> None:
        self._pipe = pipe
        self._keep = keep
        self.number = pipe.fileno()
        os.set_blocking(self.number, False)
        self.kept = bytearray()
        self.written = 0

    def take(self) -> int:
        """Read one piece: how many bytes it had, 0 at the end of the stream, -1 if there is none now."""
        try:
            piece = os.read(self.number, _PIECE)
        except BlockingIOError:
            return -1
        self.written += len(piece)
        self.kept += piece
        del self.kept[: -self._keep]
        return len(piece)

    def drain(self) -> None:
        """Read what is in the pipe; not for ever, a background process may go on writing."""
        for _ in range(_PIECES_OF_A_FULL_PIPE):
            if self.take() <= 0:
                return

    def close(self) -> None:
        """Close the pipe; who still writes to it is told so by the kernel."""
        self._pipe.close()


def _follow(pid: int, tail: Tail, clock: Clock, deadline: float) -> bool:
    """Read until the command itself has ended, whoever else holds its output open; False at the deadline."""
    handle = os.pidfd_open(pid)
    try:
        with selectors.DefaultSelector() as waiting:
            waiting.register(tail.number, selectors.EVENT_READ)
            waiting.register(handle, selectors.EVENT_READ)
            while (left := deadline - clock.monotonic()) > 0:
                ready = {key.fd for key, _ in waiting.select(left)}
                if handle in ready:
                    tail.drain()
                    return True
                if tail.number in ready and tail.take() == 0:
                    waiting.unregister(tail.number)
    finally:
        os.close(handle)
    return False


def _kill_all(pid: int) -> None:
    """Kill a command that was not reaped yet (so that its number is still its own), its group, and its descendants."""
    for each in procfs.descendants(procfs.processes(), pid):
        procfs.send(each, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _reap(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(_REAP_WITHIN)
    except subprocess.TimeoutExpired:
        # The kernel does not let go of it (a dead network file system, say): it is killed, and nothing waits for it.
        return None
