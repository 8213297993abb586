"""Several people approve one stop: each once, all of them still allowed when the command runs (FAULTS.md P4.4).

The store counts: of each person one vote, only while the request is pending, written with its line of the audit.
"""

from __future__ import annotations

from trainwatch_core.decision.authority import Verb, authorize
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Vote
from trainwatch_core.model.errors import ConflictError, NotAllowedError
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Watch


def needed(world: World, watch: Watch) -> int:
    """How many different people must approve a stop of this watch: the stopper's own number, if that is more."""
    return max(world.terms.approvals, world.rules.allow_of(watch).approvals)


def votes(world: World, request: StopRequest) -> tuple[Actor, ...]:
    """Who has approved a request so far, first one first; a person counts once."""
    return tuple(vote.actor for vote in world.store.votes(request.id))


def vote_of(world: World, request: StopRequest, actor: Actor) -> Vote:
    """The approval of a request by somebody, now."""
    return Vote(request.id, actor, world.clock.now())


def one_more(world: World, request: StopRequest, actor: Actor, watch: Watch, audit: AuditRow) -> Change | None:
    """The Change of a vote after which more are needed; None if this one is enough.

    Raises:
        ConflictError: If this person has approved already.
    """
    wanted = needed(world, watch)
    if actor == SYSTEM or wanted <= 1:
        return None
    before = votes(world, request)
    if actor in before:
        raise ConflictError(
            "You have approved this already", where=request.id[:8], todo=f"It needs {wanted} different people"
        )
    missing = wanted - len(before) - 1
    if missing <= 0:
        return None
    people = "1 more person" if missing == 1 else f"{missing} more people"
    lines = (f"{actor.name} approved the stop. {people} must approve it, or nothing is stopped.",)
    said = StopOutcome(watch.id, request.id, request.state, lines, loud=True)
    row = OutboxRow(f"{watch.id}/request/{request.id}/vote/{len(before) + 1}", watch.id, said)
    return Change(watch, vote=vote_of(world, request, actor), outbox=(row,), audit=(audit,))


def objection(world: World, request: StopRequest, watch: Watch) -> str | None:
    """Why the approvals of a request do not count any more; None if they do."""
    # Automatic mode has a switch of its own. A stop on the host has no votes: who owns the database decides it.
    voters = () if request.decided_by == SYSTEM else votes(world, request)
    for actor in (request.decided_by or SYSTEM, *voters):
        refusal = authorize(actor, Verb.APPROVE, watch, world.rules)
        if refusal is not None:
            return refusal.reason
        why = _doubt(world, actor)
        if why:
            return why
    # The number shown is part of the fingerprint, but another may have counted for a while, when a vote was cast.
    people, wanted = {request.decided_by, *voters}, needed(world, watch)
    if not request.by_hand and request.decided_by != SYSTEM and len(people) < wanted:
        return f"{len(people)} approved it and {wanted} must"
    return None


def _doubt(world: World, actor: Actor) -> str:
    """Why somebody's word does not count any more: an account that was closed since the click; empty if it counts."""
    if actor.kind is not ActorKind.SLACK:
        return ""
    try:
        world.vouch(actor)
    except NotAllowedError as error:
        return str(error)
    return ""
