"""Stopping Ray jobs, against a stand-in for the Jobs API with real processes behind it: Ray itself is 80 MB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.ray import RayJob
from trainwatch_core.config.targets import ServerTable
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.ray import TOKEN as CLUSTER_TOKEN
from trainwatch_core.testing.ray import FakeRay
from trainwatch_core.testing.stopper_conformance import TOKEN, Stage, StopperConformance

JOB = "raysubmit_a1B2c3"
Make = Callable[..., GuardedStopper]


@pytest.fixture
def ray() -> Iterator[FakeRay]:
    """A cluster without jobs."""
    cluster = FakeRay()
    yield cluster
    cluster.close()


@pytest.fixture
def make(ray: FakeRay, clock: Clock, tokens: Path, tmp_path: Path) -> Make:
    """Makes a stopper of a job of the cluster `lab`."""
    secret = tmp_path / "token"
    secret.write_text(CLUSTER_TOKEN)
    secret.chmod(0o600)

    def stopper(job: str = JOB, url: str = "") -> GuardedStopper:
        servers = {"lab": ServerTable(url=url or ray.url, token_file=str(secret))}
        launch = parse_launch(f"ray:lab/{job}")
        return GuardedStopper(RayJob(launch, LocalPlace(clock, tokens), Ladder(0.0, 1.0), servers), clock)

    return stopper


class RayStage:
    """One job."""

    def __init__(self, ray: FakeRay, make: Make) -> None:
        self._ray, self._make = ray, make

    def stopper(self) -> GuardedStopper:
        return self._make()

    def start(self) -> None:
        self._ray.start(JOB)

    def end(self) -> None:
        self._ray.end(JOB)

    def runs(self) -> bool:
        return self._ray.runs(JOB)


class TestConformance(StopperConformance):
    """The rules of all stoppers."""

    renewed = frozenset({JobState.REPLACED})

    @pytest.fixture
    def stage(self, ray: FakeRay, make: Make) -> Stage:
        return RayStage(ray, make)


def test_a_cluster_that_only_says_so_has_stopped_nothing(ray: FakeRay, make: Make) -> None:
    """F-S01: 200 and {"stopped": true} prove nothing."""
    ray.start(JOB)
    ray.stubborn = True
    stopper = make()
    plan = stopper.plan(stopper.identify())
    done = stopper.execute(replace(plan, steps=tuple(replace(step, wait=0.2) for step in plan.steps)), TOKEN)
    assert [result.ok for result in done.results] == [True]
    assert done.probe.state is JobState.ALIVE
    assert ray.runs(JOB)


def test_a_cluster_that_is_away_or_answers_oddly_proves_nothing(ray: FakeRay, make: Make) -> None:
    """Never "stopped" by silence."""
    ray.start(JOB)
    identity = make().identify()
    assert make(url="http://127.0.0.1:9").probe(identity).state is JobState.UNKNOWN
    ray.broken = True
    assert make().probe(identity).state is JobState.UNKNOWN
    with pytest.raises(HostUnreachableError):
        make().identify()


def test_jobs_that_are_not_there_are_said(ray: FakeRay, make: Make) -> None:
    """Unknown, over, no id, a server that nobody declared, a token that the cluster does not know."""
    with pytest.raises(JobNotFoundError, match="no such job"):
        make().identify()
    ray.start(JOB)
    ray.end(JOB)
    with pytest.raises(JobNotFoundError, match="FAILED"):
        make().identify()
    for launch in ("ray:../jobs", "ray:other/raysubmit_1", "ray:a/b/c"):
        with pytest.raises(InvalidInputError):
            RayJob(parse_launch(launch), None, Ladder(), {})  # type: ignore[arg-type]  # refused before it is used


def test_a_token_that_the_cluster_does_not_know_is_refused(ray: FakeRay, clock: Clock, tokens: Path) -> None:
    """And without a token nothing is sent but the question."""
    ray.start(JOB)
    bare = RayJob(
        parse_launch(f"ray:lab/{JOB}"), LocalPlace(clock, tokens), Ladder(), {"lab": ServerTable(url=ray.url)}
    )
    with pytest.raises(StopRefusedError, match="does not know our token"):
        GuardedStopper(bare, clock).identify()
