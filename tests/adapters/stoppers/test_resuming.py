"""A stop that was begun before: no rung twice, and the rungs above only on firm ground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.shell import BEGUN_BEFORE
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.adapters.stoppers.tokens import Tokens, rung
from trainwatch_core.model.launch import LOCALHOST, Launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Job, Jobs, gone

StopperOf = Callable[..., GuardedStopper]
TOKEN = "c" * 32
IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); rest()"


@pytest.fixture
def marks(tokens: Path) -> Tokens:
    """The marks of all stoppers of a test, with the one that the stop was begun."""
    made = Tokens(tokens)
    made.claim(TOKEN, "")
    return made


@pytest.fixture
def job(jobs: Jobs) -> Job:
    """A job that only SIGKILL ends."""
    return jobs.start(IGNORING)


def test_begun_with_no_rung_taken_it_begins_with_the_first(job: Job, stopper_of: StopperOf, marks: Tokens) -> None:
    """Dead right after the mark: the whole ladder, by the next process."""
    stopper = stopper_of(job.pid, grace=0.2)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert [result.label.split()[0] for result in done.results] == ["SIGTERM", "SIGKILL"]
    assert done.probe.state is JobState.GONE
    assert marks.taken(TOKEN) == {rung(TOKEN, n, done=d) for n in (0, 1) for d in (False, True)}


def test_a_rung_that_was_taken_is_not_taken_again(job: Job, stopper_of: StopperOf, marks: Tokens) -> None:
    """SIGTERM surely went out: what is left is SIGKILL."""
    marks.take(rung(TOKEN, 0))
    marks.take(rung(TOKEN, 0, done=True))
    stopper = stopper_of(job.pid, grace=0.2)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert [result.label.split()[0] for result in done.results] == ["SIGKILL"]
    assert gone(job.pid)


def test_a_signal_that_perhaps_went_out_is_followed_by_none(job: Job, stopper_of: StopperOf, marks: Tokens) -> None:
    """Sent again it might break off a checkpoint; passed over, SIGKILL would be the first that the job hears."""
    marks.take(rung(TOKEN, 0))
    stopper = stopper_of(job.pid, grace=0.2)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert (done.results, done.probe.state) == ((), JobState.ALIVE)


def test_asked_only_to_look_it_takes_no_rung(job: Job, stopper_of: StopperOf, marks: Tokens) -> None:
    """Who approved may not do so any more, or the run is well: the ladder stays where it is."""
    stopper = stopper_of(job.pid, grace=0.2, kill=0.2)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN, resume=False)
    assert (done.results, done.probe.state) == ((), JobState.ALIVE)
    assert marks.taken(TOKEN) == frozenset()


def test_another_job_gets_none_of_the_rungs_that_are_left(job: Job, stopper_of: StopperOf, marks: Tokens) -> None:
    """F-A11: what has the name now is compared again before anything more is done."""
    stopper = stopper_of(job.pid, grace=0.2)
    plan = stopper.plan(stopper.identify())
    assert plan.identity is not None
    forged = replace(plan.identity, facts={**plan.identity.facts, "uid": "77"})
    done = stopper.execute(replace(plan, identity=forged), TOKEN)
    assert done.results == ()
    assert marks.taken(TOKEN) == frozenset()
    assert not gone(job.pid)


def test_a_command_with_a_mark_runs_once(marks: Tokens, clock: Clock, tokens: Path, tmp_path: Path) -> None:
    """Mark and command are one process: the second one finds the mark and does not become the command."""
    del marks
    place, counted = LocalPlace(clock, tokens), tmp_path / "counted"
    argv = ("/bin/sh", "-c", 'echo "$1" >>"$2"; exit 7', "x", "a b", str(counted))
    codes = [place.run(argv, mark=rung(TOKEN, 0)).exit_code for _ in range(2)]
    assert codes == [7, BEGUN_BEFORE]
    assert counted.read_text() == "a b\n"


def test_a_rung_that_somebody_else_has_just_taken_is_left_to_them(job: Job, clock: Clock, tokens: Path) -> None:
    """Two who are past the mark of the stop: whoever marks the rung sends, and the other one says what it knows."""
    marks = Tokens(tokens)

    def reach(point: str) -> None:
        if point == "stop.marked":
            assert marks.take(rung(TOKEN, 0))

    ladder = Ladder(0.1, None, "SIGTERM")
    stopper = GuardedStopper(
        ProcessJob(Launch("pid", LOCALHOST, str(job.pid)), LocalPlace(clock, tokens), ladder), clock, reach
    )
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert [(result.ok, result.unsure) for result in done.results] == [(False, True)]
    assert "begun before" in done.results[0].detail
    assert done.probe.state is JobState.ALIVE
