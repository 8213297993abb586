"""The façade that every front end uses, and the tick that keeps everything moving."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trainwatch_core.decision.turns import Turn
from trainwatch_core.engine.announcing import Announcing
from trainwatch_core.engine.asking import Asking
from trainwatch_core.engine.carrying import Carrying
from trainwatch_core.engine.closing import Closing
from trainwatch_core.engine.editing import LONGEST_SNOOZE, Editing
from trainwatch_core.engine.publishing import LONGEST_PAUSE, Publishing
from trainwatch_core.engine.quieting import Quieting
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.rounds import Rounds
from trainwatch_core.engine.stops import ASK_AGAIN, Stops
from trainwatch_core.engine.switching import QUOTED, Switching
from trainwatch_core.engine.watches import Watches
from trainwatch_core.engine.world import LEASE, World
from trainwatch_core.model.change import Change
from trainwatch_core.model.errors import ConflictError, NotFoundError, TrainwatchError
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch, WatchState

_LOG = logging.getLogger(__name__)

CLOCK_STEP = 30.0
"""Seconds by which wall and monotonic clock may part between two ticks before it counts as a step."""
_OPEN = frozenset({RequestState.PENDING, RequestState.APPROVED, RequestState.EXECUTING})


class Engine:
    """Watches runs.

    Args:
        world: What it works with.
        only: The watches that this process looks after; None for all.
    """

    def __init__(self, world: World, *, only: Collection[str] | None = None) -> None:
        self.world = world
        self.only = only
        closing = Closing(world)
        self.stops = Stops(world)
        self.carrying = Carrying(world, closing)
        self.rounds = Rounds(world, closing)
        self.watches = Watches(world)
        self.editing = Editing(world, self.watches)
        self.switching = Switching(world, self.watches)
        self.asking = Asking(world, self.watches)
        self.announcing = Announcing(world, self.watches, self.stops)
        self.publishing = Publishing(world, self.stops)
        self.quieting = Quieting(world)
        self._lanes: dict[str, threading.Lock] = {}
        self._waiting: dict[str, frozenset[str]] = {}
        self._clocks: tuple[datetime, float] | None = None

    def start(self) -> None:
        """Begin to work. What was under way when the process before died is found in the rows and goes on."""
        self.world.dispatcher.start(self._work)
        for request in self._requests({RequestState.PENDING}):
            self.stops.resume(request)
            # The file may say something else than before: a look finds out whether the question still holds.
            self._look_soon(request.watch_id)
        self._forget_future(self.world.clock.now())

    def tick(self) -> None:
        """Look at the rows and hand out what is due. Quick, and harmless if it comes too often."""
        # One part that fails must not starve the others: each is tried on its own, and again at the next tick.
        for part in (self._heed_clock, self._claim, self._sweep, self._tell_of_the_quiet, self._hand_out_messages):
            try:
                part(self.world.clock.now())
            except TrainwatchError as error:
                _LOG.warning("%s: %s", part.__name__.strip("_"), error)

    def _claim(self, now: datetime) -> None:
        world = self.world
        for watch in world.store.claim_due(now, owner=world.owner, lease=LEASE, only=self.only):
            world.reach("round.claimed")
            world.dispatcher.submit("round", watch.id)

    def _sweep(self, _now: datetime) -> None:
        for request in self._requests(_OPEN):
            try:
                self.stops.sweep(request)
            except ConflictError:
                _LOG.info("request %s was decided meanwhile", request.id[:8])
            except Exception:  # noqa: BLE001  # one sick request never holds up another
                _LOG.exception("request %s could not be moved on", request.id[:8])

    def _tell_of_the_quiet(self, _now: datetime) -> None:
        self.quieting.sweep(self.only)

    def _hand_out_messages(self, _now: datetime) -> None:
        self._hand_out(self.only)

    def _hand_out(self, only: Collection[str] | None) -> None:
        for lane, (turn, watch_ids) in self.publishing.lanes(only).items():
            # What was handed out before and waits for a worker is not forgotten.
            self._waiting[lane] = watch_ids if only is self.only else watch_ids | self._waiting.get(lane, frozenset())
            self.world.dispatcher.submit("urgent" if turn is Turn.SOMEBODY_WAITS else "publish", lane)

    def check_once(self, watch: Watch) -> Round | None:
        """One round of one watch, here and now, with its messages."""
        claimed = self.world.store.claim_due(
            self.world.clock.now(), owner=self.world.owner, lease=LEASE, only={watch.id}
        )
        if not claimed:
            return None
        done = self.rounds.run(watch.id)
        self._publish(self.publishing.lane(watch.id), {watch.id})
        return done

    def stop(self, *, timeout: float = 20.0) -> None:
        """Take no more work, wait for what runs, give claims back."""
        self.world.leave()
        self.world.dispatcher.stop(timeout=timeout)
        for watch in self._mine():
            if watch.lease_owner == self.world.owner and watch.state is not WatchState.STOPPING:
                self._give_back(watch.id)

    def _work(self, kind: str, ident: str) -> None:
        match kind:
            case "round":
                self._round(ident)
            case "stop":
                self.carrying.carry_out(ident)
            case "recover":
                self.carrying.recover(ident)
            case "publish" | "urgent":
                self._publish(ident, self._waiting.get(ident, frozenset()))
            case "backtest":
                self.switching.quote_backtest(ident)
        if kind in {"stop", "recover"}:
            # Not here: a front end that hangs must not hold up the next stop.
            self._hand_out({self.world.store.request(ident).watch_id})
        elif kind in {"round", QUOTED}:
            self._hand_out({ident})
        if kind == "round" and self.switching.owes_backtest(ident):
            self.world.dispatcher.submit(QUOTED, ident)

    def _round(self, watch_id: str) -> None:
        try:
            self.rounds.run(watch_id)
        except TrainwatchError as error:
            _LOG.warning("round of %s failed: %s", watch_id, error)
            self.rounds.postpone(watch_id, str(error))
        except Exception:  # noqa: BLE001  # one sick watch never harms another, and never dies in silence
            _LOG.exception("round of %s failed", watch_id)
            self.rounds.postpone(watch_id, "an internal error, see the log of trainwatch")

    def _publish(self, lane: str, watch_ids: Collection[str]) -> None:
        # One at a time in each place: the order of messages is part of what they say.
        with self._lanes.setdefault(lane, threading.Lock()):
            self.publishing.publish(watch_ids)

    def _heed_clock(self, now: datetime) -> None:
        """Rows hold wall times. After a step they are moved along, and automatic stops ask."""
        monotonic, before = self.world.clock.monotonic(), self._clocks
        stepped = before is not None and abs((now - before[0]).total_seconds() - (monotonic - before[1])) > CLOCK_STEP
        for watch in self._mine():
            horizon = timedelta(seconds=max(watch.context.interval, watch.policy.min_interval) * 4 + LEASE)
            far = watch.next_round_at is not None and watch.next_round_at - now > horizon
            if watch.next_round_at is not None and (stepped or far):
                self._reschedule(watch.id, now)
        if stepped:
            _LOG.warning("the wall clock was stepped")
            self._forget_future(now)
            for request in self._requests({RequestState.PENDING}):
                if request.execute_after is not None:
                    self.stops.fall_back_to_asking(request, "the clock of this machine was set")
        # Last: a step whose handling failed is handled at the next tick.
        self._clocks = (now, monotonic)

    def _forget_future(self, now: datetime) -> None:
        """Moments that lie farther ahead than any of us sets them come from a clock that was wrong."""
        mute = timedelta(seconds=max(self.world.terms.mute, ASK_AGAIN))
        pause = timedelta(seconds=LONGEST_PAUSE)
        for watch in self._mine():
            if watch.muted_until is not None and watch.muted_until - now > mute:
                self._unmute(watch.id, now + mute)
            if watch.snoozed_until is not None and watch.snoozed_until - now > LONGEST_SNOOZE:
                self._wake_up(watch.id, now + LONGEST_SNOOZE)
            for row in self.world.store.outbox(watch.id):
                if row.next_try_at is not None and row.next_try_at - now > pause:
                    self.world.store.delivered(replace(row, next_try_at=None))

    def _look_soon(self, watch_id: str) -> None:
        now = self.world.clock.now()

        def plan(watch: Watch) -> Change | None:
            asks = watch.state is WatchState.STOP_PENDING and watch.next_round_at is not None
            return Change(replace(watch, next_round_at=min(watch.next_round_at or now, now))) if asks else None

        change(self.world.store, watch_id, plan)

    def _unmute(self, watch_id: str, at: datetime) -> None:
        change(self.world.store, watch_id, lambda watch: Change(replace(watch, muted_until=at)))

    def _wake_up(self, watch_id: str, at: datetime) -> None:
        change(self.world.store, watch_id, lambda watch: Change(replace(watch, snoozed_until=at)))

    def _reschedule(self, watch_id: str, now: datetime) -> None:
        def plan(watch: Watch) -> Change | None:
            if watch.next_round_at is None:
                return None
            at = min(watch.next_round_at, now + timedelta(seconds=watch.context.interval))
            stale = watch.lease_until is not None and watch.lease_until - now > timedelta(seconds=LEASE)
            lease = (now + timedelta(seconds=LEASE)) if stale else watch.lease_until
            return Change(replace(watch, next_round_at=at, lease_until=lease))

        change(self.world.store, watch_id, plan)

    def _give_back(self, watch_id: str) -> None:
        def plan(watch: Watch) -> Change | None:
            if watch.lease_owner != self.world.owner:
                return None
            return Change(replace(watch, lease_owner="", lease_until=None))

        try:
            change(self.world.store, watch_id, plan)
        except (ConflictError, NotFoundError):
            _LOG.info("the claim on %s expires by itself", watch_id)

    def _mine(self) -> Sequence[Watch]:
        return [w for w in self.world.store.watches() if self.only is None or w.id in self.only]

    def _requests(self, states: Collection[RequestState]) -> Sequence[StopRequest]:
        found = self.world.store.requests(states=states)
        return [r for r in found if self.only is None or r.watch_id in self.only]
