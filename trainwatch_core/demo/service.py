"""A process of the demo: started in a group of its own, its output in a file, gone when the block ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from trainwatch_core.model.errors import TrainwatchError

_Found = TypeVar("_Found")
_STEP = 0.1


@dataclass(frozen=True, slots=True)
class Service:
    """A process that runs beside the demo.

    Attributes:
        name: As messages call it.
        process: Leads its own process group.
        log: What it prints.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def until(self, look: Callable[[], _Found | None], *, within: float) -> _Found:
        """What `look` finds, as soon as it finds something.

        Raises:
            TrainwatchError: If the process ends before, or takes longer than `within` seconds.
        """
        limit = time.monotonic() + within
        while time.monotonic() < limit:
            found = look()
            if found is not None:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(_STEP)
        state = "takes too long to begin" if self.process.poll() is None else "ended by itself"
        raise TrainwatchError(f"{self.name} {state}", where=str(self.log), todo="Read its log")


@contextlib.contextmanager
def service(
    name: str, argv: Sequence[str], log: Path, environ: Mapping[str, str], *, patience: float = 25.0
) -> Iterator[Service]:
    """Run a process while the block lasts; it is asked to end, and after `patience` seconds made to.

    Raises:
        TrainwatchError: If it cannot be started.
    """
    runner = _Runner(argv, log, environ)
    try:
        runner.start()
        runner.begun.wait()
        if runner.process is None:
            raise TrainwatchError(f"{name} cannot be started: {runner.problem}", where=argv[0])
        yield Service(name, runner.process, log)
    finally:
        runner.end(patience)


class _Runner(threading.Thread):
    """Starts a process and waits for its end.

    In a thread of its own, because a signal that arrives while the main thread starts a process would lose it. And it
    is asked for at once when it has ended, so that no zombie is left for a proof to explain.
    """

    def __init__(self, argv: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        super().__init__(name=f"demo-{Path(argv[0]).name}", daemon=True)
        self._argv = argv
        self._log = log
        self._environ = dict(environ)
        self._starting = threading.Lock()
        self._over = False
        self.begun = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.problem = ""

    def run(self) -> None:
        """Start and wait."""
        try:
            with self._log.open("wb") as output, self._starting:
                if self._over:
                    return
                self.process = subprocess.Popen(  # noqa: S603  # programs of the demo, no shell
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environ,
                    start_new_session=True,
                )
        except OSError as error:
            self.problem = error.strerror or type(error).__name__
        finally:
            self.begun.set()
        if self.process is not None:
            self.process.wait()

    def end(self, patience: float) -> None:
        """End the process, and what is left of its group."""
        # A signal may have come so early that the thread exists and its process does not: it must not start one now.
        with self._starting:
            self._over = True
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.join(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.join()
