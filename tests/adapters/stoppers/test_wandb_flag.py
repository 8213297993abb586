"""The stop flag of W&B: the real SDK as the training, against the fake server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.stopping import WandbFlag
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import JobState, StopPlan
from trainwatch_core.ports import Clock
from trainwatch_core.testing.wandb_runs import FakeRun
from trainwatch_core.testing.wandb_server import FakeWandb, Fault

TOKEN = "a" * 32
PATH = "lab/vision/r1"
Make = Callable[..., GuardedStopper]
_TRAINING = """
import pathlib, sys, time, wandb
run = wandb.init(project="vision", entity="lab", id="r1", dir=sys.argv[1])
try:
    for step in range(6000):
        run.log({"loss": 1.0 / (step + 1)})
        pathlib.Path(sys.argv[1], "alive").write_text(str(step))
        time.sleep(0.02)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1], "saved").write_text("the last checkpoint")
    run.finish(exit_code=1)
"""


@pytest.fixture
def fake() -> Iterator[FakeWandb]:
    """A server without runs."""
    with FakeWandb() as server:
        yield server


@pytest.fixture
def make(fake: FakeWandb, clock: Clock, tokens: Path) -> Make:
    """Makes a stopper of a run."""

    def stopper(path: str = PATH, *, launch: str = "wandb:", grace: float = 0.0) -> GuardedStopper:
        endpoint = Endpoint(fake.url, fake.url, "k" * 40)
        run = RunRef(RunKind.WANDB, path)
        place = LocalPlace(clock, tokens)
        return GuardedStopper(WandbFlag(parse_launch(launch), run, place, Ladder(grace), lambda: endpoint, 10.0), clock)

    return stopper


def test_the_real_sdk_hears_the_flag_and_ends_its_training(fake: FakeWandb, make: Make, tmp_path: Path) -> None:
    """SIGINT in the training, which saves and says goodbye: only that is the proof."""
    training = subprocess.Popen([sys.executable, "-c", _TRAINING, str(tmp_path)], env=_environ(fake, tmp_path))
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "alive").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        stopper = make(grace=60.0)
        plan = stopper.plan(stopper.identify())
        done = stopper.execute(plan, TOKEN)
        assert done.probe.state is JobState.GONE, done
        assert (tmp_path / "saved").read_text() == "the last checkpoint"
        assert training.wait(60) == 0
    finally:
        training.kill()
        training.wait()


def _environ(fake: FakeWandb, folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), **fake.environment()}


def test_a_training_that_does_not_listen_is_not_stopped(fake: FakeWandb, make: Make) -> None:
    """The flag is set, the run goes on: said as it is."""
    run = fake.add(PATH)
    stopper = make()
    done = stopper.execute(_impatient(stopper.plan(stopper.identify())), TOKEN)
    assert run.stopped
    assert done.probe.state is JobState.ALIVE
    assert "the stop flag is set" in done.probe.detail
    assert stopper.begun(TOKEN)


def _impatient(plan: StopPlan) -> StopPlan:
    return replace(plan, steps=tuple(replace(step, wait=0.2) for step in plan.steps))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("finished", JobState.GONE), ("failed", JobState.GONE), ("killed", JobState.GONE), ("crashed", JobState.UNKNOWN)],
)
def test_only_a_goodbye_is_a_proof(fake: FakeWandb, make: Make, state: str, expected: JobState) -> None:
    """A crash is what the server guesses when it hears nothing."""
    run = fake.add(PATH)
    stopper = make()
    identity = stopper.identify()
    run.state = state
    assert stopper.probe(identity).state is expected


def test_a_run_that_is_over_or_unknown_is_not_stopped(fake: FakeWandb, make: Make) -> None:
    """Nothing is set."""
    fake.add(PATH, state="finished")
    with pytest.raises(JobNotFoundError, match="finished"):
        make().identify()
    with pytest.raises(JobNotFoundError, match="no such run"):
        make("lab/vision/other").identify()


def test_another_run_under_the_name_is_not_the_one(fake: FakeWandb, make: Make) -> None:
    """F-A11: deleted and made anew, with another id on the server."""
    fake.add(PATH)
    stopper = make()
    plan = stopper.plan(stopper.identify())
    fake.runs["lab", "vision", "r1"] = FakeRun("lab", "vision", "r1", created_at="2026-01-01T00:00:00")
    with pytest.raises(StopRefusedError):
        stopper.execute(plan, TOKEN)
    assert not fake.runs["lab", "vision", "r1"].stopped


def test_a_server_that_is_away_proves_nothing(fake: FakeWandb, make: Make) -> None:
    """Unreachable is not gone."""
    fake.add(PATH)
    stopper = make()
    identity = stopper.identify()
    fake.fault = Fault.BAD_GATEWAY
    assert stopper.probe(identity).state is JobState.UNKNOWN
    with pytest.raises(HostUnreachableError):
        stopper.identify()


@pytest.mark.parametrize("launch", ["wandb:other", "wandb:host/other"])
def test_the_flag_is_that_of_the_watched_run(make: Make, launch: str) -> None:
    """No other run can be named."""
    with pytest.raises(InvalidInputError):
        make(launch=launch)
