"""What the audit says about a stop request."""

from __future__ import annotations

from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.stop import StopRequest


def entry(
    world: World, actor: Actor, verb: str, request: StopRequest, detail: str, *, allowed: bool = True
) -> AuditRow:
    """Who did what to which request, now; `allowed` is False for what was refused."""
    now = world.clock.now()
    return AuditRow(now, actor, verb, request.watch_id, request.id, allowed=allowed, detail=detail)
