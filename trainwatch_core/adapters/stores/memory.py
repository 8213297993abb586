"""A store that forgets: `ports.Store` in dictionaries, for replays and for unit tests of what stands on a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock

from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Outgoing, Segment, Vote
from trainwatch_core.model.errors import ConflictError, NotFoundError
from trainwatch_core.model.round import Cursor, Round
from trainwatch_core.model.series import History
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch, WatchState


class MemoryStore:
    """`ports.Store` in memory. Passes the same conformance suite as the real one; one lock makes it thread-safe.

    Attributes:
        before_commit: Called with each Change before anything is written; raise in it to let a commit fail.
    """

    def __init__(self) -> None:
        self.before_commit: Callable[[Change], None] = lambda _change: None
        self._lock = RLock()
        self._watches: dict[str, Watch] = {}
        self._rounds: dict[tuple[str, int], Round] = {}
        self._histories: dict[tuple[str, str], tuple[History, Cursor]] = {}
        self._requests: dict[str, StopRequest] = {}
        self._outbox: dict[str, OutboxRow] = {}
        self._audit: list[AuditRow] = []
        self._votes: list[Vote] = []

    def commit(self, change: Change) -> Watch:
        """See `ports.Store.commit`."""
        with self._lock:
            self.before_commit(change)
            self._require_as_expected(change)
            watch = replace(change.watch, version=change.watch.version + 1)
            self._watches[watch.id] = watch
            if change.round is not None:
                self._rounds[watch.id, change.round.number] = change.round
            for segment in (*((change.segment,) if change.segment is not None else ()), *change.beside):
                self._append(watch.id, segment)
            if change.vote is not None:
                self._votes.append(change.vote)
            if change.request is not None:
                self._requests[change.request.id] = change.request
            for row in change.outbox:
                self._outbox.setdefault(row.key, row)
            self._audit.extend(change.audit)
            return watch

    def watch(self, watch_id: str) -> Watch:
        """See `ports.Store.watch`."""
        with self._lock:
            if watch_id not in self._watches:
                raise NotFoundError(f"There is no watch {watch_id[:80]!r}")
            return self._watches[watch_id]

    def watches(self, *, ended: bool = False) -> Sequence[Watch]:
        """See `ports.Store.watches`."""
        with self._lock:
            known = sorted(self._watches.values(), key=lambda watch: watch.created_at)
            return tuple(watch for watch in known if ended or watch.state is not WatchState.ENDED)

    def claim_due(
        self,
        now: datetime,
        *,
        owner: str,
        lease: float,
        only: Collection[str] | None = None,
        limit: int = 100,
    ) -> Sequence[Watch]:
        """See `ports.Store.claim_due`."""
        with self._lock:
            due = [
                (watch.next_round_at, watch)
                for watch in self._watches.values()
                if watch.next_round_at is not None and watch.next_round_at <= now and _free(watch, now, only)
            ]
            until = now + timedelta(seconds=lease)
            claimed = [
                replace(watch, version=watch.version + 1, lease_owner=owner, lease_until=until)
                for _, watch in sorted(due, key=lambda pair: pair[0])[: max(0, limit)]
            ]
            self._watches.update({watch.id: watch for watch in claimed})
            return tuple(claimed)

    def history(self, watch_id: str, source_key: str) -> tuple[History, Cursor | None]:
        """See `ports.Store.history`."""
        with self._lock:
            return self._histories.get((watch_id, source_key), (History(), None))

    def rounds(self, watch_id: str, *, limit: int) -> Sequence[Round]:
        """See `ports.Store.rounds`."""
        with self._lock:
            known = sorted(number for owner, number in self._rounds if owner == watch_id)
            return tuple(self._rounds[watch_id, number] for number in known[max(0, len(known) - max(0, limit)) :])

    def request(self, request_id: str) -> StopRequest:
        """See `ports.Store.request`."""
        with self._lock:
            if request_id not in self._requests:
                raise NotFoundError(f"There is no stop request {request_id[:80]!r}")
            return self._requests[request_id]

    def requests(self, *, watch_id: str | None = None, states: Collection[str] | None = None) -> Sequence[StopRequest]:
        """See `ports.Store.requests`."""
        with self._lock:
            known = sorted(self._requests.values(), key=lambda request: request.created_at)
            mine = [request for request in known if watch_id is None or request.watch_id == watch_id]
            return tuple(request for request in mine if states is None or request.state in states)

    def votes(self, request_id: str) -> Sequence[Vote]:
        """See `ports.Store.votes`."""
        with self._lock:
            return tuple(vote for vote in self._votes if vote.request_id == request_id)

    def waiting(self, now: datetime, *, only: Collection[str] | None = None) -> Sequence[OutboxRow]:
        """See `ports.Store.waiting`."""
        with self._lock:
            heads: dict[str, OutboxRow] = {}
            for row in self._outbox.values():
                if row.state is Outgoing.WAITING and not row.held and (only is None or row.watch_id in only):
                    heads.setdefault(row.watch_id, row)
            return tuple(row for row in heads.values() if row.next_try_at is None or row.next_try_at <= now)

    def held(self, *, only: Collection[str] | None = None) -> Sequence[OutboxRow]:
        """See `ports.Store.held`."""
        with self._lock:
            waiting = (row for row in self._outbox.values() if row.state is Outgoing.WAITING and row.held)
            return tuple(row for row in waiting if only is None or row.watch_id in only)

    def delivered(self, row: OutboxRow) -> None:
        """See `ports.Store.delivered`. A row that was sent stays sent.

        Raises:
            NotFoundError: If there is no row with this key.
        """
        with self._lock:
            if row.key not in self._outbox:
                raise NotFoundError(f"There is no message {row.key[:80]!r}")
            stored = self._outbox[row.key]
            if stored.state is not Outgoing.SENT:
                self._outbox[row.key] = replace(row, watch_id=stored.watch_id, body=stored.body)

    def outbox(self, watch_id: str) -> Sequence[OutboxRow]:
        """See `ports.Store.outbox`."""
        with self._lock:
            return tuple(row for row in self._outbox.values() if row.watch_id == watch_id)

    def audit(self, row: AuditRow) -> None:
        """See `ports.Store.audit`."""
        with self._lock:
            self._audit.append(row)

    def audited(self, *, watch_id: str | None = None, since: datetime | None = None) -> Sequence[AuditRow]:
        """See `ports.Store.audited`."""
        with self._lock:
            mine = [row for row in self._audit if watch_id is None or row.watch_id == watch_id]
            return tuple(row for row in mine if since is None or row.at >= since)

    def close(self) -> None:
        """See `ports.Store.close`."""

    def _require_as_expected(self, change: Change) -> None:
        stored = self._watches.get(change.watch.id)
        if change.watch.version != (stored.version if stored else 0):
            raise ConflictError(f"Watch {change.watch.id} is not at version {change.watch.version} any more")
        if change.round is not None and (change.watch.id, change.round.number) in self._rounds:
            raise ConflictError(f"Round {change.round.number} of {change.watch.id} is stored already")
        if change.vote is not None:
            self._require_countable(change.vote)
        if change.request is not None:
            self._require_open(change.request, change.request_was)

    def _require_open(self, request: StopRequest, was: Collection[str] | None) -> None:
        stored = self._requests.get(request.id)
        if was is None or stored is None:
            expected = was is None and stored is None
        else:
            expected = stored.state in was and stored.state.may_become(request.state)
        if not expected:
            raise ConflictError(f"Stop request {request.id} is not as it was read")

    def _require_countable(self, vote: Vote) -> None:
        stored = self._requests.get(vote.request_id)
        before = {str(other.actor) for other in self.votes(vote.request_id)}
        if stored is None or stored.state is not RequestState.PENDING or str(vote.actor) in before:
            raise ConflictError(f"This approval of {vote.request_id} does not count", todo="Read the request again")

    def _append(self, watch_id: str, segment: Segment) -> None:
        history, _ = self._histories.get((watch_id, segment.source_key), (History(), None))
        before = History() if segment.restart else history
        self._histories[watch_id, segment.source_key] = (before.add(segment.news), deepcopy(segment.cursor))


def _free(watch: Watch, now: datetime, only: Collection[str] | None) -> bool:
    unleased = watch.lease_until is None or watch.lease_until <= now
    return unleased and (only is None or watch.id in only)
