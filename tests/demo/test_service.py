"""Processes of the demo are gone when their block ends, however early it ends."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType

import pytest

from trainwatch_core.demo.service import service


class TooEarlyError(Exception):
    """The person changed their mind."""


def test_a_signal_before_the_process_is_there_leaves_none_behind(tmp_path: Path) -> None:
    """The log is a pipe that nobody reads yet: it holds the start up until after the block was left."""
    log, trace = tmp_path / "log", tmp_path / "started"
    os.mkfifo(log)

    def told(_number: int, _frame: FrameType | None) -> None:
        raise TooEarlyError

    before = signal.signal(signal.SIGALRM, told)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TooEarlyError), service("It", ["/usr/bin/touch", str(trace)], log, os.environ):
            pytest.fail("it cannot have begun")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with log.open("rb") as reader:
        reader.read()
    for thread in threading.enumerate():
        if thread.name == "demo-touch":
            thread.join(10)
    assert not trace.exists()
