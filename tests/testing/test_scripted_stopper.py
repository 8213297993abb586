"""The fake stopper keeps to the contract that the real ones keep to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Stopper
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper


def test_it_runs_once_for_a_token_and_then_only_looks() -> None:
    """Executions are counted; a second call with the same token is a probe."""
    stopper = ScriptedStopper()
    port: Stopper = stopper
    plan = port.plan(port.identify())
    assert port.probe(JOB).state is JobState.ALIVE
    assert port.execute(plan, "t").probe.state is JobState.GONE
    assert port.execute(plan, "t").results == ()
    assert (len(stopper.executions), stopper.calls) == (1, ["t", "t"])


def test_it_refuses_a_job_that_changed_and_does_nothing_for_one_that_is_gone() -> None:
    """Restarted: refused. Gone: no execution, and identify says so."""
    stopper = ScriptedStopper()
    plan = stopper.plan(stopper.identify())
    stopper.identity = replace(JOB, facts={"pid": "4211", "start": "1"})
    with pytest.raises(StopRefusedError):
        stopper.execute(plan, "t")
    gone = ScriptedStopper(states=[JobState.GONE])
    assert gone.execute(plan, "t").results == ()
    with pytest.raises(JobNotFoundError):
        gone.identify()
    assert stopper.executions == gone.executions == []


def test_it_plays_its_script() -> None:
    """States come in order, errors are raised, a stop that does not work leaves the job alive with survivors."""
    stopper = ScriptedStopper(states=[JobState.ALIVE, JobState.UNKNOWN], after=JobState.ALIVE, survivors=("pid 1",))
    assert [stopper.probe(JOB).state for _ in range(3)] == [JobState.ALIVE, JobState.UNKNOWN, JobState.UNKNOWN]
    assert stopper.execute(stopper.plan(JOB), "t").probe.survivors == ("pid 1",)
    stopper.execute_error = RuntimeError("lost")
    with pytest.raises(RuntimeError, match="lost"):
        stopper.execute(stopper.plan(JOB), "u")
    bare = ScriptedStopper(identity=None)
    assert bare.execute(bare.plan(bare.identify()), "t").probe.state is JobState.UNKNOWN
