"""What every `ports.Stopper` of jobs must do, as tests that a third party can run too.

Subclass it in a test module and give it a stage:

    class TestMyStopper(StopperConformance):
        @pytest.fixture
        def stage(self) -> Iterator[Stage]: ...  # a job of the kind, not started yet
"""
# ruff: noqa: S101  # assert is how a conformance suite speaks

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from trainwatch_core.decision.stops import canonical_plan
from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import LOCALHOST
from trainwatch_core.model.stop import JobIdentity, JobState, StopPlan, StopStep
from trainwatch_core.ports import Stopper

TOKEN = "0123456789abcdef" * 2


class Stage(Protocol):
    """One real job of a kind, with the means to see it without the stopper."""

    def stopper(self) -> Stopper:
        """A new stopper for the job's launch, as another process would have it: the marks of stops are shared."""
        ...

    def start(self) -> None:
        """Start the job, and wait until it runs. It ends when it is asked to. May be called again after its end."""
        ...

    def end(self) -> None:
        """Let the job end by itself, and wait until it has."""
        ...

    def runs(self) -> bool:
        """Whether the job that was started last runs, by other means than the stopper's."""
        ...


class StopperConformance:
    """All rules. The tests use a fixture `stage`.

    Attributes:
        renewable: Whether a job can be started anew under the same launch.
        renewed: What a probe for the old job may say when a new one has its launch.
    """

    renewable = True
    renewed = frozenset({JobState.GONE, JobState.REPLACED})

    def test_a_job_is_known_by_facts_that_stay(self, stage: Stage) -> None:
        """Two looks at a running job give the same facts and a label of one visible line."""
        stage.start()
        first, second = _job(stage.stopper()), _job(stage.stopper())
        assert dict(first.facts) == dict(second.facts)
        assert first.facts
        assert all(isinstance(value, str) and value for value in first.facts.values())
        assert first.label
        assert first.label.isprintable()

    def test_a_plan_says_everything_beforehand(self, stage: Stage) -> None:
        """Every rung has words, commands are absolute paths, waits are finite, the proof is named; twice the same."""
        stage.start()
        plan, again = _plan(stage.stopper()), _plan(stage.stopper())
        assert canonical_plan(plan) == canonical_plan(again)
        assert plan.verify
        assert plan.identity is not None
        assert (plan.stopper, plan.host) == (plan.identity.kind, plan.identity.host)
        for step in plan.steps:
            assert step.label
            assert not step.argv or step.argv[0].startswith("/")
            assert not step.argv or step.host == plan.host
        assert stage.runs()

    def test_a_job_is_stopped_with_proof(self, stage: Stage) -> None:
        """The plan is carried out, the probe says gone, and so does everybody else."""
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        assert stopper.probe(plan.identity).state is JobState.ALIVE
        assert not stopper.begun(TOKEN)
        done = stopper.execute(plan, TOKEN)
        assert done.probe.state is JobState.GONE, done
        assert done.results
        assert not stage.runs()
        assert stopper.begun(TOKEN)
        assert stage.stopper().begun(TOKEN)
        assert stage.stopper().probe(plan.identity).state in {JobState.GONE, JobState.REPLACED}

    def test_a_job_that_ended_is_not_found(self, stage: Stage) -> None:
        """F-S12: what ended by itself is no job any more, and the probe knows that it is gone."""
        stage.start()
        identity = _job(stage.stopper())
        stage.end()
        with pytest.raises(JobNotFoundError):
            stage.stopper().identify()
        assert stage.stopper().probe(identity).state is JobState.GONE

    def test_a_job_that_ends_before_its_stop_is_left_alone(self, stage: Stage) -> None:
        """F-S12: nothing is run and nothing is marked."""
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        stage.end()
        done = stopper.execute(plan, TOKEN)
        assert (done.results, done.probe.state) == ((), JobState.GONE)
        assert not stopper.begun(TOKEN)

    def test_another_job_under_the_same_name_is_not_touched(self, stage: Stage) -> None:
        """F-A11: a job that was started anew is refused, runs on, and the old one is known as gone."""
        if not self.renewable:
            pytest.skip("no other job can ever have the launch of this one")
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        stage.end()
        stage.start()
        with pytest.raises(StopRefusedError):
            stopper.execute(plan, TOKEN)
        assert stage.runs()
        assert not stopper.begun(TOKEN)
        assert stage.stopper().probe(plan.identity).state in self.renewed

    def test_every_fact_counts(self, stage: Stage) -> None:
        """F-S05: one fact that differs is enough to refuse, and the message names it."""
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        identity = plan.identity
        assert identity is not None
        for fact in identity.facts:
            forged = replace(identity, facts={**identity.facts, fact: "77"})
            with pytest.raises(StopRefusedError):
                stopper.execute(replace(plan, identity=forged), TOKEN)
        assert stage.runs()
        assert not stopper.begun(TOKEN)

    def test_the_same_stop_runs_once(self, stage: Stage) -> None:
        """F-T01: a token that was used only looks, also in another process, whatever has the name now."""
        stage.start()
        plan = _plan(stage.stopper())
        assert stage.stopper().execute(plan, TOKEN).results
        if self.renewable:
            stage.start()
        assert stage.stopper().execute(plan, TOKEN).results == ()
        assert stage.runs() == self.renewable

    def test_a_step_that_nobody_knows_is_refused_before_the_first(self, stage: Stage) -> None:
        """A plan with a strange signal, or a command for a strange host, does nothing at all."""
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        strange = StopStep("x", signal="SIGSTOP"), StopStep("x", argv=("/bin/true",), host="elsewhere"), StopStep("x")
        for step in strange:
            with pytest.raises(StopRefusedError):
                stopper.execute(replace(plan, steps=(*plan.steps, step)), TOKEN)
        assert stage.runs()

    def test_a_plan_of_another_launch_is_refused(self, stage: Stage) -> None:
        """What was approved for one job is not done to another one."""
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        for other in (replace(plan, launch="pid:4211"), replace(plan, identity=None)):
            with pytest.raises(StopRefusedError):
                stopper.execute(other, TOKEN)
        assert stage.runs()

    def test_a_token_is_never_a_path(self, stage: Stage) -> None:
        """A request id that is no plain word is refused before anything is done."""
        stage.start()
        stopper = stage.stopper()
        plan = _plan(stopper)
        for token in ("", "../x", "a/b", ".", "a" * 65, "a\n", "$(id)"):
            with pytest.raises(StopRefusedError):
                stopper.execute(plan, token)
        assert stage.runs()

    def test_a_probe_never_raises(self, stage: Stage) -> None:
        """Without an identity, or with one that cannot be read, nothing is known, and nothing can be planned."""
        stage.start()
        stopper = stage.stopper()
        identity = _job(stopper)
        assert stopper.probe(None).state is JobState.UNKNOWN
        strange = JobIdentity("strange", LOCALHOST, "x", {}, "")
        assert stopper.probe(strange).state is JobState.UNKNOWN
        assert stopper.probe(replace(identity, facts={})).state is not JobState.ALIVE
        with pytest.raises(StopRefusedError):
            stopper.plan(None)


def _job(stopper: Stopper) -> JobIdentity:
    identity = stopper.identify()
    assert identity is not None
    return identity


def _plan(stopper: Stopper) -> StopPlan:
    return stopper.plan(stopper.identify())
