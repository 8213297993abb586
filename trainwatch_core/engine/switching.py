"""Automatic mode is switched on and off, and whoever switches it on is told what it would have done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trainwatch_core.decision.authority import Verb, authorize
from trainwatch_core.decision.automatic import AGREES, agreed, mode_told
from trainwatch_core.engine.editing import require_open
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.watches import Watches
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.change import AuditRow, Change, OutboxRow
from trainwatch_core.model.errors import GivenUpError, TrainwatchError
from trainwatch_core.model.message import Notice
from trainwatch_core.model.watch import Mode, Watch, WatchState
from trainwatch_core.report.backtest import in_chat
from trainwatch_core.report.compose import safe

QUOTED = "backtest"
"""Verb of the audit row of a backtest that was quoted."""
TRIED = 10
"""How many earlier runs automatic mode is tried on."""
HEADING = "Automatic mode is on. Tried on the newest finished runs beside this one:"


class Switching:
    """Switches the mode of watches.

    Args:
        world: What the engine works with.
        watches: Who may do what with a watch.
    """

    def __init__(self, world: World, watches: Watches) -> None:
        self._world = world
        self._watches = watches

    def switch(self, watch_id: str, actor: Actor, mode: Mode) -> Watch:
        """Let a watch ask before a stop, or act alone. Where several must agree to that, the first ones are only noted.

        Returns:
            The watch; its mode is still the one of before if others must agree.

        Raises:
            NotAllowedError: If the actor may not; audited.
            ConflictError: If the watch has ended.
        """
        verb = Verb.GO_AUTOMATIC if mode is Mode.AUTO else Verb.EDIT
        world = self._world

        def plan(watch: Watch) -> Change:
            self._watches.require_right(actor, verb, watch)
            require_open(watch)
            now, needed = world.clock.now(), world.terms.auto_requires
            told = self.agreed(watch) | {actor}
            if mode is Mode.AUTO and actor.kind is ActorKind.SLACK and len(told) < needed:
                detail = f"{AGREES}, {len(told)} of {needed}"
                return Change(watch, audit=(AuditRow(now, actor, str(verb), watch.id, detail=detail),))
            audit = AuditRow(now, actor, str(verb), watch.id, detail=mode_told(mode))
            return Change(replace(watch, context=replace(watch.context, mode=mode)), audit=(audit,))

        switched = self._watches.changed(watch_id, plan)
        if self.owes_backtest(watch_id):
            world.dispatcher.submit(QUOTED, watch_id)
        return switched

    def agreed(self, watch: Watch) -> frozenset[Actor]:
        """Who agreed to automatic mode for a watch while others must, and still may."""
        world = self._world
        rows = world.store.audited(watch_id=watch.id)
        told = agreed(rows, world.clock.now(), world.terms.approval_ttl)
        return frozenset(a for a in told if authorize(a, Verb.GO_AUTOMATIC, watch, world.rules) is None)

    def owes_backtest(self, watch_id: str) -> bool:
        """Whether a watch acts alone, and nobody was told yet what that had done to earlier runs."""
        world = self._world
        watch = world.store.watch(watch_id)
        if world.backtest is None or watch.context.mode is not Mode.AUTO or watch.state is WatchState.ENDED:
            return False
        return not any(row.verb == QUOTED for row in world.store.audited(watch_id=watch_id))

    def quote_backtest(self, watch_id: str) -> None:
        """Tell what automatic mode had done to earlier runs: once for a watch, one backtest at a time.

        What cannot be tried is told as well. Whoever finds another backtest under way comes again with the next round.
        """
        world = self._world
        with world.exclusive(QUOTED) as mine:
            if not mine or world.backtest is None or not self.owes_backtest(watch_id):
                return
            try:
                lines = in_chat(world.backtest(world.store.watch(watch_id).run, TRIED))
            except GivenUpError:
                return
            except TrainwatchError as error:
                lines = [f"That could not be tried: {safe(str(error))}"]
            self._say(watch_id, [HEADING, *lines])

    def _say(self, watch_id: str, lines: Sequence[str]) -> None:
        now = self._world.clock.now()

        def plan(watch: Watch) -> Change | None:
            if watch.state is WatchState.ENDED:
                return None
            said = Notice(watch.id, "\n".join(lines))
            audit = AuditRow(now, SYSTEM, QUOTED, watch.id, detail=lines[1])
            return Change(watch, outbox=(OutboxRow(f"{watch.id}/{QUOTED}", watch.id, said),), audit=(audit,))

        change(self._world.store, watch_id, plan)
