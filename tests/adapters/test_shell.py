"""Commands within bounds."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from trainwatch_core.adapters import procfs, shell
from trainwatch_core.adapters.clock import SystemClock


def _sh(script: str, timeout: float = 20.0) -> shell.Ran:
    return shell.run(("/bin/sh", "-c", script), clock=SystemClock(), timeout=timeout, environment={})


def test_a_pipe_that_never_ends_is_drained_for_a_while() -> None:
    """F-S13: what is in the pipe when the command ends is read, and then no more, however fast others write."""
    with Path("/dev/zero").open("rb") as endless:
        tail = shell.Tail(endless)
        tail.drain()
    assert tail.written == 16 * 65536
    assert len(tail.kept) == shell.OUTPUT_CAP


def test_a_command_gets_its_arguments_as_they_are() -> None:
    """No shell between: blanks, stars and quotes are just characters."""
    words = ("a b", "*", "$HOME", "'", "", "é")
    ran = shell.run(("/usr/bin/printf", "%s\\n", *words), clock=SystemClock(), timeout=20.0, environment={})
    assert ran.output.decode() == "".join(f"{word}\n" for word in words)
    assert (ran.exit_code, ran.written) == (0, len(ran.output))


def test_a_command_that_closes_its_output_is_still_waited_for() -> None:
    """The end of the output is not the end of the command: it has until the deadline, and is killed then."""
    ran = _sh("exec >&- 2>&-; sleep 0.2; exit 5")
    assert (ran.exit_code, ran.output) == (5, b"")
    hanging = _sh("echo $$; exec >&- 2>&-; exec sleep 999", timeout=3.0)
    assert hanging.exit_code is None
    found = procfs.process(int(hanging.output))
    if found is not None:
        procfs.send(found, signal.SIGKILL)
    assert found is None


def test_a_signal_is_told_as_one() -> None:
    """A command that was killed by somebody else has minus the signal as its code."""
    assert _sh("kill -9 $$").exit_code == -9


def test_a_program_that_is_not_there_is_an_error() -> None:
    """The caller says what it was for."""
    with pytest.raises(FileNotFoundError):
        shell.run(("/nowhere/x",), clock=SystemClock(), timeout=1.0, environment={})
