"""Changes that somebody expects, and alarms that were false: what follows from them is no reason to stop."""

from __future__ import annotations

from dataclasses import replace

from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.editing import require_open
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.stops import Stops
from trainwatch_core.engine.watches import Watches
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.announcement import Announcement, checked_words, with_announced
from trainwatch_core.model.change import AuditRow, Change
from trainwatch_core.model.errors import ConflictError, InvalidInputError
from trainwatch_core.model.numbers import say_step
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch

FALSE_ALARM = "false alarm"
_UNDER_WAY = frozenset({RequestState.APPROVED, RequestState.EXECUTING})


class Announcing:
    """Appends announcements to the context of a watch.

    Args:
        world: What the engine works with.
        watches: Who may edit a watch.
        stops: Where a question that waits is declined.
    """

    def __init__(self, world: World, watches: Watches, stops: Stops) -> None:
        self._world = world
        self._watches = watches
        self._stops = stops

    def expect(self, watch_id: str, actor: Actor, what: str = "", *, at: float | None = None) -> Announcement:
        """Note that a change is meant to happen.

        Args:
            watch_id: Which watch.
            actor: Who says so.
            what: In the person's words.
            at: The step; None for the newest one that was seen.

        Raises:
            NotAllowedError: If the actor may not edit the watch; audited.
            InvalidInputError: If no step is given and none was seen, or the words cannot be kept.
            ConflictError: If the watch has ended.
        """
        return self._note(watch_id, actor, "expect", checked_words(what), at)

    def false_alarm(self, watch_id: str, actor: Actor) -> Announcement:
        """Note that what is seen now is meant to be so; a stop that waits for an answer is declined.

        Raises:
            NotAllowedError: If the actor may not edit the watch; audited.
            InvalidInputError: If nothing was seen yet.
            ConflictError: If the watch has ended, or a stop is under way already.
        """
        noted = self._note(watch_id, actor, "false_alarm", FALSE_ALARM, None)
        store = self._world.store
        for request in store.requests(watch_id=watch_id, states={RequestState.PENDING, *_UNDER_WAY}):
            try:
                self._stops.decide(request.id, actor, approve=False)
            except ConflictError:
                # Expired or withdrawn meanwhile is as good as declined. What was approved, the person must know.
                if store.request(request.id).state in _UNDER_WAY:
                    raise
        return noted

    def _note(self, watch_id: str, actor: Actor, verb: str, what: str, at: float | None) -> Announcement:
        noted: list[Announcement] = []

        def plan(watch: Watch) -> Change:
            self._watches.require(actor, Verb.EDIT, watch)
            require_open(watch)
            noted[:] = [Announcement(self._newest_step(watch) if at is None else at, what)]
            announced = with_announced(watch.context.announced, *noted)
            detail = f"step {say_step(noted[0].step)}{what and ': '}{what}"
            audit = AuditRow(self._world.clock.now(), actor, verb, watch.id, detail=detail)
            return Change(replace(watch, context=replace(watch.context, announced=announced)), audit=(audit,))

        change(self._world.store, watch_id, plan)
        return noted[0]

    def _newest_step(self, watch: Watch) -> float:
        for newest in self._world.store.rounds(watch.id, limit=1):
            if newest.last_step is not None:
                return newest.last_step
        raise InvalidInputError("No step was seen yet", where=watch.id, todo="Say at which step it comes")
