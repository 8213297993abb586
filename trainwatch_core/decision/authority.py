"""Who may do what: the only door (FAULTS.md P1). An empty list means nobody, and what is not allowed is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.watch import Mode, Watch, WatchContext


class Verb(StrEnum):
    """What somebody may want to do."""

    SEE = "see"
    WATCH = "watch"
    CHECK = "check"
    EDIT = "edit"
    PAUSE = "pause"
    RESUME = "resume"
    SNOOZE = "snooze"
    NOTE = "note"
    END = "end"
    CHOOSE_LAUNCH = "choose_launch"
    TYPE_COMMAND = "type_command"
    STOP = "stop"
    APPROVE = "approve"
    DECLINE = "decline"
    GO_AUTOMATIC = "go_automatic"


class Rank(IntEnum):
    """Roles of the operator's file. Each one has the rights of the ones below it."""

    NOBODY = 0
    WATCHER = 1
    APPROVER = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Allow:
    """How a stopper of the operator's file narrows who may use it. None does not narrow; empty means nobody.

    Attributes:
        channels: The channels whose watches may use it.
        approvers: Those of the approvers and admins who may approve it.
        approvals: So many of them must agree, if that is more than the terms say.
    """

    channels: frozenset[str] | None = None
    approvers: frozenset[str] | None = None
    approvals: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's word on rights. The default lets nobody do anything.

    Attributes:
        local_user: Name of the operating-system user who owns the database; empty means none.
        team: Id of the home Slack workspace; empty means none.
        admins: Slack user ids.
        approvers: Slack user ids.
        watchers: Slack user ids.
        allow_chat_commands: Whether admins may type commands in chat.
        self_approval: Whether the owner of a watch, being an approver, may approve its stop.
        stoppers: How stoppers of the file narrow this, by name.
    """

    local_user: str = ""
    team: str = ""
    admins: frozenset[str] = frozenset()
    approvers: frozenset[str] = frozenset()
    watchers: frozenset[str] = frozenset()
    allow_chat_commands: bool = False
    self_approval: bool = True
    stoppers: Mapping[str, Allow] = field(default_factory=dict)

    def allow_of(self, watch: Watch | None) -> Allow:
        """How the stopper of a watch narrows who may use it; a stop command that goes first changes nothing in that."""
        if watch is None or not watch.context.launch.startswith("command:"):
            return Allow()
        try:
            name = parse_launch(watch.context.launch).target.partition(":")[0]
        except InvalidInputError:
            return Allow(channels=frozenset())  # nobody knows whose it is
        return self.stoppers.get(name, Allow())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and who could.

    Attributes:
        verb: What was refused.
        reason: One sentence without a final full stop.
        could: Ids of those who could, sorted; empty if nobody can.
    """

    verb: Verb
    reason: str
    could: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.reason} (who can: {', '.join(self.could) or 'nobody'})"


_NEEDS = {
    Verb.WATCH: Rank.WATCHER,
    Verb.CHECK: Rank.WATCHER,
    Verb.EDIT: Rank.WATCHER,
    Verb.PAUSE: Rank.WATCHER,
    Verb.RESUME: Rank.WATCHER,
    Verb.SNOOZE: Rank.WATCHER,
    Verb.NOTE: Rank.WATCHER,
    Verb.END: Rank.WATCHER,
    Verb.CHOOSE_LAUNCH: Rank.WATCHER,
    Verb.TYPE_COMMAND: Rank.ADMIN,
    Verb.STOP: Rank.APPROVER,
    Verb.APPROVE: Rank.APPROVER,
    Verb.DECLINE: Rank.APPROVER,
    Verb.GO_AUTOMATIC: Rank.APPROVER,
}
"""The least role for a verb. SEE has none: the channel's members see what is posted there."""

_STOPS = frozenset({Verb.STOP, Verb.APPROVE, Verb.GO_AUTOMATIC})
"""What a stopper's own list narrows."""

_OWN = frozenset({Verb.EDIT, Verb.PAUSE, Verb.RESUME, Verb.SNOOZE, Verb.END, Verb.CHOOSE_LAUNCH})
"""What watchers may do to their own watches only; admins to all."""


def authorize(actor: Actor, verb: Verb, watch: Watch | None, rules: Rules) -> Refusal | None:
    """Whether an actor may do something: None if so, else why not. Total: unknown actors and verbs are refused.

    Whether a Slack user is a guest, a bot, deactivated or a stranger only Slack knows: such actors must be refused by
    the front end before they come here.

    Args:
        actor: Who.
        verb: What.
        watch: The watch it is about; None for what is about none, such as registering one.
        rules: The operator's word.
    """
    if actor.kind is ActorKind.LOCAL:
        return _local(actor, verb, rules)
    if actor.kind is ActorKind.SLACK:
        return _slack(actor, verb, watch, rules)
    if actor == SYSTEM:
        return _system(verb, watch)
    return Refusal(verb, f"Nobody knows the actor {actor}")


