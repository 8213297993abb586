"""Stopping jobs of a real Slurm of one node."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace, Place, RemotePlace
from trainwatch_core.adapters.stoppers.slurm import SlurmJob
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import LOCALHOST, Launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.slurm import PROGRAMS, Slurm
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance

pytestmark = pytest.mark.system(*PROGRAMS)

TOKEN = "a" * 32
WITHIN = 60.0
StopperOf = Callable[..., GuardedStopper]


@pytest.fixture
def place(slurm: Slurm, tokens: Path) -> LocalPlace:
    """This machine, with the cluster's commands."""
    return LocalPlace(SystemClock(), tokens, [str(slurm.bin)])


@pytest.fixture
def stopper_for(place: LocalPlace, clock: Clock) -> StopperOf:
    """Makes a stopper of a job."""

    def make(target: str, kill: float | None = 20.0, **more: str) -> GuardedStopper:
        ladder = Ladder(1.0, kill, **more)  # type: ignore[arg-type]
        return GuardedStopper(SlurmJob(Launch("slurm", LOCALHOST, target), place, ladder), clock)

    return make


def submit(slurm: Slurm, script: str = "sleep 999", *options: str) -> str:
    """Submit a batch job; returns its id."""
    return slurm.call("sbatch", "--parsable", "--requeue", "-o", "/dev/null", *options, "--wrap", script).strip()


def states(slurm: Slurm, job: str) -> set[str]:
    """The states of a job, or of the tasks of an array."""
    return set(slurm.call("squeue", "-h", "-r", "-t", "all", "-o", "%T", "-j", job, check=False).split())


def until(slurm: Slurm, job: str, *wanted: str) -> None:
    """Wait until a job is in one of some states."""
    deadline = time.monotonic() + WITHIN
    while not (found := states(slurm, job)) or not found <= set(wanted):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


class SlurmStage:
    """A batch job."""

    def __init__(self, slurm: Slurm, place: Place, clock: Clock, folder: Path) -> None:
        self._slurm, self._place, self._clock = slurm, place, clock
        self._file = folder / "go on"
        self._job = ""

    def stopper(self) -> GuardedStopper:
        launch = Launch("slurm", self._place.host, self._job)
        return GuardedStopper(SlurmJob(launch, self._place, Ladder(0.0, 10.0), kill_wait=10.0), self._clock)

    def start(self) -> None:
        self._file.touch()
        if self._job:
            deadline = time.monotonic() + WITHIN
            while not (now := states(self._slurm, self._job)) & {"RUNNING"}:
                # A job that is still completing is not requeued; one that was would begin only in two minutes.
                how = ("update", f"jobid={self._job}", "StartTime=now") if "PENDING" in now else ("requeue", self._job)
                self._slurm.call("scontrol", *how, check=False)
                assert time.monotonic() < deadline
                time.sleep(0.2)
        else:
            self._job = submit(self._slurm, f"while [ -e '{self._file}' ]; do sleep 0.1; done")
        until(self._slurm, self._job, "RUNNING")

    def end(self) -> None:
        self._file.unlink()
        until(self._slurm, self._job, "COMPLETED")

    def runs(self) -> bool:
        return states(self._slurm, self._job) == {"RUNNING"}


class TestSlurm(StopperConformance):
    """With Slurm's commands on this machine."""

    # What has the id of a requeued job is that job, and it runs again.
    renewed = frozenset({JobState.ALIVE})

    @pytest.fixture
    def stage(self, slurm: Slurm, place: LocalPlace, clock: Clock, tmp_path: Path) -> Stage:
        """A batch job."""
        return SlurmStage(slurm, place, clock, tmp_path)


@pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")
def test_a_job_is_stopped_by_way_of_a_login_node(slurm: Slurm, room: SshRoom, clock: Clock, tmp_path: Path) -> None:
    """By SSH: the commands run there, and the host's key is part of the identity."""
    stage = SlurmStage(slurm, RemotePlace(room, "gpu1", [str(slurm.bin)]), clock, tmp_path)
    stage.start()
    stopper = stage.stopper()
    identity = stopper.identify()
    assert "host_key" in identity.facts
    plan = stopper.plan(identity)
    assert {step.host for step in plan.steps} == {"gpu1"}
    assert stopper.execute(plan, TOKEN).probe.state is JobState.GONE
    assert not stage.runs()


@pytest.mark.parametrize(
    "target",
    [
        "0",
        "-1",
        "",
        "\uff11\uff12\uff13",
        "12 34",
        "12\n",
        "--help",
        "1_",
        "1_-2",
        "1_[1-3]",
        "1,2",
        "012",
        "1+0",
        "1_01",
    ],
)
def test_targets_that_are_no_job_are_refused(target: str, stopper_for: StopperOf) -> None:
    """F-S06: only plain numbers, with a task or `all`."""
    with pytest.raises(InvalidInputError, match="not the id"):
        stopper_for(target)


def test_a_job_is_known_by_its_submission(slurm: Slurm, stopper_for: StopperOf) -> None:
    """The label has user, name and time; a name with the separators of squeue changes nothing."""
    job = submit(slurm, "sleep 999", "-J", "a b|c|hf_" + "a1B2" * 9)
    identity = stopper_for(job).identify()
    assert set(identity.facts) == {"job", "submitted", "user"}
    assert 'root, "a b|c|' in identity.label
    assert "a1B2" not in identity.label
    slurm.call("scancel", job)


