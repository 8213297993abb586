"""The corridor of an approved stop: checked again right before, carried out once, proven by an independent look."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.decision.stops import fingerprint
from trainwatch_core.engine.auditing import entry
from trainwatch_core.engine.closing import Closing
from trainwatch_core.engine.looking import judge, look
from trainwatch_core.engine.proposing import plan_now
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.voting import needed, objection
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import Change, OutboxRow
from trainwatch_core.model.errors import ConflictError, HostError, JobNotFoundError, StorageError, TrainwatchError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.round import SourceStatus
from trainwatch_core.model.stop import Execution, JobState, Probe, RequestState, StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import safe

FRESH_ENOUGH = 900.0
"""Seconds: so old may an approval be when its command runs, and so old the numbers that a person saw."""
HOLD = 60.0
"""Seconds until the next look after a stop that was withdrawn right before its command."""

_LOG = logging.getLogger(__name__)


class Carrying:
    """Carries approved stops out, or withdraws them right before.

    Args:
        world: What the engine works with.
        closing: How a watch is closed after a proven stop.
    """

    def __init__(self, world: World, closing: Closing) -> None:
        self._world = world
        self._closing = closing

    def carry_out(self, request_id: str) -> None:
        """Carry out an approved request: last checks, `executing` committed, the command, the proof, the outcome.

        Only one worker of all processes does, and what it began it brings to an outcome.
        """
        world = self._world
        with world.exclusive(f"stop-{request_id}") as mine:
            request = world.store.request(request_id)
            if not mine or request.state is not RequestState.APPROVED or not self._passes(request):
                return
            world.reach("stop.before_executing")
            executing = replace(request, state=RequestState.EXECUTING)
            audit = entry(world, request.decided_by or SYSTEM, "execute", request, request.fingerprint)
            try:
                change(
                    world.store,
                    request.watch_id,
                    lambda now: Change(now, request=executing, request_was=frozenset({"approved"}), audit=(audit,)),
                )
            except ConflictError:
                return  # it was withdrawn meanwhile
            world.reach("stop.executing")
            self._run(executing)

    def recover(self, request_id: str) -> None:
        """Go on with a request that is executing and that no worker holds: its process died.

        If its command was begun, the target-side token makes it harmless a second time: the probe speaks, and only a
        stop that still passes all checks goes on with the rungs that were not taken yet. If it was not begun,
        everything is checked again as if it had just been approved.
        """
        world = self._world
        with world.exclusive(f"stop-{request_id}") as mine:
            request = world.store.request(request_id)
            if not mine or request.state is not RequestState.EXECUTING:
                return
            try:
                begun = self._begun(request)
            except HostError as error:
                self._cannot_tell(request, error)
                return
            if begun:
                self._run(request, after_restart=True, resume=self._still_wanted(request))
            elif self._passes(request):
                self._run(request, after_restart=True)

    def _begun(self, request: StopRequest) -> bool:
        try:
            stopper = self._world.stopper(self._world.store.watch(request.watch_id))
            return stopper is not None and stopper.begun(request.id)
        except HostError:
            raise
        except TrainwatchError:
            # Nobody knows any more how to stop it: the last checks will say why nothing can be done.
            return False

    def _cannot_tell(self, request: StopRequest, error: HostError) -> None:
        """Where the mark is nobody answers: it is asked for again, and for as long as the decision is fresh."""
        if self._age(request) <= FRESH_ENOUGH:
            return
        probe = Probe(JobState.UNKNOWN, f"nobody can tell whether the stop was begun: {error}")
        self._closing.outcome(request, Execution((), probe), after_restart=True)

    def _still_wanted(self, request: StopRequest) -> bool:
        """Whether a stop that was begun may go on with harder rungs; any doubt means that it only looks."""
        try:
            return self._objection(request) is None
        except StorageError:
            raise
        except Exception:  # noqa: BLE001  # the job is gone, the host is away, ...: the probe tells
            return False

    def _age(self, request: StopRequest) -> float:
        decided = request.decided_at or request.created_at
        return abs((self._world.clock.now() - decided).total_seconds())

    def _run(self, request: StopRequest, *, after_restart: bool = False, resume: bool = True) -> None:
        world = self._world
        try:
            stopper = world.stopper(world.store.watch(request.watch_id))
            if stopper is None:
                execution = Execution((), Probe(JobState.UNKNOWN, "nobody knows any more how to stop it"))
            else:
                execution = stopper.execute(request.plan, request.id, resume=resume)
        except Exception as error:  # noqa: BLE001  # whatever went wrong, the request comes to an outcome
            if not isinstance(error, TrainwatchError):
                _LOG.exception("stop %s failed", request.id[:8])
            execution = Execution((), Probe(JobState.UNKNOWN, f"it could not be carried out: {error}"))
        world.reach("stop.executed")
        self._closing.outcome(request, execution, after_restart=after_restart)

    def _passes(self, request: StopRequest) -> bool:
        """The pre-flight of P4.5. False means that the request came to its end here and nothing was run.

        Raises:
            StorageError: If the database fails; it is tried again later.
        """
        try:
            why = self._objection(request)
        except StorageError:
            raise
        except JobNotFoundError as error:
            probe = Probe(JobState.GONE, f"gone before anything was sent: {error}")
            self._closing.outcome(request, Execution((), probe), already_ended=True)
            return False
        except TrainwatchError as error:
            why = str(error)
        except Exception:  # noqa: BLE001  # an approval must not hang between approved and executing for ever
            _LOG.exception("the last checks of stop %s failed", request.id[:8])
            why = "the last checks failed by an internal error, see the log of trainwatch"
        if why is not None:
            self._withdraw(request, why)
        return why is None

    def _objection(self, request: StopRequest) -> str | None:
        """Why it must not be carried out now; None if it may."""
        world = self._world
        watch = world.store.watch(request.watch_id)
        age = self._age(request)
        if age > FRESH_ENOUGH:
            return f"it was decided {say_duration(age)} ago, which is too long"
        why = objection(world, request, watch)
        if why is not None:
            return why
        plan = plan_now(world, watch)
        rule = needed(world, watch)
        if fingerprint(request.id, watch.id, request.round_number, plan, approvals=rule) != request.fingerprint:
            return "what would be done now is not what was shown"
        # A stop by hand has no verdict behind it: the person is the verdict.
        return None if request.by_hand else self._recovered(request, watch)

    def _recovered(self, request: StopRequest, watch: Watch) -> str | None:
        """Look once more: a run that is well again is not stopped; without fresh numbers the automatic waits."""
        world = self._world
        past = world.store.rounds(watch.id, limit=60)
        seen = look(world, watch, past)
        if seen.source.status is not SourceStatus.UNREACHABLE:
            again = judge(replace(watch, muted_until=None), past, seen)
            if any(f.argues_for is Decision.STOP for f in again.findings):
                return None
            return f"the run looks better now: {again.verdict.reasons[0].text}"
        asked_at = next((r.at for r in past if r.number == request.round_number), request.created_at)
        fresh = (world.clock.now() - asked_at).total_seconds() <= FRESH_ENOUGH
        if request.decided_by != SYSTEM and fresh:
            return None
        return "the numbers cannot be read again and those that were shown are too old"

    def _withdraw(self, request: StopRequest, why: str) -> None:
        """End an approved request before its command: told loudly, because somebody counts on the stop."""
        world = self._world
        now = world.clock.now()

        def plan(watch: Watch) -> Change:
            ended = replace(request, state=RequestState.SUPERSEDED)
            state = move(watch.state, Event.SUPERSEDED)
            after = replace(watch, state=state, next_round_at=now + timedelta(seconds=HOLD))
            lines = (f"Not stopped: {safe(why).rstrip('.')}.", "Nothing was run. I look again in a minute.")
            outcome = StopOutcome(watch.id, request.id, ended.state, lines, loud=True)
            row = OutboxRow(f"{watch.id}/request/{request.id}/outcome", watch.id, outcome)
            audit = entry(world, SYSTEM, "refuse", request, safe(why), allowed=False)
            return Change(after, request=ended, request_was=frozenset({request.state}), outbox=(row,), audit=(audit,))

        change(world.store, request.watch_id, plan)
