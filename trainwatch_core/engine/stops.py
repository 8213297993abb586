"""A stop request from the question to the decision: shown, answered once, expired; then a worker is sent for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from trainwatch_core.decision.authority import Verb, authorize
from trainwatch_core.decision.automatic import overdrawn
from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.engine.auditing import entry
from trainwatch_core.engine.reminding import Reminders
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.voting import one_more, vote_of
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM, Actor
from trainwatch_core.model.change import Change, OutboxRow
from trainwatch_core.model.errors import ConflictError, NotAllowedError
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch

ASK_AGAIN = 7200.0
"""Seconds until a question that was put off is asked again, if the run is still bad then."""
WAKE_EVERY = 10.0
"""Seconds between two attempts to find a worker for an approved or executing request."""


class Stops:
    """Decides about stop requests.

    Args:
        world: What the engine works with.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        # Expiry counts on both clocks: a wall clock set back never revives a request.
        self._deadlines: dict[str, float] = {}
        self._next_wake: dict[str, float] = {}
        self._reminders = Reminders(world)

    def shown(self, request_id: str, at: datetime) -> None:
        """The question was delivered: its expiry starts now."""
        world = self._world
        ttl = world.terms.approval_ttl
        self._deadlines[request_id] = world.clock.monotonic() + ttl

        def plan(watch: Watch) -> Change | None:
            request = world.store.request(request_id)
            if request.state is not RequestState.PENDING or request.expires_at is not None:
                return None
            dated = replace(request, expires_at=at + timedelta(seconds=ttl))
            return Change(watch, request=dated, request_was=frozenset({"pending"}))

        change(world.store, world.store.request(request_id).watch_id, plan)

    def decide(self, request_id: str, actor: Actor, *, approve: bool, put_off: bool = False) -> StopRequest:
        """Approve or decline a pending request, once. Where several must approve, it stays pending until they did.

        Args:
            request_id: Which request.
            actor: Who decides.
            approve: Whether to stop.
            put_off: Whether a decline only asks to wait: the question comes again, if the run is still bad then.

        Raises:
            NotAllowedError: If the actor may not; audited.
            ConflictError: If it was decided already, or has expired.
            NotFoundError: If there is no such request.
        """
        world = self._world
        request = world.store.request(request_id)
        verb = Verb.APPROVE if approve else Verb.DECLINE
        self._require(actor, verb, request)
        if self.expired(request):
            self._end_pending(request, RequestState.EXPIRED, Event.EXPIRED, SYSTEM, "The request has expired")
            self._refuse(actor, verb, request, "expired")
            raise ConflictError("This request has expired", where=request_id[:8], todo="Nothing was stopped")
        world.reach("decision.authorised")
        if not approve:
            self._decline(request, actor, put_off=put_off)
            return world.store.request(request_id)
        self._approve(request, actor)
        world.reach("decision.committed")
        decided = world.store.request(request_id)
        if decided.state is RequestState.APPROVED:
            world.dispatcher.submit("stop", request_id)
        return decided

    def expired(self, request: StopRequest) -> bool:
        """Whether its time is over, on whichever clock says so first.

        A question that could not be delivered for as long as it would be valid is expired too: it is asked anew, on
        fresh numbers. What automatic mode announced does not expire: it acts, or falls back to asking.
        """
        if request.execute_after is not None:
            return False
        clock, ttl = self._world.clock, timedelta(seconds=self._world.terms.approval_ttl)
        wall = clock.now() >= (request.expires_at or request.created_at + ttl)
        deadline = self._deadlines.get(request.id)
        return wall or (deadline is not None and clock.monotonic() >= deadline)

    def resume(self, request: StopRequest) -> None:
        """Take a pending request over after a restart: its time runs on, and nothing overdue happens unannounced."""
        clock, terms = self._world.clock, self._world.terms
        if request.execute_after is not None:
            self._rearm(request, clock.now() + timedelta(seconds=terms.auto_grace))
        elif request.expires_at is not None:
            left = (request.expires_at - clock.now()).total_seconds()
            # More time left than there ever was: the wall clock was set back, and nobody knows by how much.
            self._deadlines[request.id] = clock.monotonic() + (left if left <= terms.approval_ttl else 0.0)

    def sweep(self, request: StopRequest) -> None:
        """Move one open request on: expire it, let automatic mode act, or wake its worker again."""
        if request.state is RequestState.PENDING and self.expired(request):
            self._end_pending(request, RequestState.EXPIRED, Event.EXPIRED, SYSTEM, "Nobody answered in time")
        elif request.state is RequestState.PENDING and self._acts_alone(request):
            self._act_alone(request)
        elif request.state is not RequestState.PENDING:
            self._wake(request)
        else:
            self._reminders.sweep(request)

    def undeliverable(self, request_id: str) -> None:
        """Nobody can be asked: the request ends, and the next STOP asks anew. Automatic mode goes on without words."""
        request = self._world.store.request(request_id)
        if request.state is RequestState.PENDING and request.execute_after is None:
            words = "The question could not be delivered"
            self._end_pending(request, RequestState.EXPIRED, Event.EXPIRED, SYSTEM, words)

    def fall_back_to_asking(self, request: StopRequest, why: str) -> None:
        """Take automatic mode's timer off a pending request: a person must answer it now."""

        def plan(watch: Watch) -> Change | None:
            now = self._world.store.request(request.id)
            if now.state is not RequestState.PENDING or now.execute_after is None:
                return None
            ttl = self._world.terms.approval_ttl
            self._deadlines[request.id] = self._world.clock.monotonic() + ttl
            expires_at = self._world.clock.now() + timedelta(seconds=ttl)
            asked = replace(now, execute_after=None, expires_at=expires_at)
            outcome = StopOutcome(watch.id, now.id, now.state, (f"I ask instead of acting alone: {why}.",), loud=True)
            row = OutboxRow(f"{watch.id}/request/{now.id}/asks", watch.id, outcome)
            audit = entry(self._world, SYSTEM, "fall_back", now, why)
            return Change(watch, request=asked, request_was=frozenset({"pending"}), outbox=(row,), audit=(audit,))

        change(self._world.store, request.watch_id, plan)

    def _acts_alone(self, request: StopRequest) -> bool:
        due = request.execute_after
        return due is not None and self._world.clock.now() >= due

    def _act_alone(self, request: StopRequest) -> None:
        """Approve for automatic mode, unless others have used its budget or made a wave of it meanwhile."""
        world = self._world
        why = overdrawn(request, world.store.requests(), world.clock.now(), world.terms.budget)
        if why is not None:
            self.fall_back_to_asking(request, why)
            return
        self._approve(request, SYSTEM)
        world.dispatcher.submit("stop", request.id)

    def _wake(self, request: StopRequest) -> None:
        """Hand an approved or executing request to a worker, now and then: who has it already holds its lock."""
        now = self._world.clock.monotonic()
        if now >= self._next_wake.get(request.id, 0.0):
            self._next_wake[request.id] = now + WAKE_EVERY
            kind = "recover" if request.state is RequestState.EXECUTING else "stop"
            self._world.dispatcher.submit(kind, request.id)

    def _rearm(self, request: StopRequest, earliest: datetime) -> None:
        def plan(watch: Watch) -> Change | None:
            now = self._world.store.request(request.id)
            if now.state is not RequestState.PENDING or now.execute_after is None or now.execute_after >= earliest:
                return None
            lines = ("I was away. I stop the run after the usual time unless somebody keeps it running.",)
            outcome = StopOutcome(watch.id, now.id, now.state, lines, loud=True)
            key = f"{watch.id}/request/{now.id}/away/{earliest:%Y%m%d%H%M%S}"
            later = replace(now, execute_after=earliest)
            row = OutboxRow(key, watch.id, outcome)
            return Change(watch, request=later, request_was=frozenset({"pending"}), outbox=(row,))

        change(self._world.store, request.watch_id, plan)

    def _approve(self, request: StopRequest, actor: Actor) -> None:
        now = self._world.clock.now()

        def plan(watch: Watch) -> Change:
            self._require_pending(request.id)
            audit = entry(self._world, actor, str(Verb.APPROVE), request, request.fingerprint)
            waits = one_more(self._world, request, actor, watch, audit)
            if waits is not None:
                return waits
            approved = replace(request, state=RequestState.APPROVED, decided_by=actor, decided_at=now)
            after = replace(
                watch, state=move(watch.state, Event.APPROVED), next_round_at=None, lease_owner="", lease_until=None
            )
            vote = vote_of(self._world, request, actor)
            return Change(after, request=approved, request_was=frozenset({"pending"}), vote=vote, audit=(audit,))

        change(self._world.store, request.watch_id, plan)

    def _decline(self, request: StopRequest, actor: Actor, *, put_off: bool) -> None:
        quiet = ASK_AGAIN if put_off else self._world.terms.mute
        until = self._world.clock.now() + timedelta(seconds=quiet)
        if put_off:
            words = f"{actor.name} asks to wait: in {say_duration(quiet)} I ask again, if it is still bad then"
            request = replace(request, ask_again_at=until)
        else:
            words = f"Kept running by {actor.name}, and not asked about again for {say_duration(quiet)}"
        self._end_pending(request, RequestState.DECLINED, Event.DECLINED, actor, words, muted_until=until)

    def _end_pending(  # what an ending is made of
        self,
        request: StopRequest,
        state: RequestState,
        event: Event,
        actor: Actor,
        words: str,
        *,
        muted_until: datetime | None = None,
    ) -> None:
        world = self._world
        now = world.clock.now()

        def plan(watch: Watch) -> Change:
            self._require_pending(request.id)
            ended = replace(request, state=state, decided_by=actor, decided_at=now)
            after = replace(watch, state=move(watch.state, event))
            if muted_until is not None:
                # A look that is due later comes then: what was promised does not come an interval late.
                due = watch.next_round_at and min(watch.next_round_at, muted_until)
                after = replace(after, muted_until=muted_until, next_round_at=due)
            outcome = StopOutcome(watch.id, request.id, state, (f"{words}. Nothing was stopped.",))
            row = OutboxRow(f"{watch.id}/request/{request.id}/outcome", watch.id, outcome)
            audit = entry(self._world, actor, str(state), request, words)
            return Change(after, request=ended, request_was=frozenset({"pending"}), outbox=(row,), audit=(audit,))

        change(world.store, request.watch_id, plan)

    def _require(self, actor: Actor, verb: Verb, request: StopRequest) -> None:
        refusal = authorize(actor, verb, self._world.store.watch(request.watch_id), self._world.rules)
        if refusal is not None:
            self._refuse(actor, verb, request, refusal.reason)
            raise NotAllowedError(refusal.reason, where=str(actor))

    def _require_pending(self, request_id: str) -> None:
        now = self._world.store.request(request_id)
        if now.state is not RequestState.PENDING:
            by = f" by {now.decided_by.name}" if now.decided_by else ""
            words = str(now.state).removeprefix("already_")
            raise ConflictError(f"This request is already {words}{by}", where=request_id[:8])

    def _refuse(self, actor: Actor, verb: Verb, request: StopRequest, why: str) -> None:
        self._world.store.audit(entry(self._world, actor, str(verb), request, why, allowed=False))
