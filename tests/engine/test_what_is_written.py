"""What a step of a stop request writes: row, message and audit, each to the letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from trainwatch_core.decision.authority import Rules
from trainwatch_core.engine.stops import WAKE_EVERY, Stops
from trainwatch_core.engine.world import Terms
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.change import AuditRow, Change
from trainwatch_core.model.errors import ConflictError, NotAllowedError
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Mode, WatchState
from trainwatch_core.testing.fakes import InlineDispatcher
from trainwatch_core.testing.worlds import BROKEN, FakeWorld

BO, EVE = (Actor(ActorKind.SLACK, user, "T0HOME") for user in ("U0BO", "U0EVE"))
RULES = Rules(local_user="ana", team="T0HOME", approvers=frozenset({"U0BO"}))
TTL, GRACE, MUTE = 3600.0, 300.0, 7200.0
TERMS = Terms(approval_ttl=TTL, auto_grace=GRACE, mute=MUTE)


def asked(mode: Mode = Mode.ASK) -> tuple[FakeWorld, StopRequest]:
    """A world with one pending request whose question was delivered."""
    world = FakeWorld(terms=TERMS, rules=RULES)
    world.watch(mode=mode)
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    (request,) = world.store.requests()
    assert request.state is RequestState.PENDING
    assert (request.execute_after is not None) == (mode is Mode.AUTO)
    return world, request


def said(world: FakeWorld, request: StopRequest, what: str) -> list[object]:
    """Bodies of the messages with that last part of their key."""
    prefix = f"{request.watch_id}/request/{request.id}/{what}"
    return [row.body for row in world.store.outbox(request.watch_id) if row.key.startswith(prefix)]


def noted(world: FakeWorld, request: StopRequest, verb: str) -> list[AuditRow]:
    """The audit's rows of that verb."""
    return [row for row in world.store.audited() if (row.request_id, row.verb) == (request.id, verb)]


def test_falling_back_to_asking() -> None:
    """The timer goes, a new time to answer begins on both clocks, and why is told once."""
    world, request = asked(Mode.AUTO)
    now = world.clock.now()
    for _ in range(2):
        world.engine.stops.fall_back_to_asking(request, "some doubt")
    stored = world.store.request(request.id)
    assert stored == replace(request, execute_after=None, expires_at=now + timedelta(seconds=TTL))
    lines = ("I ask instead of acting alone: some doubt.",)
    assert said(world, request, "asks") == [
        StopOutcome(request.watch_id, request.id, RequestState.PENDING, lines, loud=True)
    ]
    assert noted(world, request, "fall_back") == [
        AuditRow(now, SYSTEM, "fall_back", request.watch_id, request.id, allowed=True, detail="some doubt")
    ]
    world.clock.step(-86400)
    world.clock.advance(TTL)
    assert world.engine.stops.expired(stored)


def test_what_was_decided_meanwhile_does_not_fall_back() -> None:
    """Kept running by Bo: nothing is asked any more."""
    world, request = asked(Mode.AUTO)
    world.engine.stops.decide(request.id, BO, approve=False)
    world.engine.stops.fall_back_to_asking(request, "some doubt")
    assert world.store.request(request.id).state is RequestState.DECLINED
    assert said(world, request, "asks") == []


def test_a_restart_gives_the_whole_grace_again_and_tells_it_once() -> None:
    """Nothing overdue happens unannounced, however often the service is restarted in that moment."""
    world, request = asked(Mode.AUTO)
    world.clock.advance(GRACE + 60)
    due = world.clock.now() + timedelta(seconds=GRACE)
    for _ in range(2):
        world.start()
    assert world.store.request(request.id) == replace(request, execute_after=due)
    lines = ("I was away. I stop the run after the usual time unless somebody keeps it running.",)
    outcome = StopOutcome(request.watch_id, request.id, RequestState.PENDING, lines, loud=True)
    assert said(world, request, "away/") == [outcome]
    assert said(world, request, f"away/{due:%Y%m%d%H%M%S}") == [outcome]


def test_automatic_mode_acts_in_the_very_tick_in_which_its_time_has_come() -> None:
    """Approved by itself, handed to a worker at once, and on record."""
    world, request = asked(Mode.AUTO)
    world.clock.advance(GRACE)
    world.engine.stops.sweep(request)
    assert ("stop", request.id) in world.dispatcher.queue
    now = world.clock.now()
    stored = world.store.request(request.id)
    assert stored == replace(request, state=RequestState.APPROVED, decided_by=SYSTEM, decided_at=now)
    assert noted(world, request, "approve") == [
        AuditRow(now, SYSTEM, "approve", request.watch_id, request.id, allowed=True, detail=request.fingerprint)
    ]
    watch = world.store.watch(request.watch_id)
    assert (watch.state, watch.next_round_at, watch.lease_owner, watch.lease_until) == (
        WatchState.STOPPING,
        None,
        "",
        None,
    )


