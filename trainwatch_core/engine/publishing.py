"""The outbox: each message delivered in its watch's order, kept until there is a receipt."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from trainwatch_core.decision.turns import Turn, turn_of
from trainwatch_core.engine.beside import known_beside
from trainwatch_core.engine.looking import view_of
from trainwatch_core.engine.stops import Stops
from trainwatch_core.engine.world import World
from trainwatch_core.model.change import OutboxRow, Outgoing, Receipt
from trainwatch_core.model.errors import DeliveryError, NotFoundError, PaintError, TrainwatchError, TurnError
from trainwatch_core.model.message import Picture, PictureMissing, ProjectNote, StopQuestion, StopReminder, WriteBack
from trainwatch_core.model.stop import RequestState
from trainwatch_core.report.charting import compose_chart
from trainwatch_core.report.compose import run_name

_LOG = logging.getLogger(__name__)

_FIRST_PAUSE, LONGEST_PAUSE = 2.0, 600.0
_FOR_EVER, _UNFORESEEN = 10**9, 5
_MAX_ATTEMPTS = {Picture: 4, ProjectNote: 6, WriteBack: 6}
"""A picture that cannot be drawn or sent must not hold up the reports behind it; a report is tried without end."""


class Publishing:
    """Delivers what waits in the outbox.

    Args:
        world: What the engine works with.
        stops: Told when a question was delivered, because its expiry starts then.
    """

    def __init__(self, world: World, stops: Stops) -> None:
        self._world = world
        self._stops = stops
        # What was sent but could not be marked, and what is not to be tried yet, in case even that cannot be written.
        self._receipts: dict[str, Receipt] = {}
        self._not_before: dict[str, float] = {}
        self._lanes: dict[str, str] = {}

    def publish(self, watch_ids: Collection[str] | None = None) -> int:
        """Deliver everything that may be tried now; returns how many were delivered.

        The messages of one watch go in their order. Among watches those go first for which somebody waits, pictures
        last.
        """
        count = 0
        while delivered := self._pass(watch_ids):
            count += delivered
        return count

    def _pass(self, watch_ids: Collection[str] | None) -> int:
        """Deliver the head of each queue; what follows a message for which somebody waits goes before all others."""
        delivered = 0
        for row, turn in self.ready(watch_ids):
            done = self._deliver(row, turn)
            delivered += done
            if done and turn is Turn.SOMEBODY_WAITS:
                break
        return delivered

    def ready(self, watch_ids: Collection[str] | None) -> list[tuple[OutboxRow, Turn]]:
        """The head of each watch's queue that may be tried now, in the order of their turns."""
        store = self._world.store
        rows = [row for row in store.waiting(self._world.clock.now(), only=watch_ids) if self._may_try(row)]
        asked = {(r.watch_id, r.round_number) for r in store.requests(states={RequestState.PENDING})} if rows else ()
        return sorted(((row, turn_of(row.body, asked)) for row in rows), key=lambda pair: pair[1])

    def lanes(self, watch_ids: Collection[str] | None) -> Mapping[str, tuple[Turn, frozenset[str]]]:
        """By place: the first turn of what waits there, and the watches it is of. Places never wait for one another."""
        found: dict[str, tuple[Turn, set[str]]] = {}
        for row, turn in self.ready(watch_ids):
            found.setdefault(self.lane(row.watch_id), (turn, set()))[1].add(row.watch_id)
        return {lane: (turn, frozenset(ids)) for lane, (turn, ids) in found.items()}

    def lane(self, watch_id: str) -> str:
        """Where the messages of a watch go; the same while this process lives: they keep their order."""
        if watch_id not in self._lanes:
            try:
                self._lanes[watch_id] = self._world.store.watch(watch_id).channel
            except NotFoundError:
                return ""
        return self._lanes[watch_id]

    def _may_try(self, row: OutboxRow) -> bool:
        return self._world.clock.monotonic() >= self._not_before.get(row.key, 0.0)

    def _deliver(self, row: OutboxRow, turn: Turn) -> bool:
        world = self._world
        try:
            receipt = self._receipts.get(row.key) or self._send(row, turn)
        except TurnError as waits:
            # Nothing was tried, so nothing is written: a thousand that wait must not cost a thousand transactions.
            self._not_before[row.key] = world.clock.monotonic() + (waits.retry_after or 0.0)
            return False
        except Exception as error:  # noqa: BLE001  # one bad message must not block those behind it
            self._failed(row, error)
            return False
        # From here on it was said: whatever fails now, it is not said again, only marked later.
        self._receipts[row.key] = receipt
        world.reach("publish.sent")
        try:
            if isinstance(row.body, StopQuestion):
                self._stops.shown(row.body.request_id, receipt.at)
            sent = replace(row, state=Outgoing.SENT, attempts=row.attempts + 1, receipt=receipt, problem="")
            world.store.delivered(sent)
        except TrainwatchError as error:
            _LOG.warning("message %s was sent but could not be marked: %s", row.key, error)
            self._not_before[row.key] = world.clock.monotonic() + _FIRST_PAUSE
            return False
        self._receipts.pop(row.key, None)
        self._not_before.pop(row.key, None)
        world.reach("publish.marked")
        return True

    def _send(self, row: OutboxRow, turn: Turn) -> Receipt:
        world, body = self._world, row.body
        if (
            isinstance(body, StopQuestion | StopReminder)
            and world.store.request(body.request_id).state is not RequestState.PENDING
        ):
            raise DeliveryError("The question is no longer open", where=row.key, permanent=True)
        if isinstance(body, ProjectNote):
            world.notebook.append(body.path, body.text)
            return Receipt(body.path, world.clock.now())
        if isinstance(body, WriteBack):
            if world.write_back is None:
                raise DeliveryError("Nothing is written back to the tracker any more", where=row.key, permanent=True)
            world.write_back(body.run, body.tag, body.text)
            return Receipt(str(body.run), world.clock.now())
        world.notifier.take_turn(body, urgent=turn is Turn.SOMEBODY_WAITS)
        picture = self._paint(row.watch_id, body) if isinstance(body, Picture) else None
        return world.notifier.deliver(row.key, body, picture)

    def _paint(self, watch_id: str, body: Picture) -> bytes:
        world = self._world
        watch = world.store.watch(watch_id)
        rounds = [r for r in world.store.rounds(watch_id, limit=200) if r.number <= body.round_number]
        last = rounds[-1] if rounds else None
        if last is None or last.number != body.round_number:
            raise PaintError(f"Round {body.round_number} is no longer stored", where=watch_id)
        history, _ = world.store.history(watch_id, last.source.key)
        view = view_of(watch, history, last.info, last.source, last.at.timestamp())
        view = replace(view, baseline_runs=known_beside(world, watch))
        mark = rounds[-2].last_step if len(rounds) > 1 else None
        spec = compose_chart(view, last.verdict, last_check_step=mark, run_name=run_name(last.info.name, watch))
        if spec is None:
            raise PaintError("There is nothing to draw", where=watch_id)
        return world.painter.paint(spec)

    def _failed(self, row: OutboxRow, error: Exception) -> None:
        """Try later, or never again; a question that nobody will ever see ends its request."""
        world = self._world
        # Waiting for one's turn is no trouble and no attempt.
        told = error.retry_after if isinstance(error, DeliveryError) else None
        attempts = row.attempts + (told is None)
        pause = min(LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempts, 12)) if told is None else told
        self._not_before[row.key] = world.clock.monotonic() + pause
        foreseen = isinstance(error, TrainwatchError)
        level = logging.WARNING if told is None else logging.DEBUG
        words = "message %s was not delivered (attempt %d): %s"
        _LOG.log(level, words, row.key, attempts, error, exc_info=not foreseen)
        hopeless = isinstance(error, PaintError) or (isinstance(error, DeliveryError) and error.permanent)
        limit = _MAX_ATTEMPTS.get(type(row.body), _FOR_EVER if foreseen else _UNFORESEEN)
        dropped = hopeless or attempts >= limit
        try:
            if dropped and isinstance(row.body, StopQuestion):
                self._stops.undeliverable(row.body.request_id)
            world.store.delivered(
                replace(
                    row,
                    state=Outgoing.DROPPED if dropped else Outgoing.WAITING,
                    attempts=attempts,
                    next_try_at=None if dropped else world.clock.now() + timedelta(seconds=pause),
                    problem=str(error)[:500],
                )
            )
        except TrainwatchError as failure:
            _LOG.warning("and that could not be noted: %s", failure)
            return
        if dropped:
            self._not_before.pop(row.key, None)
            self._say_what_is_missing(row, error)

    def _say_what_is_missing(self, row: OutboxRow, error: Exception) -> None:
        """A report without its picture says so; once, and if even that fails the log has it."""
        if not isinstance(row.body, Picture):
            return
        why = str(error) if isinstance(error, TrainwatchError) else "An internal error, see the log of trainwatch"
        missing = PictureMissing(row.watch_id, row.body.round_number, why.splitlines()[0][:200] if why else "")
        try:
            self._world.notifier.deliver(f"{row.key}/missing", missing, None)
        except Exception as failure:  # noqa: BLE001  # a note about a picture holds nothing up
            _LOG.warning("the report of %s could not be told that its picture is missing: %s", row.key, failure)
