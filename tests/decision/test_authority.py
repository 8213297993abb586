"""The only door: tables of who may do what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import cast

import pytest

from trainwatch_core.decision.authority import Rules, Verb, authorize
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext, WatchState

ANA = Actor(ActorKind.LOCAL, "ana")
RULES = Rules(
    local_user="ana",
    team="T1",
    admins=frozenset({"UADMIN"}),
    approvers=frozenset({"UAPPROVER"}),
    watchers=frozenset({"UWATCHER"}),
)
WATCH = Watch(
    id="abcd1234",
    run=RunRef(RunKind.WANDB, "e/p/r"),
    owner=Actor(ActorKind.SLACK, "UWATCHER", "T1"),
    channel="C1",
    context=WatchContext(),
    policy=Policy(),
    state=WatchState.ACTIVE,
    version=1,
    created_at=datetime(2025, 1, 6, tzinfo=UTC),
    next_round_at=None,
)
OTHERS = replace(WATCH, owner=Actor(ActorKind.SLACK, "USOMEBODY", "T1"))
AUTO = replace(WATCH, context=WatchContext(mode=Mode.AUTO))


def slack(user: str, team: str = "T1") -> Actor:
    return Actor(ActorKind.SLACK, user, team)


def may(actor: Actor, watch: Watch | None = WATCH, rules: Rules = RULES) -> set[Verb]:
    return {verb for verb in Verb if authorize(actor, verb, watch, rules) is None}


OWN = {Verb.EDIT, Verb.PAUSE, Verb.RESUME, Verb.SNOOZE, Verb.END, Verb.CHOOSE_LAUNCH}
ANY = {Verb.SEE, Verb.WATCH, Verb.CHECK, Verb.NOTE}
DECIDE = {Verb.STOP, Verb.APPROVE, Verb.DECLINE, Verb.GO_AUTOMATIC}


def test_the_owner_of_the_database_may_do_everything_in_the_terminal() -> None:
    """On the host the operating system has already decided; Slack lists do not apply."""
    assert may(ANA) == set(Verb)
    assert may(ANA, rules=Rules(local_user="ana")) == set(Verb)


@pytest.mark.parametrize("user", ["bo", "", "Ana", "ana "])
def test_another_user_of_the_machine_may_do_nothing(user: str) -> None:
    """Neither another name nor an empty one is the owner's."""
    assert may(Actor(ActorKind.LOCAL, user)) == set()
    assert may(Actor(ActorKind.LOCAL, user), rules=Rules()) == set()


@pytest.mark.parametrize(
    ("user", "watch", "verbs"),
    [
        ("UADMIN", OTHERS, set(Verb) - {Verb.TYPE_COMMAND}),
        ("UAPPROVER", OTHERS, ANY | DECIDE),
        ("UWATCHER", OTHERS, ANY),
        ("UWATCHER", WATCH, ANY | OWN | {Verb.DECLINE}),
        ("USTRANGER", WATCH, {Verb.SEE}),
    ],
)
def test_roles_in_chat(user: str, watch: Watch, verbs: set[Verb]) -> None:
    """F-A01: the table of roles: an approver decides, a watcher looks and keeps house in own watches."""
    assert may(slack(user), watch) == verbs


def test_the_owner_may_always_keep_the_run_going() -> None:
    """Declining is the safe side: the owner may, even without a role."""
    assert authorize(slack("USOMEBODY"), Verb.DECLINE, OTHERS, RULES) is None
    assert authorize(slack("USOMEBODY", "T2"), Verb.DECLINE, OTHERS, RULES) is not None


def test_empty_lists_mean_nobody() -> None:
    """F-A02: without names in the file nobody approves, registers or commands; it is never everybody."""
    empty = Rules(local_user="ana", team="T1")
    for user in ("UADMIN", "UAPPROVER", "", "*"):
        assert may(slack(user), OTHERS, empty) <= {Verb.SEE}


