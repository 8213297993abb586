"""Stopping Jobs of Kubernetes: the real kubectl, against a small fake of the API server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.kubernetes import KubernetesJob
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.config.targets import KubernetesTable
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import Execution, JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.kubernetes import FakeKubernetes
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance

pytestmark = pytest.mark.system("kubectl")

TOKEN = "a" * 32
Make = Callable[..., GuardedStopper]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeKubernetes]:
    """A cluster without Jobs."""
    made = FakeKubernetes(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def stopper_for(cluster: FakeKubernetes, clock: Clock, tokens: Path) -> Make:
    """Makes a stopper of a Job of the namespace `train`."""

    def make(name: str = "job-a", kill: float | None = 1.0) -> GuardedStopper:
        table = KubernetesTable(kubeconfig=str(cluster.kubeconfig))
        job = KubernetesJob(Launch("k8s", "train", name), LocalPlace(clock, tokens), Ladder(0.0, kill), table)
        return GuardedStopper(job, clock)

    return make


class KubernetesStage:
    """A Job with one pod."""

    def __init__(self, cluster: FakeKubernetes, make: Make) -> None:
        self._cluster, self._make = cluster, make

    def stopper(self) -> GuardedStopper:
        return self._make()

    def start(self) -> None:
        self._cluster.start("job-a")

    def end(self) -> None:
        self._cluster.finish("job-a")

    def runs(self) -> bool:
        return self._cluster.runs("job-a")


class TestKubernetes(StopperConformance):
    """By kubectl."""

    @pytest.fixture
    def stage(self, cluster: FakeKubernetes, stopper_for: Make) -> Stage:
        """A Job."""
        return KubernetesStage(cluster, stopper_for)


def stop(stopper: GuardedStopper) -> Execution:
    """Plan with short waits, and execute."""
    plan = stopper.plan(stopper.identify())
    return stopper.execute(replace(plan, steps=tuple(replace(step, wait=1.0) for step in plan.steps)), TOKEN)


def test_the_context_is_always_named(cluster: FakeKubernetes, stopper_for: Make) -> None:
    """Whatever the current context becomes: identity and commands hold the one that was looked at."""
    uid = cluster.start("job-a")
    stopper = stopper_for()
    identity = stopper.identify()
    assert (identity.facts["uid"], identity.facts["context"]) == (uid, "lab")
    assert "on gpu-7" in identity.label
    for step in stopper.plan(identity).steps:
        assert {"--context=lab", "--namespace=train"} <= set(step.argv)


def test_a_job_is_suspended_and_not_deleted(cluster: FakeKubernetes, stopper_for: Make) -> None:
    """The Job stays for whoever wants to look at it; its pods are gone and no new ones begin."""
    cluster.start("job-a")
    done = stop(stopper_for())
    assert done.probe.state is JobState.GONE
    assert [method for method, _ in cluster.changes] == ["PATCH"]
    assert cluster.jobs["job-a"]["spec"] == {"suspend": True}


def test_the_cluster_itself_compares_the_uid(cluster: FakeKubernetes, stopper_for: Make, clock: Clock) -> None:
    """F-A11: a Job that is made anew between our last look and the command is not suspended."""
    cluster.start("job-a")
    stopper = stopper_for()
    step = stopper.plan(stopper.identify()).steps[0]
    cluster.start("job-a")
    ran = LocalPlace(clock, Path("/nowhere")).run(step.argv)
    assert ran.exit_code != 0
    assert cluster.changes == []
    assert cluster.runs("job-a")


def test_a_pod_that_stays_terminating_is_ended_by_force(cluster: FakeKubernetes, stopper_for: Make) -> None:
    """F-S11: stuck Terminating is not gone; the second rung was approved and ends it."""
    cluster.start("job-a")
    cluster.mode = "stuck"
    done = stop(stopper_for())
    assert [result.ok for result in done.results] == [True, True]
    assert done.probe.state is JobState.GONE


def test_a_pod_that_nothing_ends_is_named(cluster: FakeKubernetes, stopper_for: Make) -> None:
    """F-S11: NOT stopped, with the state and the pod."""
    cluster.start("job-a")
    cluster.mode = "hung"
    done = stop(stopper_for())
    assert done.probe.state is JobState.ALIVE
    assert "state=Terminating" in done.probe.detail
    assert "job-a-" in done.probe.survivors[0]


def test_a_job_that_starts_its_pods_again_is_not_stopped(cluster: FakeKubernetes, stopper_for: Make) -> None:
    """F-S11: somebody resumed the Job: its pod is another one, its uid the same."""
    cluster.start("job-a")
    stopper = stopper_for()
    identity = stopper.identify()
    with cluster.lock:
        cluster.pods.clear()
    assert stopper.probe(identity).state is JobState.ALIVE
    assert "will start new ones" in stopper.probe(identity).detail
    with cluster.lock:
        cluster.spawn(cluster.jobs["job-a"])
    assert stopper.probe(identity).state is JobState.ALIVE


def test_a_cluster_that_gives_no_answer_proves_nothing(cluster: FakeKubernetes, stopper_for: Make) -> None:
    """503 is not NotFound: unknown, and no stop."""
    cluster.start("job-a")
    stopper = stopper_for()
    plan = stopper.plan(stopper.identify())
    cluster.mode = "away"
    assert stopper.probe(plan.identity).state is JobState.UNKNOWN
    with pytest.raises(HostUnreachableError):
        stopper.execute(plan, TOKEN)
    assert cluster.changes == []


@pytest.mark.parametrize("name", ["--all", "-l", "A", "a/b", "a b", "a_b", "a,b"])
def test_names_that_are_no_job_are_refused(name: str, stopper_for: Make) -> None:
    """F-S06: no options, no several Jobs, no other kinds."""
    with pytest.raises(InvalidInputError):
        stopper_for(name)


def test_a_job_that_is_not_there_is_said_to_be(stopper_for: Make) -> None:
    """With how to see those that are."""
    with pytest.raises(JobNotFoundError, match="-n train get jobs"):
        stopper_for("job-b").identify()
