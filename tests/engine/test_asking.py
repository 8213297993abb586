"""A stop that a person asks for in chat is a question like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import ConflictError, JobNotFoundError, StopRefusedError, StorageError
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.message import FinalSummary, StopQuestion
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.testing.worlds import ANA, BROKEN, HEALTHY, FakeWorld

BO = Actor(ActorKind.SLACK, "UBO", "T1")


def looking() -> tuple[FakeWorld, Watch]:
    """A healthy run, after its first look; Bo is an approver."""
    world = FakeWorld()
    world.rules = replace(world.rules, team="T1", approvers=frozenset({"UBO"}))
    world.start()
    watch = world.watch()
    world.rounds(1)
    return world, watch


def test_it_asks_with_the_plan_and_stops_nothing_before_somebody_approves() -> None:
    """Who asked is named; the way from there is that of every stop."""
    world, watch = looking()
    request = world.engine.asking.ask(watch.id, BO)
    world.tick()
    (question,) = world.notifier.of(StopQuestion)
    assert question.saw[0] == "slack:UBO asks to stop it."
    assert "My last check says CONTINUE" in question.saw[1]
    assert question.plan == request.plan
    assert question.fingerprint == request.fingerprint[:8]
    assert world.now(watch).state is WatchState.STOP_PENDING
    assert world.stopper is not None
    assert world.stopper.executions == []
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.rounds(2)
    assert world.store.request(request.id).state is RequestState.STOPPED
    assert len(world.stopper.executions) == 1


def test_healthy_looks_do_not_withdraw_what_a_person_asked_for() -> None:
    """The curve was well when they asked: it is no news."""
    world, watch = looking()
    request = world.engine.asking.ask(watch.id, BO)
    world.rounds(1)
    assert world.store.request(request.id).state is RequestState.PENDING


def test_it_is_asked_once_at_a_time() -> None:
    """Two people, one question; none for a watch that has ended, or a job that nobody can stop."""
    world, watch = looking()
    world.engine.asking.ask(watch.id, BO)
    with pytest.raises(ConflictError):
        world.engine.asking.ask(watch.id, ANA)
    world, watch = looking()
    world.engine.watches.end(watch.id, ANA)
    assert world.stopper is not None
    world.stopper.identify_error = JobNotFoundError("There is no such process")  # it is not even looked for
    with pytest.raises(ConflictError):
        world.engine.asking.ask(watch.id, ANA)
    world, watch = looking()
    world.stopper = None
    world.start()
    with pytest.raises(StopRefusedError):
        world.engine.asking.ask(watch.id, ANA)
    assert world.store.requests(watch_id=watch.id) == ()


def test_evidence_is_kept_of_a_stop_by_hand_too() -> None:
    """F5: how the run was when somebody asked, named in the question."""
    world, watch = looking()
    request = world.engine.asking.ask(watch.id, BO)
    assert request.evidence.startswith("memory:")
    world.tick()
    (question,) = world.notifier.of(StopQuestion)
    assert question.evidence == request.evidence
    world, watch = looking()
    request = world.engine.watches.stop_by_hand(watch.id, ANA)
    kept = world.locker.kept[request.evidence.removeprefix("memory:")]
    assert {"request.json", "run.json"} <= set(kept)
    assert request.id in kept["request.json"].decode()


@pytest.mark.parametrize(("findings", "began"), [(BROKEN, 8.0), (HEALTHY, None)])
def test_a_stop_by_hand_says_where_the_trouble_began_if_there_is_any(
    findings: tuple[Finding, ...], began: float | None
) -> None:
    """F7: whoever breaks the glass wants the last good checkpoint too."""
    world, watch = looking()
    world.findings = tuple(replace(finding, first_step=8.0) for finding in findings)
    request = world.engine.watches.stop_by_hand(watch.id, ANA)
    assert request.onset_step == began
    world.rounds(1)
    (summary,) = world.notifier.of(FinalSummary)
    assert ("Last good step" in str(summary)) == (began is not None)


def test_a_person_stops_without_evidence_where_none_can_be_kept() -> None:
    """The disk is full: they answer for it, and are not held up."""
    world, watch = looking()
    world.locker.fail_with = StorageError("The disk is full")
    request = world.engine.watches.stop_by_hand(watch.id, ANA)
    assert request.evidence == ""
    world.rounds(1)
    assert world.store.request(request.id).state is RequestState.STOPPED
