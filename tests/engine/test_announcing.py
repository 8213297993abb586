"""What somebody expects, and alarms that were false."""

from __future__ import annotations

import pytest

from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.announcement import LONGEST, Announcement
from trainwatch_core.model.errors import ConflictError, InvalidInputError, NotAllowedError
from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import WatchState
from trainwatch_core.testing.stoppers import ScriptedStopper
from trainwatch_core.testing.worlds import ANA, FakeWorld, finding

EVE = Actor(ActorKind.LOCAL, "eve")
RISEN = (finding(Decision.STOP, Weight.SOFT, step=33.0),)


def audited(world: FakeWorld) -> list[tuple[str, str, bool]]:
    """Verb, detail and whether it was allowed, of all that was noted or refused."""
    rows = world.store.audited()
    return [(row.verb, row.detail, row.allowed) for row in rows if row.verb != "watch"]


def test_a_change_is_noted_at_the_newest_step_and_audited() -> None:
    """D4: who says nothing about the step means now."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(2)
    noted = world.engine.announcing.expect(watch.id, ANA, " harder data ")
    assert noted == Announcement(39.0, "harder data")
    assert world.now(watch).context.announced == (noted,)
    assert audited(world)[-1] == ("expect", "step 39: harder data", True)


def test_a_change_may_be_announced_ahead_and_before_the_first_look() -> None:
    """D4: with a step, nothing need have been seen; what was announced before stays."""
    world = FakeWorld()
    watch = world.watch(announced=(Announcement(10.0),))
    world.engine.announcing.expect(watch.id, ANA, at=9000.0)
    assert world.now(watch).context.announced == (Announcement(10.0), Announcement(9000.0))
    assert audited(world)[-1] == ("expect", "step 9,000", True)
    with pytest.raises(InvalidInputError, match="No step was seen yet"):
        world.engine.announcing.expect(watch.id, ANA)
    with pytest.raises(InvalidInputError, match="No step was seen yet"):
        world.engine.announcing.false_alarm(watch.id, ANA)


@pytest.mark.parametrize(("announced", "asked"), [(False, 1), (True, 0)])
def test_what_follows_from_an_announced_change_asks_for_no_stop(announced: bool, asked: int) -> None:  # noqa: FBT001  # a parameter
    """D4: the same three looks at the same trouble, with and without a word before."""
    world = FakeWorld()
    watch = world.watch(planned_steps=500.0)
    world.rounds(1)
    if announced:
        world.engine.announcing.expect(watch.id, ANA, at=33.0)
    world.findings = RISEN
    world.rounds(2)
    assert len(world.store.requests(watch_id=watch.id)) == asked


def test_a_false_alarm_declines_the_question_that_waits() -> None:
    """D4: noted, declined, told, and the run goes on; the same trouble is not asked about again."""
    world = FakeWorld()
    watch = world.watch()
    world.findings = RISEN
    world.rounds(3)
    (request,) = world.store.requests(watch_id=watch.id)
    noted = world.engine.announcing.false_alarm(watch.id, ANA)
    assert noted == Announcement(59.0, "false alarm")
    declined = world.store.request(request.id)
    assert (declined.state, declined.decided_by) == (RequestState.DECLINED, ANA)
    assert world.now(watch).state is WatchState.ACTIVE
    assert [verb for verb, _, _ in audited(world)][-2:] == ["false_alarm", "declined"]
    world.rounds(12)
    assert len(world.store.requests(watch_id=watch.id)) == 1
    outcomes = [body.state for body in world.notifier.of(StopOutcome) if isinstance(body, StopOutcome)]
    assert outcomes == [RequestState.DECLINED]
    assert isinstance(world.stopper, ScriptedStopper)
    assert world.stopper.executions == []


def test_a_false_alarm_said_twice_is_one() -> None:
    """A second press adds nothing."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(1)
    assert world.engine.announcing.false_alarm(watch.id, ANA) == world.engine.announcing.false_alarm(watch.id, ANA)
    assert len(world.now(watch).context.announced) == 1


def test_a_false_alarm_that_comes_too_late_says_so() -> None:
    """Who believes the run goes on must hear that it is being stopped."""
    world = FakeWorld()
    watch = world.watch()
    world.findings = RISEN
    world.rounds(3)
    (request,) = world.store.requests(watch_id=watch.id)
    world.engine.stops.decide(request.id, ANA, approve=True)
    with pytest.raises(ConflictError, match="already approved by ana"):
        world.engine.announcing.false_alarm(watch.id, ANA)
    assert world.store.request(request.id).state is RequestState.APPROVED


def test_a_question_that_has_expired_meanwhile_is_as_good_as_declined() -> None:
    """The alarm is noted, and nobody is troubled with the rest."""
    world = FakeWorld()
    watch = world.watch()
    world.findings = RISEN
    world.rounds(3)
    (request,) = world.store.requests(watch_id=watch.id)
    world.clock.advance(2 * world.terms.approval_ttl)
    assert world.engine.announcing.false_alarm(watch.id, ANA).what == "false alarm"
    assert world.store.request(request.id).state is RequestState.EXPIRED


def test_only_those_who_may_edit_a_watch_may_explain_it_away() -> None:
    """F-A01: a stranger's word holds no stop back; the attempt is audited."""
    world = FakeWorld()
    watch = world.watch()
    world.findings = RISEN
    world.rounds(3)
    (request,) = world.store.requests(watch_id=watch.id)
    for act in (world.engine.announcing.expect, world.engine.announcing.false_alarm):
        with pytest.raises(NotAllowedError):
            act(watch.id, EVE)
        assert audited(world)[-1][0] == "edit"
        assert not audited(world)[-1][2]
    assert world.now(watch).context.announced == ()
    assert world.store.request(request.id).state is RequestState.PENDING


def test_a_watch_that_has_ended_expects_nothing() -> None:
    """There is nothing left to hold back."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(1)
    world.engine.watches.end(watch.id, ANA)
    with pytest.raises(ConflictError, match="has ended"):
        world.engine.announcing.expect(watch.id, ANA, at=5.0)


def test_words_that_cannot_be_kept_are_refused() -> None:
    """Too long, or with something in them that nobody sees."""
    world = FakeWorld()
    watch = world.watch()
    for words in ("x" * (LONGEST + 1), "two\nlines", "\u202eback"):
        with pytest.raises(InvalidInputError):
            world.engine.announcing.expect(watch.id, ANA, words, at=5.0)
    assert world.now(watch).context.announced == ()
