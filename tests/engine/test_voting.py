"""Several people approve one stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.decision.authority import Allow, Rules
from trainwatch_core.engine.voting import votes
from trainwatch_core.engine.world import Terms, nobody_to_ask
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.change import Vote
from trainwatch_core.model.errors import ConflictError, NotAllowedError
from trainwatch_core.model.message import StopOutcome, StopQuestion
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Mode, WatchState
from trainwatch_core.testing.worlds import BROKEN, FakeWorld

BO, CY, DI = (Actor(ActorKind.SLACK, name, "T0HOME") for name in ("U0BO", "U0CY", "U0DI"))
RULES = Rules(local_user="ana", team="T0HOME", approvers=frozenset({"U0BO", "U0CY", "U0DI"}))


def asked(people: int = 2, **terms: object) -> tuple[FakeWorld, StopRequest]:
    """A question that so many people must answer."""
    world = FakeWorld(terms=Terms(approvals=people, **terms), rules=RULES)  # type: ignore[arg-type]  # as given
    world.watch()
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    (request,) = world.store.requests()
    return world, request


def executions(world: FakeWorld) -> int:
    """How often something was stopped."""
    assert world.stopper is not None
    return len(world.stopper.executions)


def withheld(world: FakeWorld, request: StopRequest) -> str:
    """Carries out what was approved, sees that nothing was stopped, and returns what was told of it."""
    world.engine.carrying.carry_out(request.id)
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert executions(world) == 0
    world.tick()
    told = world.notifier.of(StopOutcome)[-1]
    assert isinstance(told, StopOutcome)
    return told.lines[0]


def test_one_of_two_stops_nothing_and_the_second_does() -> None:
    """The first approval is told with what is missing; the second one carries it out, once."""
    world, request = asked()
    after = world.engine.stops.decide(request.id, BO, approve=True)
    world.tick()
    assert after.state is RequestState.PENDING
    assert executions(world) == 0
    assert "1 more person must approve it" in world.notifier.of(StopOutcome)[-1].lines[0]
    world.engine.stops.decide(request.id, CY, approve=True)
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.STOPPED
    assert executions(world) == 1
    assert votes(world.engine.world, request) == (BO, CY)


def test_the_same_person_counts_once() -> None:
    """F-A13: pressing again, also after a restart, adds nothing."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=True)
    world.start()
    with pytest.raises(ConflictError, match="approved this already"):
        world.engine.stops.decide(request.id, BO, approve=True)
    assert world.store.request(request.id).state is RequestState.PENDING
    assert executions(world) == 0


def test_the_same_user_id_of_another_workspace_is_no_second_person() -> None:
    """F-A13: they are refused before they are counted."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=True)
    with pytest.raises(NotAllowedError):
        world.engine.stops.decide(request.id, replace(BO, team="T0OTHER"), approve=True)
    assert votes(world.engine.world, request) == (BO,)


def test_any_decline_ends_it() -> None:
    """Two want to stop it, one does not: it goes on."""
    world, request = asked(3)
    world.engine.stops.decide(request.id, BO, approve=True)
    world.engine.stops.decide(request.id, CY, approve=False)
    with pytest.raises(ConflictError):
        world.engine.stops.decide(request.id, DI, approve=True)
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.DECLINED
    assert executions(world) == 0


def test_a_vote_does_not_lengthen_the_time() -> None:
    """The expiry counts from the question, whoever has answered."""
    world, request = asked(approval_ttl=3600.0)
    world.tick()
    world.clock.advance(3000)
    world.engine.stops.decide(request.id, BO, approve=True)
    world.clock.advance(700)
    with pytest.raises(ConflictError, match="expired"):
        world.engine.stops.decide(request.id, CY, approve=True)
    assert executions(world) == 0


def test_who_lost_the_right_meanwhile_does_not_count() -> None:
    """F-A14: every approver is asked about again right before the command."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=True)
    world.engine.stops.decide(request.id, CY, approve=True)
    world.rules = replace(RULES, approvers=frozenset({"U0CY"}))
    world.start()
    assert "Not stopped: " in withheld(world, request)


def test_a_vote_that_was_enough_for_a_while_only_is_not_enough() -> None:
    """F-A13: one was enough when it was cast, two were when it was asked and are when the command would run."""
    world, request = asked()
    world.terms = replace(world.terms, approvals=1)
    world.start()
    assert world.engine.stops.decide(request.id, BO, approve=True).state is RequestState.APPROVED
    world.terms = replace(world.terms, approvals=2)
    world.start()
    assert "Not stopped: 1 approved it and 2 must" in withheld(world, request)


