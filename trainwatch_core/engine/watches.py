"""Registering and managing watches."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from trainwatch_core.decision.authority import Verb, authorize, verbs_of_edit
from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.engine.by_hand import with_evidence
from trainwatch_core.engine.proposing import draft, plan_now
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.change import AuditRow, Change, OutboxRow
from trainwatch_core.model.errors import ConflictError, NotAllowedError, NotFoundError
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest
from trainwatch_core.model.watch import EndReason, Policy, Watch, WatchContext, WatchState
from trainwatch_core.report.card import card_key, compose_card

_ASKING = frozenset({WatchState.STOP_PENDING})
_ALPHABET = string.ascii_lowercase + string.digits


def identified(world: World, before: Watch, after: Watch) -> Watch:
    """A watch whose job is identified anew if it is launched or stopped in another way than before.

    Raises:
        JobNotFoundError: If a changed launch names no job.
        StopRefusedError: If it names one that must never be stopped.
    """
    now, was = after.context, before.context
    if (now.launch, now.stop_command) == (was.launch, was.stop_command):
        return after
    stopper = world.stopper(after)
    return replace(after, identity=stopper.identify() if stopper is not None else None)


@dataclass(frozen=True, slots=True)
class Registration:
    """What is asked for.

    Attributes:
        run: The run to watch.
        owner: Who asks.
        channel: Where reports go.
        context: What the person told.
        policy: The gates.
        defaults: What the operator's file says for this run: rights are needed only for what differs from it.
        card: Whether the channel shows a card of the watch; it is the first message then.
    """

    run: RunRef
    owner: Actor
    channel: str
    context: WatchContext
    policy: Policy
    defaults: WatchContext = field(default_factory=WatchContext)
    card: bool = False


class Watches:
    """Registers, pauses, resumes and ends watches.

    Args:
        world: What the engine works with.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, wish: Registration) -> Watch:
        """Start a watch; its first round is due at once. The job is identified now, so that no other is ever stopped.

        Raises:
            NotAllowedError: If the owner may not.
            JobNotFoundError: If the launch names no job.
            StopRefusedError: If the launch names one that must never be stopped.
            InvalidInputError: If launch or stop command cannot be read.
        """
        world, now = self._world, self._world.clock.now()
        watch = Watch(
            id="".join(secrets.choice(_ALPHABET) for _ in range(8)),
            run=wish.run,
            owner=wish.owner,
            channel=wish.channel,
            context=wish.context,
            policy=wish.policy,
            state=WatchState.ACTIVE,
            version=0,
            created_at=now,
            next_round_at=now,
        )
        for verb in (Verb.WATCH, *verbs_of_edit(wish.defaults, wish.context)):
            self.require(wish.owner, verb, watch)
        world.sources(watch)  # says now what cannot be read at all
        world.baseline_runs(watch)
        stopper = world.stopper(watch)
        watch = replace(watch, identity=stopper.identify() if stopper is not None else None)
        audit = AuditRow(now, wish.owner, "watch", watch.id, detail=str(wish.run))
        cards = (OutboxRow(card_key(watch.id), watch.id, compose_card(watch, None, ())),) if wish.card else ()
        return world.store.commit(Change(watch, audit=(audit,), outbox=cards))

    def find(self, name: str) -> Watch:
        """The watch with this id, or the open watch of this run.

        Raises:
            NotFoundError: If there is none, or more than one.
        """
        try:
            return self._world.store.watch(name)
        except NotFoundError:
            named = [w for w in self._world.store.watches() if name in {str(w.run), w.run.short}]
        if len(named) != 1:
            what = "No watch has this name" if not named else "Several watches have this name"
            ids = ", ".join(w.id for w in named or self._world.store.watches())
            raise NotFoundError(what, where=name, todo=f"Open watches: {ids or 'none'}")
        return named[0]

    def check_now(self, watch_id: str) -> Watch:
        """Make the next round due at once; whoever asks hears of it, in quiet hours too.

        Raises:
            ConflictError: If the watch is not one that looks.
        """
        world = self._world

        def plan(watch: Watch) -> Change:
            if watch.next_round_at is None:
                raise ConflictError(f"The watch is {watch.state.replace('_', ' ')} and takes no look", where=watch.id)
            return Change(replace(watch, next_round_at=world.clock.now(), asked_at=world.clock.now()))

        return self.changed(watch_id, plan)

    def adopt(self, watch_id: str, actor: Actor, channel: str, context: WatchContext) -> Watch:
        """Take over a watch whose former process is gone: its claim is void, its reports come here.

        Args:
            watch_id: Which watch.
            actor: Who takes it over.
            channel: Where its reports go from now on.
            context: What is known now; a changed launch is identified anew.

        Raises:
            JobNotFoundError: If a changed launch names no job.
            StopRefusedError: If it names one that must never be stopped.
        """
        world = self._world

        def plan(watch: Watch) -> Change:
            after = replace(watch, channel=channel, lease_owner="", lease_until=None, context=context)
            audit: tuple[AuditRow, ...] = ()
            for verb in (Verb.CHECK, *verbs_of_edit(watch.context, context)):
                self.require(actor, verb, watch)
            if context != watch.context:
                audit = (AuditRow(world.clock.now(), actor, str(Verb.EDIT), watch.id),)
            return Change(identified(world, watch, after), audit=audit)

        return self.changed(watch_id, plan)

    def stop_plan(self, watch_id: str) -> StopPlan:
        """What a stop by hand would do now.

        Raises:
            StopRefusedError: If no way to stop the job is known, or it is another job.
            JobNotFoundError: If the job is gone.
        """
        return plan_now(self._world, self._world.store.watch(watch_id))

    def pause(self, watch_id: str, actor: Actor) -> Watch:
        """Take no looks until resumed."""
        return self._move(watch_id, actor, Verb.PAUSE, Event.PAUSED)

    def resume(self, watch_id: str, actor: Actor) -> Watch:
        """Look again, at once."""
        return self._move(watch_id, actor, Verb.RESUME, Event.RESUMED)

    def end(self, watch_id: str, actor: Actor) -> Watch:
        """End the watch. The run goes on; a stop request that waits is withdrawn."""
        return self._move(watch_id, actor, Verb.END, Event.ENDED_BY_USER)

    def stop_by_hand(self, watch_id: str, actor: Actor) -> StopRequest:
        """Break-glass: a stop that a person of this machine decides, verdict or not; same pre-flight, audited.

        Raises:
            NotAllowedError: If the actor may not.
            StopRefusedError: If no way to stop the job is known, or it is another job.
            JobNotFoundError: If the job is gone.
            ConflictError: If a stop is under way already, or the watch has ended.
        """
        world = self._world
        watch = world.store.watch(watch_id)
        self.require(actor, Verb.APPROVE, watch)
        plan = plan_now(world, watch)
        drafted = with_evidence(world, watch, draft(world, watch, plan, f"Stopped by hand by {actor.id}."))
        now = world.clock.now()
        request = replace(drafted, state=RequestState.APPROVED, decided_by=actor, decided_at=now)

        def proposed(row: Watch) -> Change:
            state = move(move(row.state, Event.STOP_REQUESTED), Event.APPROVED)
            audit = AuditRow(now, actor, "stop", watch_id, request.id, detail=request.fingerprint)
            after = replace(row, state=state, next_round_at=None, lease_owner="", lease_until=None)
            return Change(after, request=request, audit=(audit,))

        self._supersede(watch_id, actor)
        self.changed(watch_id, proposed)
        return request

    def _supersede(self, watch_id: str, actor: Actor) -> None:
        """A question that waits is answered by the stop by hand."""

        def plan(row: Watch) -> Change | None:
            after = replace(row, state=move(row.state, Event.SUPERSEDED)) if row.state in _ASKING else row
            change_ = self._withdrawing(Change(after), row, f"{actor.id} stops the run by hand")
            return change_ if change_.request is not None else None

        change(self._world.store, watch_id, plan)

    def _move(self, watch_id: str, actor: Actor, verb: Verb, event: Event) -> Watch:
        world = self._world

        def plan(watch: Watch) -> Change:
            self.require(actor, verb, watch)
            now = world.clock.now()
            state = move(watch.state, event)
            looks = state is WatchState.ACTIVE
            after = replace(
                watch,
                state=state,
                next_round_at=now if looks else None,
                asked_at=now if looks else None,
                # A round that is under way finds its claim gone and writes nothing.
                lease_owner="",
                lease_until=None,
                ended_reason=EndReason.ENDED_BY_USER if state is WatchState.ENDED else None,
            )
            change_ = Change(after, audit=(AuditRow(now, actor, str(verb), watch.id),))
            return self._withdrawing(change_, watch, "The watch was ended") if state is WatchState.ENDED else change_

        return self.changed(watch_id, plan)

    def _withdrawing(self, change_: Change, watch: Watch, words: str) -> Change:
        """A Change that also withdraws the request that waits, if one does."""
        waiting = self._world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
        if not waiting:
            return change_
        now = self._world.clock.now()
        gone = replace(waiting[-1], state=RequestState.SUPERSEDED, decided_by=SYSTEM, decided_at=now)
        outcome = StopOutcome(watch.id, gone.id, gone.state, (f"{words}: the stop request is withdrawn.",))
        row = OutboxRow(f"{watch.id}/request/{gone.id}/outcome", watch.id, outcome)
        return replace(change_, request=gone, request_was=frozenset({"pending"}), outbox=(row,))

    def require(self, actor: Actor, verb: Verb, watch: Watch) -> None:
        """Let only those go on who may, and alone.

        Raises:
            NotAllowedError: If the actor may not; audited.
        """
        self.require_right(actor, verb, watch)
        needed_ = self._world.terms.auto_requires
        if verb is Verb.GO_AUTOMATIC and actor.kind is ActorKind.SLACK and needed_ > 1:
            why = f"{needed_} approvers must agree to automatic mode: each says `mode auto` in the thread of the watch"
            self._refuse(actor, verb, watch, why)

    def require_right(self, actor: Actor, verb: Verb, watch: Watch) -> None:
        """Let only those go on who may, alone or with others.

        Raises:
            NotAllowedError: If the actor may not; audited.
        """
        refusal = authorize(actor, verb, watch, self._world.rules)
        if refusal is not None:
            self._refuse(actor, verb, watch, refusal.reason)

    def _refuse(self, actor: Actor, verb: Verb, watch: Watch, why: str) -> NoReturn:
        now = self._world.clock.now()
        self._world.store.audit(AuditRow(now, actor, str(verb), watch.id, allowed=False, detail=why))
        raise NotAllowedError(why, where=str(actor))

    def changed(self, watch_id: str, plan: Callable[[Watch], Change]) -> Watch:
        """Commit what a plan makes of the newest row.

        Raises:
            ConflictError: If others were faster again and again, or if the plan says that it cannot be.
        """
        changed = change(self._world.store, watch_id, plan)
        if changed is None:
            raise ConflictError("The watch was changed by somebody else", where=watch_id, todo="Try again")
        return changed