def test_a_question_that_could_not_be_delivered_ends_in_words() -> None:
    """Expired, by trainwatch itself; the next bad look asks anew."""
    world, request = asked()
    world.engine.stops.undeliverable(request.id)
    now, words = world.clock.now(), "The question could not be delivered"
    ended = replace(request, state=RequestState.EXPIRED, decided_by=SYSTEM, decided_at=now)
    assert world.store.request(request.id) == ended
    assert said(world, request, "outcome") == [
        StopOutcome(request.watch_id, request.id, RequestState.EXPIRED, (f"{words}. Nothing was stopped.",))
    ]
    assert noted(world, request, "expired") == [
        AuditRow(now, SYSTEM, "expired", request.watch_id, request.id, allowed=True, detail=words)
    ]
    world.engine.stops.undeliverable(request.id)
    assert world.store.request(request.id) == ended


def test_automatic_mode_goes_on_when_its_announcement_could_not_be_delivered() -> None:
    """F-T03: whoever switched it on wanted the night covered."""
    world, request = asked(Mode.AUTO)
    world.engine.stops.undeliverable(request.id)
    assert world.store.request(request.id) == request


def test_a_decline_in_words() -> None:
    """Who kept it running, and for how long nobody is asked."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=False)
    now = world.clock.now()
    words = "Kept running by slack:U0BO, and not asked about again for 2 h"
    assert world.store.request(request.id) == replace(
        request, state=RequestState.DECLINED, decided_by=BO, decided_at=now
    )
    assert said(world, request, "outcome") == [
        StopOutcome(request.watch_id, request.id, RequestState.DECLINED, (f"{words}. Nothing was stopped.",))
    ]
    assert noted(world, request, "declined") == [
        AuditRow(now, BO, "declined", request.watch_id, request.id, allowed=True, detail=words)
    ]
    watch = world.store.watch(request.watch_id)
    assert (watch.state, watch.muted_until) == (WatchState.ACTIVE, now + timedelta(seconds=MUTE))


def test_who_may_not_decide_is_told_and_noted() -> None:
    """The refusal names the role, and its row the verb and the reason."""
    world, request = asked()
    now = world.clock.now()
    for approve, verb in ((True, "approve"), (False, "decline")):
        with pytest.raises(NotAllowedError) as caught:
            world.engine.stops.decide(request.id, EVE, approve=approve)
        assert str(caught.value) == "This needs the role approver (slack:U0EVE)"
        assert noted(world, request, verb) == [
            AuditRow(now, EVE, verb, request.watch_id, request.id, allowed=False, detail="This needs the role approver")
        ]
    assert world.store.request(request.id) == request


def test_who_comes_second_is_told_what_was_decided_and_by_whom() -> None:
    """F-A08: with the person, and with the state in words."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=False)
    with pytest.raises(ConflictError) as caught:
        world.engine.stops.decide(request.id, BO, approve=True)
    assert str(caught.value) == f"This request is already declined by slack:U0BO ({request.id[:8]})"


def test_who_comes_too_late_ends_it_and_is_refused() -> None:
    """F-A09: expired at the click, refused on record, and told that nothing was stopped."""
    world, request = asked()
    world.clock.advance(TTL)
    with pytest.raises(ConflictError) as caught:
        world.engine.stops.decide(request.id, BO, approve=True)
    assert str(caught.value) == f"This request has expired ({request.id[:8]}). Nothing was stopped"
    now = world.clock.now()
    assert said(world, request, "outcome") == [
        StopOutcome(
            request.watch_id,
            request.id,
            RequestState.EXPIRED,
            ("The request has expired. Nothing was stopped.",),
        )
    ]
    assert noted(world, request, "approve") == [
        AuditRow(now, BO, "approve", request.watch_id, request.id, allowed=False, detail="expired")
    ]
    assert [row.actor for row in noted(world, request, "expired")] == [SYSTEM]


def test_nobody_answers() -> None:
    """The sweep ends it in words of its own."""
    world, request = asked()
    world.clock.advance(TTL)
    world.engine.stops.sweep(world.store.request(request.id))
    assert [body.lines for body in said(world, request, "outcome") if isinstance(body, StopOutcome)] == [
        ("Nobody answered in time. Nothing was stopped.",)
    ]


