"""When automatic mode may act alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trainwatch_core.decision.automatic import Budget, obstacle, overdrawn
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.stop import JobIdentity, RequestState, StopPlan, StopRequest, StopStep
from trainwatch_core.model.verdict import Verdict

NOW = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
BUDGET = Budget(hard_only=False, per_hour=2, per_day=5, mass_stop=3)
JOB = JobIdentity("pid", "localhost", "7", {"pid": "7", "start": "99"}, "pid 7")
PLAN = StopPlan("process", "pid:7", "localhost", (StopStep("SIGTERM", signal="SIGTERM"),), JOB, "pid 7 is gone")


def verdict(weight: Weight) -> Verdict:
    """A STOP verdict by one finding."""
    return Verdict(Decision.STOP, (Finding("nan", "nan.x", Decision.STOP, weight, "Loss is NaN."),))


def past(
    hours: float, *, watch: str = "old", by: Actor = SYSTEM, state: RequestState = RequestState.STOPPED
) -> StopRequest:
    """A request decided some hours ago."""
    at = NOW - timedelta(hours=hours)
    other = replace(PLAN, identity=replace(JOB, facts={"pid": "1"}))
    return StopRequest("r", watch, 1, state, other, "f", "x", at, decided_by=by, decided_at=at)


ASKED = StopRequest("asked", "mine", 2, RequestState.PENDING, PLAN, "f", "x", NOW)
PERSON = Actor(ActorKind.LOCAL, "ana")


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([], None),
        ([past(0.5)], None),
        ([past(0.5), past(0.6)], "2 automatic stops an hour"),
        ([past(0.5, by=PERSON), past(0.6, by=PERSON)], None),
        ([past(h) for h in (2, 3, 4, 5)], None),
        ([past(h) for h in (2, 3, 4, 5, 6)], "5 automatic stops a day"),
        ([past(h) for h in (25, 26, 27, 28, 29)], None),
        ([past(0.5, state=RequestState.DECLINED), past(0.6, state=RequestState.DECLINED)], None),
        ([past(0.01, watch="a", state=RequestState.PENDING)], None),
        ([past(0.01, watch=w, state=RequestState.PENDING) for w in "ab"], "3 watches"),
    ],
)
def test_the_budget_and_the_mass_stop_breaker(others: list[StopRequest], words: str | None) -> None:
    """P5: so many stops an hour and a day, and a wave of stops asks a person."""
    why = overdrawn(ASKED, others, NOW, BUDGET)
    assert (why is None) if words is None else (why is not None and words in why)


def test_what_cannot_be_proven_is_not_done_alone() -> None:
    """A plan without a verify probe, or without a job, always asks."""
    assert obstacle(verdict(Weight.HARD), replace(PLAN, verify=""), BUDGET)
    assert obstacle(verdict(Weight.HARD), replace(PLAN, identity=None), BUDGET)


def test_hard_only_asks_for_soft_failures() -> None:
    """`auto_on = ["hard"]` narrows automatic mode."""
    narrow = replace(BUDGET, hard_only=True)
    assert obstacle(verdict(Weight.HARD), PLAN, narrow) is None
    assert obstacle(verdict(Weight.SOFT), PLAN, narrow)


def test_a_job_whose_last_stop_is_unknown_is_not_stopped_alone_again() -> None:
    """Doubt falls back to asking."""
    unknown = replace(past(20, state=RequestState.UNKNOWN), plan=PLAN)
    assert overdrawn(ASKED, [unknown], NOW, BUDGET)


def test_a_watch_does_not_make_a_wave_with_itself() -> None:
    """Its own earlier request, and the one in question, count once."""
    own = replace(past(0.01, watch="mine", state=RequestState.EXPIRED), id="before")
    other = past(0.01, watch="other", state=RequestState.PENDING)
    assert overdrawn(ASKED, [own, ASKED, other], NOW, BUDGET) is None


def test_those_who_join_a_wave_later_count_as_well() -> None:
    """Asked again right before the stop: the first of a wave falls back like the last."""
    later = [replace(past(0, watch=w, state=RequestState.PENDING), id=w, created_at=NOW) for w in "ab"]
    first = replace(ASKED, created_at=NOW - timedelta(minutes=5))
    assert overdrawn(first, later, NOW, BUDGET)
