"""A question that nobody answers: brought to mind, then to somebody else's; put off, then asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from trainwatch_core.decision.authority import Rules
from trainwatch_core.decision.reminding import Reminding
from trainwatch_core.engine.stops import ASK_AGAIN
from trainwatch_core.engine.watches import Registration
from trainwatch_core.engine.world import Terms
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import NotAllowedError
from trainwatch_core.model.message import StopOutcome, StopQuestion, StopReminder
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext
from trainwatch_core.testing.worlds import BROKEN, HEALTHY, RUN, FakeWorld

BO, CY, EVE = (Actor(ActorKind.SLACK, user, "T0HOME") for user in ("U0BO", "U0CY", "U0EVE"))
RULES = Rules(
    local_user="ana",
    team="T0HOME",
    approvers=frozenset({BO.id, "U0DANA"}),
    watchers=frozenset({CY.id, EVE.id}),
)
TERMS = Terms(reminding=Reminding(1200.0, 2, 1800.0, ("U0BOSS",)))


def world_of(terms: Terms = TERMS) -> FakeWorld:
    """A world in which Bo and Dana approve and their boss is called when they do not answer."""
    return FakeWorld(rules=RULES, terms=terms)


def asked(world: FakeWorld, *, mode: Mode = Mode.ASK, interval: float = 1800.0) -> tuple[Watch, StopRequest]:
    """A watch of Cy's (an automatic one is Bo's) whose run has gone bad for so long that a stop is asked for."""
    context = WatchContext(mode=mode, launch="pid:4211", interval=interval)
    watch = world.engine.watches.register(
        Registration(RUN, BO if mode is Mode.AUTO else CY, "C0TRAIN", context, Policy())
    )
    world.findings = BROKEN
    for _ in range(2):
        world.engine.watches.check_now(watch.id)
        world.tick()
        world.clock.advance(1)
    (request,) = world.store.requests(watch_id=watch.id)
    return world.now(watch), request


def pass_by(world: FakeWorld, minutes: int) -> None:
    """Let minutes go by, with a knock in each."""
    for _ in range(minutes):
        world.clock.advance(60)
        world.tick()


def reminders(world: FakeWorld) -> Sequence[StopReminder]:
    """The reminders that were delivered."""
    return cast("Sequence[StopReminder]", world.notifier.of(StopReminder))


def test_an_unanswered_question_is_brought_to_mind_and_then_to_somebody_elses() -> None:
    """Two reminders in an hour for those who may approve; their boss is called once, after half an hour; audited."""
    world = world_of()
    _, request = asked(world)
    pass_by(world, 59)
    told = reminders(world)
    assert [one.called for one in told] == [(), ("U0BOSS",), ()]
    assert {one.could for one in told} == {("U0BO", "U0DANA")}
    assert told[0].run == "resnet50"
    assert told[0].reason == request.reason
    assert [row.detail for row in world.store.audited() if row.verb == "escalate"] == [
        "Nobody answers: U0BOSS are called"
    ]


def test_nobody_is_reminded_twice_over_restarts() -> None:
    """A bot that dies every five minutes says each reminder once."""
    world = world_of()
    asked(world)
    for _ in range(11):
        pass_by(world, 5)
        world.start()
    assert [one.called for one in reminders(world)] == [(), ("U0BOSS",), ()]
    assert [row.verb for row in world.store.audited()].count("escalate") == 1


def test_after_an_absence_only_the_newest_reminder_is_news() -> None:
    """Away for three quarters of an hour: one reminder and the call, not all that was missed."""
    world = world_of()
    asked(world)
    world.clock.advance(45 * 60)
    world.start()
    world.tick()
    assert [one.called for one in reminders(world)] == [(), ("U0BOSS",)]


@pytest.mark.parametrize("approve", [True, False])
def test_an_answer_ends_the_reminders(*, approve: bool) -> None:
    """Whoever has answered is left in peace."""
    world = world_of()
    _, request = asked(world)
    world.engine.stops.decide(request.id, BO, approve=approve)
    pass_by(world, 59)
    assert not reminders(world)


def test_a_reminder_that_comes_too_late_is_not_said() -> None:
    """It waited in the outbox while Slack was down, and meanwhile the question was answered."""
    world = world_of()
    _, request = asked(world)
    world.clock.advance(1201)
    world.engine.tick()
    (row,) = [row for row in world.store.outbox(request.watch_id) if isinstance(row.body, StopReminder)]
    world.engine.stops.decide(request.id, BO, approve=False)
    world.tick()
    assert not reminders(world)
    assert {r.state for r in world.store.outbox(request.watch_id) if r.key == row.key} == {"dropped"}


def test_what_automatic_mode_announced_needs_no_answer() -> None:
    """It acts by itself: nobody is called to answer."""
    world = world_of(replace(TERMS, auto_grace=7200.0))
    asked(world, mode=Mode.AUTO)
    pass_by(world, 59)
    assert not reminders(world)


def test_who_has_approved_is_not_called_again() -> None:
    """Two must approve: the one who has waits for the other."""
    world = world_of(replace(TERMS, approvals=2))
    _, request = asked(world)
    world.engine.stops.decide(request.id, BO, approve=True)
    pass_by(world, 25)
    assert [one.could for one in reminders(world)] == [("U0DANA",)]


def test_a_question_that_was_put_off_comes_again_at_its_time() -> None:
    """Bo asks to wait: two hours later, to the second and not at the next round of six hours, it is asked anew."""
    world = world_of()
    watch, request = asked(world, interval=6 * 3600.0)
    begun = world.clock.now()
    world.engine.stops.decide(request.id, BO, approve=False, put_off=True)
    put_off = world.store.request(request.id)
    assert put_off.state is RequestState.DECLINED
    assert put_off.ask_again_at == begun + timedelta(seconds=ASK_AGAIN)
    pass_by(world, 119)
    assert len(world.notifier.of(StopQuestion)) == 1
    pass_by(world, 2)
    first, again = cast("Sequence[StopQuestion]", world.notifier.of(StopQuestion))
    assert (first.put_off_by, again.put_off_by, again.put_off_at) == (None, BO, begun)
    assert again.request_id != request.id
    assert world.now(watch).state == "stop_pending"


def test_looks_in_between_do_not_put_it_off_further() -> None:
    """Somebody asks for a check meanwhile, and the looks that follow every ten minutes miss the moment: it is met."""
    world = world_of()
    watch, request = asked(world, interval=6 * 3600.0)
    world.engine.stops.decide(request.id, BO, approve=False, put_off=True)
    pass_by(world, 7)
    world.engine.watches.check_now(watch.id)
    pass_by(world, 114)
    assert len(world.notifier.of(StopQuestion)) == 2


def test_a_run_that_is_well_again_is_not_asked_about() -> None:
    """What was put off and is well by then is forgotten."""
    world = world_of()
    _, request = asked(world)
    world.engine.stops.decide(request.id, BO, approve=False, put_off=True)
    world.findings = HEALTHY
    pass_by(world, 180)
    assert len(world.notifier.of(StopQuestion)) == 1


def test_a_promise_holds_over_a_restart() -> None:
    """The operator's own silence is shorter than two hours, and the bot is started anew: two hours they stay."""
    world = world_of(replace(TERMS, mute=60.0))
    watch, request = asked(world)
    world.engine.stops.decide(request.id, BO, approve=False, put_off=True)
    world.start()
    world.tick()
    assert world.now(watch).muted_until == world.store.request(request.id).ask_again_at


