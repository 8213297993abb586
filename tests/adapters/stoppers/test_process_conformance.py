"""Stopping processes keeps the promises of all stoppers, on this machine and by SSH."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace, Place, RemotePlace
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.model.launch import Launch
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Job, Jobs, gone
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance


class ProcessStage:
    """A process with a child."""

    def __init__(self, jobs: Jobs, place: Place, clock: Clock) -> None:
        self._jobs, self._place, self._clock = jobs, place, clock
        self._job: Job | None = None

    @property
    def job(self) -> Job:
        assert self._job is not None
        return self._job

    def stopper(self) -> GuardedStopper:
        launch = Launch("pid", self._place.host, str(self.job.pid))
        return GuardedStopper(ProcessJob(launch, self._place, Ladder(20.0, 20.0)), self._clock)

    def start(self) -> None:
        self._job = self._jobs.start("ready(child().pid); rest()")

    def end(self) -> None:
        for pid in (self.job.pid, *self.job.children):
            self._jobs.finish(pid)
        self.job.end()

    def runs(self) -> bool:
        return not gone(self.job.pid)


class TestProcesses(StopperConformance):
    """On this machine."""

    # The kernel gives the number of a process to another one only after a long time; see F-S05 in test_process.py.
    renewable = False

    @pytest.fixture
    def stage(self, jobs: Jobs, clock: Clock, tokens: Path) -> Stage:
        """A job of this machine."""
        return ProcessStage(jobs, LocalPlace(clock, tokens), clock)


@pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")
class TestRemoteProcesses(StopperConformance):
    """By SSH."""

    renewable = False

    @pytest.fixture
    def stage(self, jobs: Jobs, clock: Clock, room: SshRoom) -> Stage:
        """A job of a host."""
        return ProcessStage(jobs, RemotePlace(room, "gpu1"), clock)
