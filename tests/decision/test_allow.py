"""How the list of a stopper narrows who may use it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from trainwatch_core.decision.authority import Allow, Rules, Verb, authorize, who_may_approve
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Policy, Watch, WatchContext, WatchState

AT = datetime(2025, 1, 6, tzinfo=UTC)
OWNER = Actor(ActorKind.SLACK, "UOWNER", "T1")
RULES = Rules(local_user="ana", team="T1", admins=frozenset({"UADMIN"}), approvers=frozenset({"UBO", "UCY", "UOWNER"}))
WATCH = Watch(
    "abcd1234",
    RunRef(RunKind.WANDB, "e/p/r"),
    OWNER,
    "C1",
    WatchContext(launch="command:lab:job_id=7"),
    Policy(),
    WatchState.STOP_PENDING,
    1,
    AT,
    None,
)


def may(user: str, allow: Allow, verb: Verb = Verb.APPROVE, watch: Watch = WATCH) -> bool:
    rules = replace(RULES, stoppers={"lab": allow})
    return authorize(Actor(ActorKind.SLACK, user, "T1"), verb, watch, rules) is None


def test_a_stopper_narrows_who_may_use_it() -> None:
    """P1: role, and channel, and the stopper's own list; not given narrows nothing, empty means nobody."""
    assert may("UBO", Allow())
    assert may("UBO", Allow(channels=frozenset({"C1"}), approvers=frozenset({"UBO"})))
    assert not may("UADMIN", Allow(approvers=frozenset({"UBO"})))
    assert not may("UBO", Allow(approvers=frozenset()))
    assert not may("UBO", Allow(channels=frozenset({"C2"})))
    assert not may("UBO", Allow(channels=frozenset()))
    assert not may("UNOBODY", Allow(approvers=frozenset({"UNOBODY"})))
    assert not may("UBO", Allow(approvers=frozenset({"UCY"})), Verb.GO_AUTOMATIC)
    assert may("UBO", Allow(approvers=frozenset()), Verb.DECLINE)


def test_who_could_is_who_has_the_role_and_stands_on_the_list() -> None:
    """The refusal names them: that is what the person needs next."""
    rules = replace(RULES, stoppers={"lab": Allow(approvers=frozenset({"UCY", "UADMIN", "UNOBODY"}))})
    refusal = authorize(Actor(ActorKind.SLACK, "UBO", "T1"), Verb.APPROVE, WATCH, rules)
    assert refusal is not None
    assert set(refusal.could) == {"UCY", "UADMIN"}


def test_only_watches_of_that_stopper_are_narrowed() -> None:
    """Another launch is another matter; one that nobody can read is nobody's."""
    strict = Allow(approvers=frozenset(), approvals=3)
    for launch, allowed in (("command:other:x=1", True), ("pid:42", True), ("command:lab", False), ("command:", False)):
        watch = replace(WATCH, context=WatchContext(launch=launch))
        assert may("UBO", strict, watch=watch) is allowed, launch
    rules = replace(RULES, stoppers={"lab": strict})
    assert rules.allow_of(WATCH).approvals == 3
    assert rules.allow_of(replace(WATCH, context=WatchContext(launch="pid:42"))).approvals == 1


def test_those_who_may_approve_are_named() -> None:
    """What the question says is what the door says."""
    assert who_may_approve(WATCH, RULES) == ("UADMIN", "UBO", "UCY", "UOWNER")
    assert who_may_approve(WATCH, replace(RULES, self_approval=False)) == ("UADMIN", "UBO", "UCY")
    assert who_may_approve(WATCH, replace(RULES, stoppers={"lab": Allow(approvers=frozenset({"UCY"}))})) == ("UCY",)
    assert who_may_approve(WATCH, Rules(team="T1")) == ()
