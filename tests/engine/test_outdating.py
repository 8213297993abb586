"""A question that waits is withdrawn when the job, the way to stop it or the rule of approval has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from trainwatch_core.model.errors import HostUnreachableError, JobNotFoundError, StopRefusedError, TrainwatchError
from trainwatch_core.model.message import StopOutcome, StopQuestion
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Mode, Watch, WatchState
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper
from trainwatch_core.testing.worlds import ANA, BROKEN, HEALTHY, FakeWorld


def asked(mode: Mode = Mode.ASK) -> tuple[FakeWorld, Watch, StopRequest]:
    """A run that has gone bad, and the question that waits."""
    world = FakeWorld()
    world.terms = replace(world.terms, auto_grace=3600.0)
    world.start()
    watch = world.watch(mode=mode)
    world.findings = BROKEN
    world.rounds(2, seconds=601)
    (request,) = world.store.requests(watch_id=watch.id)
    assert request.state is RequestState.PENDING
    return world, watch, request


def other_job(world: FakeWorld) -> None:
    """The job was restarted under the same name."""
    assert world.stopper is not None
    world.stopper.identity = replace(JOB, facts={**JOB.facts, "start": "later"}, label="pid 4211, train.py again")


def other_ladder(world: FakeWorld) -> None:
    """The file says another way."""

    class Harder(ScriptedStopper):
        def plan(self, identity: object) -> object:  # type: ignore[override]
            plan = super().plan(identity)  # type: ignore[arg-type]
            return replace(plan, steps=(*plan.steps, replace(plan.steps[0], label="again")))

    world.stopper = Harder()


def two_approvals(world: FakeWorld) -> None:
    """The file wants one more."""
    world.terms = replace(world.terms, approvals=2)


def nobody(world: FakeWorld) -> None:
    """Nobody tells any more."""
    world.stopper = None


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (other_job, "The job is another one now, pid 4211, train.py again"),
        (other_ladder, "What would be done now is not what was shown"),
        (two_approvals, "What would be done now is not what was shown"),
        (nobody, "Nobody tells any more how to stop it"),
    ],
)
def test_it_is_withdrawn_at_the_next_look(changes: Callable[[FakeWorld], None], words: str, mode: Mode) -> None:
    """P4, F-A06: told, on record, and nothing was run, by a restart at once."""
    world, watch, request = asked(mode)
    changes(world)
    world.start()
    world.tick()
    after = world.store.request(request.id)
    assert after.state is RequestState.SUPERSEDED
    outcome = [o for o in world.notifier.of(StopOutcome) if o.request_id == request.id][-1]
    assert outcome.lines[0].startswith(words)
    assert "Nothing was stopped" in outcome.lines[0]
    (row,) = [row for row in world.store.audited(watch_id=watch.id) if row.verb == "superseded"]
    assert row.request_id == request.id
    assert world.stopper is None or world.stopper.executions == []


def test_the_new_one_is_asked_in_the_same_look() -> None:
    """A run that is still bad does not wait for another half hour; the plan is that of now."""
    world, watch, request = asked()
    two_approvals(world)
    world.start()
    world.tick()
    questions = [question.request_id for question in world.notifier.of(StopQuestion)]
    assert len(questions) == 2
    (pending,) = world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
    assert questions == [request.id, pending.id]
    assert world.now(watch).state is WatchState.STOP_PENDING


@pytest.mark.parametrize(
    "error",
    [
        HostUnreachableError("The host does not answer"),
        StopRefusedError("The token cannot be read"),
        JobNotFoundError("There is no such process"),
    ],
)
def test_what_cannot_be_asked_is_no_change(error: TrainwatchError) -> None:
    """The network is down: the question stays, and the last checks before the command look again."""
    world, _, request = asked()
    assert world.stopper is not None
    world.stopper.identify_error = error
    world.start()
    world.tick()
    assert world.store.request(request.id).state is RequestState.PENDING


def test_nothing_changes_where_nothing_has_changed() -> None:
    """However often it looks, and however often it begins anew."""
    world, _, request = asked()
    for _ in range(3):
        world.start()
        world.rounds(1, seconds=601)
    assert world.store.request(request.id).state is RequestState.PENDING


def test_a_question_of_a_person_is_withdrawn_too() -> None:
    """`stop` in the thread: the same rules."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(1)
    request = world.engine.asking.ask(watch.id, ANA)
    world.rounds(1)
    assert world.store.request(request.id).state is RequestState.PENDING
    other_job(world)
    world.rounds(1)
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert world.findings == HEALTHY
    assert world.now(watch).state is WatchState.ACTIVE