def test_default_rules_let_nobody_do_anything() -> None:
    """F-A02: rules that were never filled in refuse every actor every verb, but for what trainwatch must do to look."""
    for actor in (ANA, slack("UADMIN"), slack("UADMIN", ""), Actor(ActorKind.LOCAL, "")):
        assert may(actor, WATCH, Rules()) == set()


@pytest.mark.parametrize("team", ["T2", "", "t1"])
def test_other_workspaces_are_strangers(team: str) -> None:
    """F-A03: a Slack Connect user with an admin's id in another workspace, or without one, may not even see."""
    assert may(slack("UADMIN", team)) == set()
    assert may(slack("UADMIN", ""), rules=replace(RULES, team="")) == set()


def test_commands_from_chat_are_off_until_switched_on() -> None:
    """Only admins, and only where the file allows it."""
    on = replace(RULES, allow_chat_commands=True)
    assert authorize(slack("UADMIN"), Verb.TYPE_COMMAND, WATCH, RULES) is not None
    assert authorize(slack("UADMIN"), Verb.TYPE_COMMAND, WATCH, on) is None
    assert authorize(slack("UAPPROVER"), Verb.TYPE_COMMAND, WATCH, on) is not None


def test_self_approval_can_be_switched_off() -> None:
    """F-A13: then the owner of a watch needs somebody else, and may still decline."""
    mine = replace(WATCH, owner=slack("UAPPROVER"))
    strict = replace(RULES, self_approval=False)
    assert authorize(slack("UAPPROVER"), Verb.APPROVE, mine, RULES) is None
    assert authorize(slack("UAPPROVER"), Verb.APPROVE, mine, strict) is not None
    assert authorize(slack("UADMIN"), Verb.APPROVE, mine, strict) is None
    assert authorize(slack("UAPPROVER"), Verb.DECLINE, mine, strict) is None


def test_trainwatch_itself_acts_only_in_automatic_mode() -> None:
    """In ask mode it looks; in automatic mode it may also approve and stop; it never edits or commands."""
    assert may(SYSTEM, WATCH) == {Verb.SEE, Verb.CHECK}
    assert may(SYSTEM, None) == {Verb.SEE, Verb.CHECK}
    assert may(SYSTEM, AUTO) == {Verb.SEE, Verb.CHECK, Verb.STOP, Verb.APPROVE}
    assert may(Actor(ActorKind.SYSTEM, "somebody"), AUTO) == set()


def test_a_refusal_says_why_and_who_could() -> None:
    """The message names those who can, for the person to ask."""
    refusal = authorize(slack("UWATCHER"), Verb.APPROVE, WATCH, RULES)
    assert refusal is not None
    assert refusal.could == ("UADMIN", "UAPPROVER")
    assert str(refusal) == "This needs the role approver (who can: UADMIN, UAPPROVER)"
    nobody = authorize(ANA, Verb.APPROVE, WATCH, Rules())
    assert nobody is not None
    assert str(nobody).endswith("(who can: nobody)")


def test_the_door_is_total_and_shut_by_default() -> None:
    """F-A02: every actor, verb and watch gets an answer; an unknown kind of actor or verb gets a refusal."""
    users = ["UADMIN", "UAPPROVER", "UWATCHER", "U?", "", "ana", "trainwatch"]
    actors = [Actor(kind, user, team) for kind, user, team in product(ActorKind, users, ["T1", "T2", ""])]
    for actor, verb, watch in product(actors, Verb, [None, WATCH, OTHERS, AUTO]):
        authorize(actor, verb, watch, RULES)
        known = {"UADMIN", "UAPPROVER", "UWATCHER"} if actor.kind is ActorKind.SLACK else {"ana", "trainwatch"}
        if actor.id not in known and verb is not Verb.SEE:
            assert authorize(actor, verb, watch, RULES) is not None
    odd = Actor(cast("ActorKind", "robot"), "ana", "T1")
    assert authorize(odd, Verb.APPROVE, AUTO, RULES) is not None
    assert authorize(slack("UADMIN"), cast("Verb", "fly"), WATCH, RULES) is not None
    assert authorize(SYSTEM, cast("Verb", "fly"), AUTO, RULES) is not None
