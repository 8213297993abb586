"""Signals: an end in good order, and no end in the middle of a stop."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

TOLD_TO_END = 128 + signal.SIGTERM
"""Exit code after SIGTERM, as shells expect it."""
_STDERR = 2


class TerminatedError(Exception):
    """The process was asked to end (SIGTERM, SIGHUP)."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block by an exception, so that everything is put in order."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TerminatedError

    with _handled(end, (signal.SIGTERM, signal.SIGHUP)):
        yield


@contextlib.contextmanager
def deferred(words: str) -> Iterator[list[int]]:
    """Go on to the end of the block whatever signal comes; `words` tell the person so, each time.

    Yields:
        The numbers of the signals that came so far.
    """
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        # Not by a stream: the signal may have come in the middle of a write to one. The terminal may be gone as well.
        with contextlib.suppress(OSError):
            os.write(_STDERR, f"\n{words}\n".encode())

    with _handled(note, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
        yield came


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], object], numbers: tuple[int, ...]) -> Iterator[None]:
    """Only the main thread has a say in signals; elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What whoever started us ignores (nohup) stays ignored.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