def test_who_may_keep_it_running_may_put_it_off() -> None:
    """The owner may, somebody else who watches may not; each is audited, and the thread is told in whose name."""
    world = world_of()
    _, request = asked(world)
    with pytest.raises(NotAllowedError):
        world.engine.stops.decide(request.id, EVE, approve=False, put_off=True)
    world.engine.stops.decide(request.id, CY, approve=False, put_off=True)
    world.tick()
    rows = [(row.actor, row.allowed) for row in world.store.audited() if row.verb in {"decline", "declined"}]
    assert rows == [(EVE, False), (CY, True)]
    outcome = world.notifier.of(StopOutcome)[-1]
    assert outcome.lines == (
        "slack:U0CY asks to wait: in 2 h I ask again, if it is still bad then. Nothing was stopped.",
    )


def test_only_the_request_that_was_put_off_last_is_spoken_of() -> None:
    """After it was declined for good in between, nobody asked to be asked again."""
    world = world_of(replace(TERMS, mute=600.0))
    watch, request = asked(world)
    world.engine.stops.decide(request.id, BO, approve=False, put_off=True)
    pass_by(world, 121)
    second = world.store.requests(watch_id=watch.id)[-1]
    world.engine.stops.decide(second.id, BO, approve=False)
    pass_by(world, 12)
    assert [q.put_off_by for q in world.notifier.of(StopQuestion)] == [None, BO, None]