def test_a_job_that_waits_is_stopped_too(slurm: Slurm, stopper_for: StopperOf) -> None:
    """A job that has not begun is as good as one that runs: it would begin later."""
    job = submit(slurm, "sleep 999", "--begin=now+1hour")
    stopper = stopper_for(job)
    assert stopper.probe(stopper.identify()).state is JobState.ALIVE
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is JobState.GONE
    assert states(slurm, job) == {"CANCELLED"}


def test_an_array_without_a_task_is_refused(slurm: Slurm, stopper_for: StopperOf) -> None:
    """F-S11: scancel would end all tasks; the message names them, and how to mean all."""
    job = submit(slurm, "sleep 999", "--array=1-3")
    until(slurm, job, "RUNNING")
    with pytest.raises(StopRefusedError, match="3 tasks") as caught:
        stopper_for(job).identify()
    assert f"slurm:{job}_all" in str(caught.value)
    assert states(slurm, job) == {"RUNNING"}
    slurm.call("scancel", job)


def test_one_task_of_an_array_is_stopped(slurm: Slurm, stopper_for: StopperOf) -> None:
    """F-S11: the others run on; then all of them are stopped together."""
    job = submit(slurm, "sleep 999", "--array=1-3")
    until(slurm, job, "RUNNING")
    one = stopper_for(f"{job}_2")
    assert one.execute(one.plan(one.identify()), TOKEN).probe.state is JobState.GONE
    assert states(slurm, job) == {"RUNNING", "CANCELLED"}
    assert states(slurm, f"{job}_2") == {"CANCELLED"}
    every = stopper_for(f"{job}_all")
    assert "2 tasks" in every.identify().label
    assert every.execute(every.plan(every.identify()), "b" * 32).probe.state is JobState.GONE
    assert states(slurm, job) == {"CANCELLED"}
    with pytest.raises(JobNotFoundError):
        stopper_for(f"{job}_9").identify()


def test_a_job_that_is_requeued_is_not_stopped(slurm: Slurm, stopper_for: StopperOf) -> None:
    """F-S11: a requeued job is about to run again: the probe says so, and the stop that was approved is refused."""
    job = submit(slurm)
    until(slurm, job, "RUNNING")
    stopper = stopper_for(job)
    plan = stopper.plan(stopper.identify())
    time.sleep(1.1)  # times of submission are whole seconds
    slurm.call("scontrol", "requeue", job)
    until(slurm, job, "PENDING", "RUNNING")
    probe = stopper.probe(plan.identity)
    assert probe.state is JobState.ALIVE
    assert "requeued, state=" in probe.detail
    with pytest.raises(StopRefusedError, match="submitted differs"):
        stopper.execute(plan, TOKEN)
    slurm.call("scancel", job)


def test_a_job_whose_end_hangs_is_not_stopped(slurm: Slurm, stopper_for: StopperOf) -> None:
    """F-S11: COMPLETING is not gone: something of the job is still on its node."""
    job = submit(slurm, "sleep 999")
    until(slurm, job, "RUNNING")
    stopper = stopper_for(job, kill=0.5)
    plan = stopper.plan(stopper.identify())
    slurm.hold.touch()
    try:
        quick = tuple(replace(step, wait=2.0) for step in plan.steps)
        done = stopper.execute(replace(plan, steps=quick), TOKEN)
        assert done.probe.state is JobState.ALIVE
        assert "state=COMPLETING" in done.probe.detail
        assert len(done.results) == 2
    finally:
        slurm.hold.unlink()
    until(slurm, job, "CANCELLED")
    assert stopper.probe(plan.identity).state is JobState.GONE


def test_saving_comes_first(slurm: Slurm, stopper_for: StopperOf, tmp_path: Path) -> None:
    """The checkpoint signal reaches a trainer that the batch script started, and Slurm sends it."""
    saved = tmp_path / "saved"
    trainer = f"trap 'touch {saved}; exit 0' USR1; touch {tmp_path}/up; while :; do sleep 0.1; done"
    job = submit(slurm, f'bash -c "{trainer}"')
    deadline = time.monotonic() + WITHIN
    while not (tmp_path / "up").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    stopper = stopper_for(job, checkpoint="SIGUSR1")
    plan = stopper.plan(stopper.identify())
    assert plan.steps[0].argv[1:] == ("--full", "--signal=USR1", "--", job)
    done = stopper.execute(plan, TOKEN)
    assert saved.exists()
    assert done.probe.state is JobState.GONE


def test_a_slurm_that_gives_no_answer_proves_nothing(stopper_for: StopperOf, slurm: Slurm, tmp_path: Path) -> None:
    """The controller is away: unknown, not gone, and no stop."""
    job = submit(slurm)
    identity = stopper_for(job).identify()
    for name in ("squeue", "scancel"):
        (tmp_path / name).write_text(
            "#!/bin/sh\necho Unable to contact slurm controller >&2; exit 1\n", encoding="ascii"
        )
        (tmp_path / name).chmod(0o755)
    place = LocalPlace(SystemClock(), tmp_path / "t", [str(tmp_path)])
    away = GuardedStopper(SlurmJob(Launch("slurm", LOCALHOST, job), place, Ladder()), SystemClock())
    assert away.probe(identity).state is JobState.UNKNOWN
    with pytest.raises(HostUnreachableError, match="Unable to contact"):
        away.execute(stopper_for(job).plan(identity), TOKEN)
    slurm.call("scancel", job)
