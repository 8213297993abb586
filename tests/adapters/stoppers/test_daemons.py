"""Stopping containers and units. Docker and systemd are fakes here: programs that answer as REALITY says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.docker import DockerJob
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.plugin import Job
from trainwatch_core.adapters.stoppers.systemd import SystemdJob
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError
from trainwatch_core.model.launch import LOCALHOST, Launch
from trainwatch_core.model.stop import Execution, JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.fake_daemons import FakeDaemon
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance

TOKEN = "a" * 32
NAMES = {"docker": "trainer", "systemctl": "train.service"}
StopperOf = Callable[..., GuardedStopper]


@pytest.fixture(params=["docker", "systemctl"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both daemons."""
    return str(request.param)


@pytest.fixture
def daemon(kind: str, tmp_path: Path) -> FakeDaemon:
    """A daemon without jobs."""
    return FakeDaemon(kind, tmp_path)


@pytest.fixture
def stopper_for(daemon: FakeDaemon, kind: str, clock: Clock, tokens: Path) -> StopperOf:
    """Makes a stopper of the job."""

    def make(target: str = "", kill: float | None = 0.3, **more: str) -> GuardedStopper:
        place, ladder = LocalPlace(clock, tokens, [str(daemon.bin)]), Ladder(0.0, kill, **more)  # type: ignore[arg-type]
        name = target or NAMES[kind]
        job: Job
        if kind == "docker":
            job = DockerJob(Launch("docker", LOCALHOST, name), place, ladder)
        else:
            job = SystemdJob(Launch("systemd", LOCALHOST, name), place, ladder)
        return GuardedStopper(job, clock)

    return make


class DaemonStage:
    """A job that a daemon holds."""

    def __init__(self, daemon: FakeDaemon, kind: str, make: StopperOf) -> None:
        self._daemon, self._kind, self._make = daemon, kind, make

    def stopper(self) -> GuardedStopper:
        return self._make()

    def start(self) -> None:
        self._daemon.start(NAMES[self._kind])

    def end(self) -> None:
        self._daemon.end()

    def runs(self) -> bool:
        return self._daemon.runs()


class TestDaemons(StopperConformance):
    """Both keep the promises; a unit that was started again is that unit, and it runs."""

    renewed = frozenset({JobState.GONE, JobState.REPLACED, JobState.ALIVE})

    @pytest.fixture
    def stage(self, daemon: FakeDaemon, kind: str, stopper_for: StopperOf) -> Stage:
        """A job of a fake daemon."""
        return DaemonStage(daemon, kind, _impatient(stopper_for))


def _impatient(make: StopperOf) -> StopperOf:
    def quick(*args: str) -> GuardedStopper:
        return _Quick(make(*args))  # type: ignore[return-value]

    return quick


class _Quick:
    """A stopper whose waits fit a test, where a daemon of its own would be given minutes."""

    def __init__(self, stopper: GuardedStopper) -> None:
        self._stopper = stopper

    def __getattr__(self, name: str) -> object:
        return getattr(self._stopper, name)

    def plan(self, identity: object) -> object:
        plan = self._stopper.plan(identity)  # type: ignore[arg-type]
        return replace(plan, steps=tuple(replace(step, wait=min(step.wait, 0.5)) for step in plan.steps))


def stop(make: StopperOf) -> Execution:
    """Plan with short waits and execute."""
    stopper = _impatient(make)()
    return stopper.execute(stopper.plan(stopper.identify()), TOKEN)


def test_a_job_that_does_not_end_when_asked_is_killed(daemon: FakeDaemon, kind: str, stopper_for: StopperOf) -> None:
    """F-S01: exit code 0 of the first command proves nothing; the last rung ends it."""
    daemon.start(NAMES[kind])
    daemon.behave("stubborn")
    done = stop(stopper_for)
    assert [result.ok for result in done.results] == [True, True]
    assert done.probe.state is JobState.GONE


def test_a_job_that_comes_back_is_not_stopped(daemon: FakeDaemon, kind: str, stopper_for: StopperOf) -> None:
    """F-S11: a restart policy starts it again: the state is told, and nobody says that it is stopped."""
    daemon.start(NAMES[kind])
    daemon.behave("restarting")
    stopper = _impatient(lambda: stopper_for(kill=None))()
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is JobState.ALIVE
    assert "restart" in done.probe.detail


def test_a_daemon_that_gives_no_answer_proves_nothing(daemon: FakeDaemon, kind: str, stopper_for: StopperOf) -> None:
    """The daemon is away: unknown, no stop, and its words are redacted."""
    daemon.start(NAMES[kind])
    stopper = stopper_for()
    plan = stopper.plan(stopper.identify())
    daemon.behave("away")
    assert stopper.probe(plan.identity).state is JobState.UNKNOWN
    with pytest.raises(HostUnreachableError) as caught:
        stopper.execute(plan, TOKEN)
    assert "a1B2" not in str(caught.value)
    assert daemon.asked() == []


def test_what_is_asked_of_the_daemon(daemon: FakeDaemon, kind: str, stopper_for: StopperOf) -> None:
    """The checkpoint signal first; a container by its id, which no other one ever gets; operands after `--`."""
    daemon.start(NAMES[kind])
    stopper = _impatient(lambda: stopper_for(checkpoint="SIGUSR1"))()
    identity = stopper.identify()
    stopper.execute(stopper.plan(identity), TOKEN)
    whom = identity.facts["id"] if kind == "docker" else NAMES[kind]
    asked = daemon.asked()
    assert asked[0] == ["kill", "--signal=SIGUSR1", "--", whom]
    assert (asked[1][0], asked[1][-2:]) == ("stop", ["--", whom])


@pytest.mark.parametrize("target", ["--all", "-a", "", "a b", "a;b", "../x", "x.target", "*"])
def test_targets_that_are_no_job_are_refused(target: str, kind: str, stopper_for: StopperOf) -> None:
    """F-S06: no options, no patterns, no units that are more than one service."""
    if not target or (kind == "docker" and target == "x.target"):
        return
    with pytest.raises(InvalidInputError):
        stopper_for(target)
