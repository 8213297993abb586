"""Real jobs to try stoppers on: processes that say when they are ready, and that are gone when the test is over."""

from __future__ import annotations

import selectors
import signal
import subprocess
import sys
import time

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.procfs import Process

TOOLS = """
import os, signal, subprocess, sys, time
POLITE = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + POLITE
def child(code=POLITE, **how):
    process = subprocess.Popen([sys.executable, "-S", "-E", "-c", code], stdout=subprocess.PIPE, **how)
    assert process.stdout.readline() == b"up\\n"
    return process
def say(*words):
    # No print: a signal may come in the middle of one, and its handler may want to say something too.
    os.write(1, (" ".join(str(word) for word in words) + "\\n").encode())
def ready(*pids):
    say("ready", *pids)
def rest():
    while True:
        signal.pause()
"""
"""What the scripts of jobs may use: `ready(*pids)` tells the pids of their children, `say` tells more."""

READY_WITHIN = 90.0
"""Seconds."""


class Job:
    """A process with children, all ready.

    Attributes:
        popen: The process.
        pid: Its pid.
        children: Pids that it told.
    """

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen
        self.pid = popen.pid
        words = self.line().split()
        if words[:1] != ["ready"]:
            raise AssertionError(f"the job did not get ready: {words}")
        self.children = tuple(int(word) for word in words[1:])

    def line(self) -> str:
        """The next line that it prints, waited for as long as READY_WITHIN."""
        if self.popen.stdout is None:
            raise AssertionError("the job has no output")
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.popen.stdout, selectors.EVENT_READ)
            if not waiting.select(READY_WITHIN):
                raise AssertionError("the job says nothing")
        return self.popen.stdout.readline().strip()

    def end(self) -> None:
        """End the process itself and collect it."""
        self.popen.kill()
        self.popen.wait(READY_WITHIN)


class Jobs:
    """Starts jobs, and ends what is left of them."""

    def __init__(self) -> None:
        self._popen: list[subprocess.Popen[str]] = []
        self._others: list[Process] = []

    def start(self, script: str = "ready(); rest()", *args: str, group: int | None = None) -> Job:
        """Start a Python script and wait until it is ready.

        Args:
            script: May use TOOLS; must call `ready`.
            args: Its arguments.
            group: The process group that it joins, 0 for a new one of this session; None for a session of its own.
        """
        popen = subprocess.Popen(  # noqa: S603  # scripts of tests
            [sys.executable, "-S", "-E", "-c", TOOLS + script, *args],
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=group is None,
            process_group=group,
        )
        self._popen.append(popen)
        job = Job(popen)
        for pid in job.children:
            self.adopt(pid)
        return job

    def finish(self, pid: int) -> None:
        """End a process that is no child of ours, and wait until it is gone."""
        found = procfs.process(pid)
        if found is not None:
            procfs.send(found, signal.SIGKILL)
        deadline = time.monotonic() + READY_WITHIN
        while not gone(pid) and time.monotonic() < deadline:
            time.sleep(0.01)

    def adopt(self, pid: int) -> None:
        """Take care that a process is gone at the end."""
        found = procfs.process(pid)
        if found is not None:
            self._others.append(found)

    def clear(self) -> None:
        """End all that is left."""
        for each in self._others:
            procfs.send(each, signal.SIGKILL)
        for popen in self._popen:
            popen.kill()
            popen.wait(READY_WITHIN)
            if popen.stdout is not None:
                popen.stdout.close()


def gone(pid: int) -> bool:
    """Whether a process works no more."""
    found = procfs.process(pid)
    return found is None or found.over