def test_who_ended_a_question_that_nobody_answered() -> None:
    """We did; and whoever is too late then is told so."""
    world, request = asked()
    world.clock.advance(TTL)
    world.engine.stops.sweep(world.store.request(request.id))
    assert world.store.request(request.id).decided_by == SYSTEM
    with pytest.raises(ConflictError, match=r"already expired by trainwatch"):
        world.engine.stops.decide(request.id, BO, approve=True)


def test_a_run_that_ended_is_said_to_have_ended() -> None:
    """The run ended by itself before the answer: `already_ended`."""
    world, request = asked()
    ended = replace(request, state=RequestState.ALREADY_ENDED, decided_by=None)
    world.store.commit(Change(world.store.watch(request.watch_id), request=ended, request_was=frozenset({"pending"})))
    with pytest.raises(ConflictError) as caught:
        world.engine.stops.decide(request.id, BO, approve=True)
    assert str(caught.value) == f"This request is already ended ({request.id[:8]})"


def test_time_that_falls_back_gives_is_counted_from_the_fall() -> None:
    """Not from the announcement, which was some time ago."""
    world, request = asked(Mode.AUTO)
    world.clock.advance(100)
    world.engine.stops.fall_back_to_asking(request, "some doubt")
    assert world.store.request(request.id).expires_at == world.clock.now() + timedelta(seconds=TTL)


def test_what_is_over_gets_no_time_to_answer() -> None:
    """Its question was delivered late, after the decision."""
    world, request = asked()
    world.engine.stops.decide(request.id, BO, approve=False)
    over = replace(world.store.request(request.id), expires_at=None)
    world.store.commit(Change(world.store.watch(request.watch_id), request=over, request_was=frozenset({"declined"})))
    world.engine.stops.shown(request.id, world.clock.now())
    assert world.store.request(request.id).expires_at is None


def test_the_last_second_is_over_when_it_is_reached() -> None:
    """By the wall clock alone, as after a restart that knows no other."""
    world, request = asked()
    stored = world.store.request(request.id)
    assert stored.expires_at is not None
    world.start()
    world.clock.step((stored.expires_at - world.clock.now()).total_seconds() - 1)
    assert not world.engine.stops.expired(stored)
    world.clock.step(1)
    assert world.engine.stops.expired(stored)


def test_a_clock_that_was_set_back_while_we_were_away_gives_no_time() -> None:
    """More time left than there ever was: nobody knows how old the question is."""
    world, request = asked()
    world.clock.step(-86400)
    world.start()
    assert world.engine.stops.expired(world.store.request(request.id))


def test_why_automatic_mode_asks_is_told() -> None:
    """The budget is used up by others meanwhile."""
    world, request = asked(Mode.AUTO)
    world.terms = replace(TERMS, auto_per_hour=0)
    world.start()
    world.clock.advance(GRACE)
    world.engine.stops.sweep(world.store.request(request.id))
    told = [body.lines for body in said(world, request, "asks") if isinstance(body, StopOutcome)]
    assert told == [("I ask instead of acting alone: the budget of 0 automatic stops an hour is used up.",)]


def test_an_approval_takes_the_watch_from_whoever_looks() -> None:
    """A round that is under way finds its claim gone, and writes nothing."""
    world, request = asked()
    watch = world.store.watch(request.watch_id)
    until = world.clock.now() + timedelta(seconds=60)
    world.store.commit(Change(replace(watch, lease_owner="other:1", lease_until=until)))
    world.engine.stops.decide(request.id, BO, approve=True)
    after = world.store.watch(request.watch_id)
    assert (after.lease_owner, after.lease_until, after.next_round_at) == ("", None, None)


def test_a_worker_is_woken_now_and_then() -> None:
    """Not with every tick: who has the request holds its lock, and a queue of wakings would outlive it."""
    world, request = asked()
    world.dispatcher.drain()
    world.engine.stops.decide(request.id, BO, approve=True)
    woken: list[tuple[str, str]] = []
    world.engine.stops = Stops(replace(world.engine.world, dispatcher=Heard(woken)))
    for _ in range(3):
        world.engine.stops.sweep(world.store.request(request.id))
    assert woken == [("stop", request.id)]
    world.clock.advance(WAKE_EVERY)
    world.engine.stops.sweep(world.store.request(request.id))
    assert len(woken) == 2


class Heard(InlineDispatcher):
    """Only hears what is asked for."""

    def __init__(self, woken: list[tuple[str, str]]) -> None:
        super().__init__()
        self._woken = woken

    def submit(self, kind: str, ident: str) -> None:
        self._woken.append((kind, ident))
