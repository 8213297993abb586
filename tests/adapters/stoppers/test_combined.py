"""A stop command with the identity and the proof of a launch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.combined import CombinedStopper
from trainwatch_core.adapters.stoppers.command import CommandStopper
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.model.errors import StopRefusedError
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Jobs, gone

StopperOf = Callable[..., GuardedStopper]


@pytest.fixture
def both(clock: Clock, tokens: Path, stopper_of: StopperOf) -> Callable[[str, int], CombinedStopper]:
    """Makes a stopper of a command and a pid."""

    def make(command: str, pid: int) -> CombinedStopper:
        return CombinedStopper(CommandStopper(command, clock=clock, tokens_dir=tokens), stopper_of(pid, grace=0.3))

    return make


Both = Callable[[str, int], CombinedStopper]


def test_the_command_comes_first_and_its_effect_is_proven(jobs: Jobs, both: Both) -> None:
    """A command that really ends the job is enough: no signal of ours, and the proof comes from the launch."""
    job = jobs.start()
    stopper = both(f"kill -TERM {job.pid}", job.pid)
    plan = stopper.plan(stopper.identify())
    assert [bool(step.argv) for step in plan.steps] == [True, False, False]
    assert (plan.stopper, plan.launch) == ("command+pid", f"pid:{job.pid}")
    assert plan.identity is not None
    assert plan.verify
    assert "PATH" in plan.environment
    done = stopper.execute(plan, "a" * 32)
    assert [result.label for result in done.results] == ["Run the stop command"]
    assert done.probe.state is JobState.GONE


def test_a_command_that_fails_is_followed_by_the_ladder(jobs: Jobs, both: Both) -> None:
    """F-S01: exit code 7 does not wait half a minute for a miracle: the next rung is taken at once."""
    job = jobs.start()
    stopper = both("exit 7", job.pid)
    begun = time.monotonic()
    done = stopper.execute(stopper.plan(stopper.identify()), "b" * 32)
    assert [result.ok for result in done.results] == [False, True]
    assert done.results[0].exit_code == 7
    assert done.probe.state is JobState.GONE
    assert time.monotonic() - begun < 25


def test_a_command_does_not_run_for_another_job(jobs: Jobs, both: Both, tmp_path: Path) -> None:
    """F-S05: the identity is compared before the command, not only before signals."""
    job = jobs.start()
    ran = tmp_path / "ran"
    stopper = both(f"touch {ran}", job.pid)
    identity = stopper.identify()
    assert identity is not None
    plan = stopper.plan(replace(identity, facts={**identity.facts, "start": "1"}))
    with pytest.raises(StopRefusedError):
        stopper.execute(plan, "c" * 32)
    assert not ran.exists()
    assert not gone(job.pid)


def test_a_command_does_not_run_for_a_job_that_is_gone(jobs: Jobs, both: Both, tmp_path: Path) -> None:
    """F-S12: already ended means that nothing is executed."""
    job = jobs.start()
    ran = tmp_path / "ran"
    stopper = both(f"touch {ran}", job.pid)
    plan = stopper.plan(stopper.identify())
    job.end()
    done = stopper.execute(plan, "d" * 32)
    assert (done.results, done.probe.state) == ((), JobState.GONE)
    assert not ran.exists()


def test_an_edited_command_is_refused(jobs: Jobs, both: Both, tmp_path: Path) -> None:
    """F-A12: neither the old nor the new command runs."""
    job = jobs.start()
    old = both("true", job.pid)
    plan = old.plan(old.identify())
    with pytest.raises(StopRefusedError, match="another one"):
        both(f"touch {tmp_path / 'ran'}", job.pid).execute(plan, "e" * 32)
    assert not (tmp_path / "ran").exists()
    assert not gone(job.pid)
