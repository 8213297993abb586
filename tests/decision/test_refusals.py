"""What is refused says why, and who could: in whole sentences, since people read them in the channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from trainwatch_core.decision.authority import Allow, Refusal, Rules, Verb, authorize, verbs_of_edit, who_may_approve
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext, WatchState

ANA, BO = Actor(ActorKind.LOCAL, "ana"), Actor(ActorKind.LOCAL, "bo")
OWNER, OTHER, APPROVER, ADMIN = (Actor(ActorKind.SLACK, user, "T1") for user in ("UOWN", "UW", "UAPP", "UADM"))
RULES = Rules(
    local_user="ana",
    team="T1",
    admins=frozenset({"UADM", "UADN"}),
    approvers=frozenset({"UAPP"}),
    watchers=frozenset({"UOWN", "UW"}),
    stoppers={"lab": Allow(channels=frozenset({"C1"}), approvers=frozenset({"UADM", "UW"}))},
)
AT = datetime(2026, 1, 6, tzinfo=UTC)
WATCH = Watch(
    "w1", RunRef(RunKind.WANDB, "e/p/r"), OWNER, "C1", WatchContext(), Policy(), WatchState.ACTIVE, 1, AT, None
)
LAB = replace(WATCH, context=WatchContext(launch="command:lab:7"))
ALL = ("UADM", "UADN", "UAPP", "UOWN", "UW")
APPROVERS, ADMINS = ("UADM", "UADN", "UAPP"), ("UADM", "UADN")
MEMBERS = "Only members of the own workspace may do this"


@pytest.mark.parametrize(
    ("actor", "verb", "watch", "changed", "reason", "could"),
    [
        (BO, Verb.SEE, None, {}, "On this machine only the user who owns the database may do this", ("ana",)),
        (BO, Verb.SEE, None, {"local_user": ""}, "On this machine only the user who owns the database may do this", ()),
        (
            SYSTEM,
            Verb.APPROVE,
            WATCH,
            {},
            "trainwatch may not do this by itself; this watch asks before stopping",
            (),
        ),
        (replace(SYSTEM, id="x"), Verb.SEE, None, {}, "Nobody knows the actor system:x", ()),
        (replace(OWNER, team="T2"), Verb.WATCH, None, {}, MEMBERS, ALL),
        (replace(OWNER, team="T2"), Verb.APPROVE, WATCH, {}, MEMBERS, APPROVERS),
        (replace(OWNER, team="T2"), Verb.SEE, WATCH, {}, MEMBERS, ADMINS),
        (replace(OWNER, id=""), Verb.SEE, WATCH, {}, MEMBERS, ADMINS),
        (OWNER, Verb.SEE, WATCH, {"team": ""}, MEMBERS, ADMINS),
        (OWNER, Verb.APPROVE, WATCH, {}, "This needs the role approver", APPROVERS),
        (APPROVER, Verb.TYPE_COMMAND, WATCH, {}, "This needs the role admin", ADMINS),
        (replace(OWNER, id="U"), Verb.WATCH, None, {}, "This needs the role watcher", ALL),
        (
            replace(APPROVER, id="U"),
            Verb.APPROVE,
            WATCH,
            {"admins": frozenset()},
            "This needs the role approver",
            ("UAPP",),
        ),
        (OTHER, Verb.EDIT, WATCH, {}, "Only the owner of a watch or an admin may do this", ADMINS),
        (
            ADMIN,
            Verb.TYPE_COMMAND,
            WATCH,
            {},
            "Commands are not taken from chat; they belong in the file on the host",
            (),
        ),
        (
            APPROVER,
            Verb.APPROVE,
            replace(WATCH, owner=APPROVER),
            {"self_approval": False},
            "The owner of a watch may not approve its stop",
            APPROVERS,
        ),
        (APPROVER, Verb.APPROVE, LAB, {}, "The stopper of this watch has its own list of approvers", ("UADM",)),
        (
            ADMIN,
            Verb.STOP,
            replace(LAB, channel="C2"),
            {},
            "The stopper of this watch may not be used from its channel",
            (),
        ),
        (
            ADMIN,
            Verb.GO_AUTOMATIC,
            replace(LAB, context=WatchContext(launch="command:")),
            {},
            "The stopper of this watch may not be used from its channel",
            (),
        ),
    ],
)
def test_a_refusal_says_why_and_who_could(  # a table has its columns
    actor: Actor, verb: Verb, watch: Watch | None, changed: Mapping[str, object], reason: str, could: tuple[str, ...]
) -> None:
    """Verb, sentence and people, each as it is."""
    rules = replace(RULES, **changed)  # type: ignore[arg-type]  # one field or none
    assert authorize(actor, verb, watch, rules) == Refusal(verb, reason, could)


def test_a_refusal_as_a_sentence() -> None:
    """Nobody is named by that word."""
    assert str(Refusal(Verb.STOP, "No", ("U1", "U2"))) == "No (who can: U1, U2)"
    assert str(Refusal(Verb.STOP, "No")) == "No (who can: nobody)"


def test_who_may_approve_is_who_would_not_be_refused() -> None:
    """Lists, the stopper's own list and the workspace must all agree."""
    assert who_may_approve(WATCH, RULES) == APPROVERS
    assert who_may_approve(LAB, RULES) == ("UADM",)
    assert who_may_approve(replace(WATCH, owner=ADMIN), replace(RULES, self_approval=False)) == ("UADN", "UAPP")
    assert who_may_approve(WATCH, replace(RULES, team="")) == ()


PLAIN = WatchContext()
AUTO = replace(PLAIN, mode=Mode.AUTO)


@pytest.mark.parametrize(
    ("before", "after", "verbs"),
    [
        (PLAIN, PLAIN, ()),
        (PLAIN, replace(PLAIN, interval=60.0), (Verb.EDIT,)),
        (PLAIN, AUTO, (Verb.EDIT, Verb.GO_AUTOMATIC)),
        (AUTO, PLAIN, (Verb.EDIT,)),
        (AUTO, AUTO, ()),
        (PLAIN, replace(PLAIN, launch="pid:7"), (Verb.EDIT, Verb.CHOOSE_LAUNCH)),
        (replace(PLAIN, launch="pid:7"), PLAIN, (Verb.EDIT, Verb.CHOOSE_LAUNCH)),
        (PLAIN, replace(PLAIN, stop_command="x"), (Verb.EDIT, Verb.TYPE_COMMAND)),
        (PLAIN, replace(PLAIN, log_argv=("x",)), (Verb.EDIT, Verb.TYPE_COMMAND)),
        (replace(PLAIN, stop_command="x"), PLAIN, (Verb.EDIT,)),
        (replace(PLAIN, stop_command="x"), replace(PLAIN, stop_command="y"), (Verb.EDIT, Verb.TYPE_COMMAND)),
        (
            PLAIN,
            replace(AUTO, launch="pid:7", stop_command="x"),
            (Verb.EDIT, Verb.GO_AUTOMATIC, Verb.CHOOSE_LAUNCH, Verb.TYPE_COMMAND),
        ),
    ],
)
def test_an_edit_needs_the_rights_of_what_it_changes(
    before: WatchContext, after: WatchContext, verbs: tuple[Verb, ...]
) -> None:
    """Less is always allowed to whoever may edit; more needs its own right."""
    assert verbs_of_edit(before, after) == verbs
