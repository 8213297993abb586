"""A question that nobody answers is brought to mind, and in the end to somebody else's."""

from __future__ import annotations

from datetime import timedelta

from trainwatch_core.decision.authority import who_may_approve
from trainwatch_core.decision.reminding import ESCALATION, Reminder, due
from trainwatch_core.engine.auditing import entry
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.voting import votes
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import Change, OutboxRow
from trainwatch_core.model.message import StopReminder
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import run_name


class Reminders:
    """Queues reminders of questions. The outbox says which ones were queued: its keys are unique.

    Args:
        world: What the engine works with.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        # Of this process, so that the store is not asked with every knock.
        self._queued: set[str] = set()

    def sweep(self, request: StopRequest) -> None:
        """Queue what is due for a pending request that was delivered; what automatic mode announced needs no answer."""
        if request.expires_at is None or request.execute_after is not None:
            return
        asked_at = request.expires_at - timedelta(seconds=self._world.terms.approval_ttl)
        for reminder in due(asked_at, self._world.clock.now(), self._world.terms.reminding):
            key = f"{request.watch_id}/request/{request.id}/{reminder.name}"
            if key not in self._queued:
                self._queue(key, reminder, request)
                self._queued.add(key)

    def _queue(self, key: str, reminder: Reminder, request: StopRequest) -> None:
        world = self._world

        def plan(watch: Watch) -> Change | None:
            pending = world.store.request(request.id).state is RequestState.PENDING
            if not pending or any(row.key == key for row in world.store.outbox(watch.id)):
                return None
            row = OutboxRow(key, watch.id, self._body(watch, reminder, request))
            escalates = reminder.name == ESCALATION
            called = f"Nobody answers: {', '.join(reminder.calls)} are called"
            audit = (entry(world, SYSTEM, "escalate", request, called),) if escalates else ()
            return Change(watch, outbox=(row,), audit=audit)

        change(world.store, request.watch_id, plan)

    def _body(self, watch: Watch, reminder: Reminder, request: StopRequest) -> StopReminder:
        rounds = self._world.store.rounds(watch.id, limit=1)
        voted = {actor.id for actor in votes(self._world, request)}
        could = tuple(user for user in who_may_approve(watch, self._world.rules) if user not in voted)
        assert request.expires_at is not None  # noqa: S101  # asked by the caller
        return StopReminder(
            watch_id=watch.id,
            request_id=request.id,
            run=run_name(rounds[-1].info.name if rounds else "", watch),
            reason=request.reason,
            could=could,
            called=reminder.calls,
            expires_at=request.expires_at,
        )
