"""What a person tells about a watch that is there: another context, a snooze, a note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from trainwatch_core.decision.authority import Verb, verbs_of_edit
from trainwatch_core.engine.watches import Watches, identified
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.change import AuditRow, Change, OutboxRow
from trainwatch_core.model.errors import ConflictError, InvalidInputError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import ProjectNote
from trainwatch_core.model.watch import Watch, WatchContext, WatchState
from trainwatch_core.report.markdown import escape_markdown
from trainwatch_core.report.redact import clean, redact

LONGEST_SNOOZE = timedelta(days=7)
"""Longer is forgotten, not snoozed: there is pause and end."""
LONGEST_NOTE = 500


class Editing:
    """Changes watches as people tell.

    Args:
        world: What the engine works with.
        watches: Who may do what with a watch.
    """

    def __init__(self, world: World, watches: Watches) -> None:
        self._world = world
        self._watches = watches

    def edit(self, watch_id: str, actor: Actor, make: Callable[[WatchContext], WatchContext]) -> Watch:
        """Give a watch another context. A shorter interval counts from now on.

        Args:
            watch_id: Which watch.
            actor: Who tells.
            make: The context that is wanted, of the one that is known.

        Raises:
            NotAllowedError: If the actor may not; audited.
            ConflictError: If the watch has ended.
            InvalidInputError: If launch, stop command or a source cannot be read.
            JobNotFoundError: If a changed launch names no job.
            StopRefusedError: If it names one that must never be stopped.
        """
        world = self._world

        def plan(watch: Watch) -> Change:
            require_open(watch)
            context = make(watch.context)
            for verb in verbs_of_edit(watch.context, context):
                self._watches.require(actor, verb, watch)
            now = world.clock.now()
            soon = now + timedelta(seconds=max(context.interval, watch.policy.min_interval))
            # A run that would be stopped had somebody told how is looked at with the answer at once.
            soon = now if _tells_how(watch.context, context) and self._would_stop(watch) else soon
            due = watch.next_round_at if watch.next_round_at is None else min(watch.next_round_at, soon)
            after = identified(world, watch, replace(watch, context=context, next_round_at=due))
            world.sources(after)  # says now what cannot be read at all
            return Change(after, audit=(AuditRow(now, actor, str(Verb.EDIT), watch.id, detail=_edited(watch, after)),))

        return self._watches.changed(watch_id, plan)

    def _would_stop(self, watch: Watch) -> bool:
        last = self._world.store.rounds(watch.id, limit=1)
        return bool(last) and last[-1].verdict.decision is Decision.STOP

    def snooze(self, watch_id: str, actor: Actor, until: datetime | None) -> Watch:
        """Hold ordinary rounds back until a moment, or no longer (None). Looking goes on, a stop is asked for at once.

        Raises:
            NotAllowedError: If the actor may not; audited.
            ConflictError: If the watch has ended.
            InvalidInputError: If the moment has passed or is more than a week away.
        """
        world = self._world

        def plan(watch: Watch) -> Change:
            self._watches.require(actor, Verb.SNOOZE, watch)
            require_open(watch)
            now = world.clock.now()
            if until is not None and not now < until <= now + LONGEST_SNOOZE:
                raise InvalidInputError("A snooze ends within a week", todo="E.g. snooze 2h, snooze until 08:00")
            detail = f"until {until:%Y-%m-%d %H:%M} UTC" if until is not None else "no longer"
            audit = AuditRow(now, actor, str(Verb.SNOOZE), watch.id, detail=detail)
            return Change(replace(watch, snoozed_until=until), audit=(audit,))

        return self._watches.changed(watch_id, plan)

    def note(self, watch_id: str, actor: Actor, words: str) -> Watch:
        """Keep a person's words: in the audit, and in the notes file of the project if the watch has one.

        Raises:
            NotAllowedError: If the actor may not; audited.
            InvalidInputError: If there are no words.
        """
        world, kept = self._world, clean(redact(words), LONGEST_NOTE)
        if not kept:
            raise InvalidInputError("A note has words", todo="E.g. note learning rate halved by hand")

        def plan(watch: Watch) -> Change:
            self._watches.require(actor, Verb.NOTE, watch)
            now, path = world.clock.now(), watch.context.notes_path
            line = f"{now:%Y-%m-%d %H:%M} UTC · {escape_markdown(watch.run.short)} · {escape_markdown(actor.name)}"
            text = f"\n- {line}: {escape_markdown(kept)}\n"
            # Version and not time: the same words twice are two notes.
            row = OutboxRow(f"{watch.id}/said/{watch.version}", watch.id, ProjectNote(watch.id, path, text))
            audit = AuditRow(now, actor, str(Verb.NOTE), watch.id, detail=kept)
            return Change(watch, outbox=(row,) if path else (), audit=(audit,))

        return self._watches.changed(watch_id, plan)


def require_open(watch: Watch) -> None:
    """Refuse what has no meaning for a watch that is over.

    Raises:
        ConflictError: If it has ended.
    """
    if watch.state is WatchState.ENDED:
        raise ConflictError("This watch has ended", where=watch.id, todo="Register the run again")


def _edited(before: Watch, after: Watch) -> str:
    """Which things were told anew; their values may be secrets of nobody's business."""
    names = [name for name in WatchContext.__slots__ if getattr(before.context, name) != getattr(after.context, name)]
    return ", ".join(names) or "nothing new"


def _tells_how(known: WatchContext, wanted: WatchContext) -> bool:
    """Whether it is told anew how the run is stopped."""
    return (known.launch, known.stop_command) != (wanted.launch, wanted.stop_command)