@pytest.mark.parametrize("gone", [BO, CY], ids=["first", "second"])
def test_whose_account_was_closed_meanwhile_does_not_count(gone: Actor) -> None:
    """F-A14: the chat is asked about every approver right before the command, and its word is told."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=True)
    world.engine.stops.decide(request.id, CY, approve=True)

    def vouch(actor: Actor) -> None:
        if actor == gone:
            raise NotAllowedError(f"{actor} is a deactivated account now")

    world.vouch = vouch
    assert f"Not stopped: {gone} is a deactivated account now" in withheld(world, request)


def test_without_a_chat_to_ask_an_approval_of_chat_is_none() -> None:
    """A process that cannot ask the chat carries out what was decided on the host, and nothing else."""
    world, request = asked(1)
    world.vouch = nobody_to_ask
    world.engine.stops.decide(request.id, BO, approve=True)
    world.engine.carrying.carry_out(request.id)
    assert executions(world) == 0
    world, request = asked(1)
    world.vouch = nobody_to_ask
    by_hand = world.engine.watches.stop_by_hand(request.watch_id, Actor(ActorKind.LOCAL, "ana"))
    world.engine.carrying.carry_out(by_hand.id)
    assert executions(world) == 1


def test_a_rule_that_was_made_stricter_meanwhile_counts() -> None:
    """F-A12: how many must approve is part of what was approved."""
    world, request = asked(1)
    world.engine.stops.decide(request.id, BO, approve=True)
    world.terms = Terms(approvals=2)
    world.start()
    assert "Not stopped: " in withheld(world, request)


def test_the_question_says_how_many_must_approve() -> None:
    """Before anybody presses."""
    world, _ = asked(3)
    assert world.notifier.of(StopQuestion)[-1].approvals == 3


def test_automatic_mode_and_the_host_have_rules_of_their_own() -> None:
    """Whoever switched it on wanted the night covered; whoever owns the database holds the glass to break."""
    world = FakeWorld(terms=Terms(approvals=2, auto_grace=300.0), rules=RULES)
    watch = world.watch(mode=Mode.AUTO)
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    world.clock.advance(301)
    world.tick()
    assert executions(world) == 1
    assert world.now(watch).state is WatchState.ENDED
    world, request = asked()
    by_hand = world.engine.watches.stop_by_hand(request.watch_id, Actor(ActorKind.LOCAL, "ana"))
    world.engine.carrying.carry_out(by_hand.id)
    assert executions(world) == 1


def test_a_stopper_may_ask_for_more_people_than_the_rest() -> None:
    """P1: role, channel and the stopper's own list, at the click and in what the question says."""
    only = Allow(channels=frozenset({"terminal"}), approvers=frozenset({"U0BO", "U0CY"}), approvals=2)
    world = FakeWorld(rules=replace(RULES, stoppers={"lab": only}))
    world.watch(launch="command:lab:job_id=7")
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    (request,) = world.store.requests()
    question = world.notifier.of(StopQuestion)[-1]
    assert isinstance(question, StopQuestion)
    assert (question.approvals, question.approvers) == (2, ("U0BO", "U0CY"))
    with pytest.raises(NotAllowedError, match="own list"):
        world.engine.stops.decide(request.id, DI, approve=True)
    world.engine.stops.decide(request.id, BO, approve=True)
    assert executions(world) == 0
    world.engine.stops.decide(request.id, CY, approve=True)
    world.dispatcher.drain()
    assert executions(world) == 1


def test_each_vote_is_told_with_what_is_missing_and_stored_with_its_time() -> None:
    """One message a vote, by a key of its own; the last vote is told by the outcome."""
    world, request = asked(3)
    for who in (BO, CY):
        world.engine.stops.decide(request.id, who, approve=True)
    said = [row for row in world.store.outbox(request.watch_id) if "/vote/" in row.key]
    assert [row.key for row in said] == [f"{request.watch_id}/request/{request.id}/vote/{n}" for n in (1, 2)]
    assert [row.body for row in said] == [
        StopOutcome(
            request.watch_id,
            request.id,
            RequestState.PENDING,
            (f"slack:{who.id} approved the stop. {people} must approve it, or nothing is stopped.",),
            loud=True,
        )
        for who, people in ((BO, "2 more people"), (CY, "1 more person"))
    ]
    now = world.clock.now()
    assert list(world.store.votes(request.id)) == [Vote(request.id, BO, now), Vote(request.id, CY, now)]
    audited = [(row.actor, row.allowed, row.detail) for row in world.store.audited() if row.verb == "approve"]
    assert audited == [(who, True, request.fingerprint) for who in (BO, CY)]


def test_a_second_click_is_answered_in_whole_sentences() -> None:
    """What it is about, and what is missing."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=True)
    with pytest.raises(ConflictError) as caught:
        world.engine.stops.decide(request.id, BO, approve=True)
    assert str(caught.value) == f"You have approved this already ({request.id[:8]}). It needs 2 different people"


def test_where_one_is_enough_no_vote_is_told() -> None:
    """The outcome says who it was."""
    world, request = asked(1)
    assert world.engine.stops.decide(request.id, BO, approve=True).state is RequestState.APPROVED
    assert [row for row in world.store.outbox(request.watch_id) if "/vote/" in row.key] == []