def who_may_approve(watch: Watch, rules: Rules) -> tuple[str, ...]:
    """Ids of the people in chat who may approve a stop of this watch, sorted; empty if nobody can."""
    named = sorted(rules.approvers | rules.admins)
    actors = [Actor(ActorKind.SLACK, user, rules.team) for user in named]
    return tuple(actor.id for actor in actors if authorize(actor, Verb.APPROVE, watch, rules) is None)


def verbs_of_edit(before: WatchContext, after: WatchContext) -> tuple[Verb, ...]:
    """What somebody must be allowed to do in order to turn one context into another.

    Args:
        before: What the operator's file says for a new watch, or what an existing watch was told.
        after: What is wanted.
    """
    needed = [Verb.EDIT] if before != after else []
    if after.mode is Mode.AUTO and before.mode is not Mode.AUTO:
        needed.append(Verb.GO_AUTOMATIC)
    if before.launch != after.launch:
        needed.append(Verb.CHOOSE_LAUNCH)
    typed = (after.stop_command, after.log_argv)
    if typed != (before.stop_command, before.log_argv) and any(typed):
        needed.append(Verb.TYPE_COMMAND)
    return tuple(needed)


def _local(actor: Actor, verb: Verb, rules: Rules) -> Refusal | None:
    if rules.local_user and actor.id == rules.local_user:
        return None
    could = (rules.local_user,) if rules.local_user else ()
    return Refusal(verb, "On this machine only the user who owns the database may do this", could)


def _system(verb: Verb, watch: Watch | None) -> Refusal | None:
    """Trainwatch itself looks and tells; it stops alone only where somebody switched automatic mode on."""
    if verb in {Verb.SEE, Verb.CHECK}:
        return None
    if verb in {Verb.STOP, Verb.APPROVE} and watch is not None and watch.context.mode is Mode.AUTO:
        return None
    return Refusal(verb, "trainwatch may not do this by itself; this watch asks before stopping")


def _slack(actor: Actor, verb: Verb, watch: Watch | None, rules: Rules) -> Refusal | None:
    if not actor.id or not rules.team or actor.team != rules.team:
        return Refusal(verb, "Only members of the own workspace may do this", _who(verb, rules))
    if verb is Verb.SEE:
        return None
    owns = watch is not None and watch.owner == actor
    if verb is Verb.DECLINE and owns:
        return None
    if verb not in _NEEDS or _rank(actor.id, rules) < _NEEDS[verb]:
        return Refusal(verb, f"This needs the role {_NEEDS.get(verb, Rank.ADMIN).name.lower()}", _who(verb, rules))
    narrowed = _narrowed(actor, verb, watch, rules)
    if narrowed is not None:
        return narrowed
    return _guards(verb, rules, owns=owns, about_one=watch is not None, admin=actor.id in rules.admins)


def _narrowed(actor: Actor, verb: Verb, watch: Watch | None, rules: Rules) -> Refusal | None:
    """What the stopper's own list says."""
    if verb not in _STOPS or watch is None:
        return None
    allow = rules.allow_of(watch)
    if allow.channels is not None and watch.channel not in allow.channels:
        return Refusal(verb, "The stopper of this watch may not be used from its channel")
    if allow.approvers is not None and actor.id not in allow.approvers:
        could = tuple(user for user in _who(verb, rules) if user in allow.approvers)
        return Refusal(verb, "The stopper of this watch has its own list of approvers", could)
    return None


def _guards(verb: Verb, rules: Rules, *, owns: bool, about_one: bool, admin: bool) -> Refusal | None:
    """What the right role does not suffice for."""
    if verb in _OWN and about_one and not owns and not admin:
        return Refusal(verb, "Only the owner of a watch or an admin may do this", tuple(sorted(rules.admins)))
    if verb is Verb.TYPE_COMMAND and not rules.allow_chat_commands:
        return Refusal(verb, "Commands are not taken from chat; they belong in the file on the host")
    if verb is Verb.APPROVE and owns and not rules.self_approval:
        return Refusal(verb, "The owner of a watch may not approve its stop", _who(verb, rules))
    return None


def _rank(user: str, rules: Rules) -> Rank:
    if user in rules.admins:
        return Rank.ADMIN
    if user in rules.approvers:
        return Rank.APPROVER
    return Rank.WATCHER if user in rules.watchers else Rank.NOBODY


def _who(verb: Verb, rules: Rules) -> tuple[str, ...]:
    least = _NEEDS.get(verb, Rank.ADMIN)
    lists = ((Rank.ADMIN, rules.admins), (Rank.APPROVER, rules.approvers), (Rank.WATCHER, rules.watchers))
    return tuple(sorted({user for role, users in lists if role >= least for user in users}))
