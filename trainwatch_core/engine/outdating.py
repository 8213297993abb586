"""A question that waits asks for one job and one command: when either has changed, it is withdrawn (FAULTS.md P4)."""

from __future__ import annotations

from dataclasses import replace

from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.decision.stops import fingerprint
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.voting import needed
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import AuditRow, Change, OutboxRow
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import safe


def outdated(world: World, watch: Watch, request: StopRequest) -> str:
    """What has changed since a question was asked; empty if nothing has, or nobody can tell.

    A job that cannot be asked for now is no change: the last checks before the command look again.

    Args:
        world: What the engine works with.
        watch: As it is now.
        request: Waits for an answer.
    """
    try:
        stopper = world.stopper(watch)
        if stopper is None:
            return "nobody tells any more how to stop it"
        found = stopper.identify()
        then = request.plan.identity
        if then is not None and (found is None or dict(found.facts) != dict(then.facts)):
            return f"the job is another one now, {safe(found.label) if found else 'and nobody knows which'}"
        plan, rule = stopper.plan(found), needed(world, watch)
    except TrainwatchError:
        return ""
    now = fingerprint(request.id, watch.id, request.round_number, plan, approvals=rule)
    return "" if now == request.fingerprint else "what would be done now is not what was shown"


def withdraw_outdated(world: World, watch: Watch) -> None:
    """Withdraw the question of a watch if what it asks for has changed."""
    waiting = world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
    for request in waiting:
        why = outdated(world, watch, request)
        if why:
            _withdraw(world, request, why)


def _withdraw(world: World, request: StopRequest, why: str) -> None:
    now = world.clock.now()

    def plan(watch: Watch) -> Change | None:
        if world.store.request(request.id).state is not RequestState.PENDING:
            return None
        gone = replace(request, state=RequestState.SUPERSEDED, decided_by=SYSTEM, decided_at=now)
        said = f"{why[0].upper()}{why[1:]}: the stop request {request.id[:8]} is withdrawn. Nothing was stopped."
        body = StopOutcome(watch.id, request.id, gone.state, (said,))
        return Change(
            replace(watch, state=move(watch.state, Event.SUPERSEDED)),
            request=gone,
            request_was=frozenset({RequestState.PENDING}),
            outbox=(OutboxRow(f"{watch.id}/request/{request.id}/outcome", watch.id, body),),
            audit=(AuditRow(now, SYSTEM, str(gone.state), watch.id, request.id, detail=why),),
        )

    change(world.store, request.watch_id, plan)
