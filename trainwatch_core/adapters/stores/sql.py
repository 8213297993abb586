"""The store in an SQL database: every method is one transaction, the row is the truth."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from trainwatch_core.adapters.stores import dialect, histories, schema
from trainwatch_core.adapters.stores.failures import in_words
from trainwatch_core.adapters.stores.rows import claim, insert_once, put_request, put_vote, put_watch, values
from trainwatch_core.adapters.stores.tables import audit, outbox, rounds, stop_requests, votes, watches
from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Outgoing, Vote
from trainwatch_core.model.errors import InvalidInputError, NotFoundError
from trainwatch_core.model.round import Cursor, Round
from trainwatch_core.model.series import History
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch, WatchState

_TOLD = ("state", "attempts", "next_try_at", "receipt", "problem", "held")
"""What becomes of a message; the message itself never changes."""
_T = TypeVar("_T", Watch, Round, StopRequest, OutboxRow, AuditRow, Vote)


def open_store(url_or_path: str) -> SqlStore:
    """Open a database, create it where it is missing, and bring its schema up to this version's.

    Args:
        url_or_path: Path of a file, or `sqlite:///path`.

    Raises:
        InvalidInputError: If it names no SQLite file.
        StorageError: If the database cannot be used: no rights, no space, damaged, of another program, too new.
    """
    path = _path_of(url_or_path)
    with in_words(str(path)):
        engine = dialect.sqlite_engine(path)
        try:
            schema.bring_up(engine, path)
        except BaseException:
            engine.dispose()
            raise
    return SqlStore(engine, str(path))


class SqlStore:
    """`ports.Store` on SQLAlchemy. Safe for many threads and for several processes on one file.

    Args:
        engine: A database whose schema is up to date.
        place: Names it in errors.
    """

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{dialect.WRITES: True})
        self._place = place

    def commit(self, change: Change) -> Watch:
        """See `ports.Store.commit`."""
        with self._writing() as connection:
            # The watch comes first: its row is the lock under which the rest is written.
            watch = put_watch(connection, change.watch)
            if change.round is not None:
                insert_once(connection, rounds, change.round, f"Round {change.round.number} of {watch.id}")
            for segment in (*((change.segment,) if change.segment is not None else ()), *change.beside):
                histories.append(connection, watch.id, segment)
            if change.vote is not None:
                put_vote(connection, change.vote)
            if change.request is not None:
                put_request(connection, change.request, change.request_was)
            for message in change.outbox:
                dialect.insert_new(connection, outbox, values(message))
            for row in change.audit:
                connection.execute(sa.insert(audit).values(values(row)))
        return watch

    def watch(self, watch_id: str) -> Watch:
        """See `ports.Store.watch`."""
        found = self._all(Watch, sa.select(watches).where(watches.c.id == watch_id))
        if not found:
            raise NotFoundError(f"There is no watch {watch_id[:80]!r}", where=self._place)
        return found[0]

    def watches(self, *, ended: bool = False) -> Sequence[Watch]:
        """See `ports.Store.watches`."""
        query = sa.select(watches).order_by(watches.c.created_at, watches.c.seq)
        return self._all(Watch, query if ended else query.where(watches.c.state != WatchState.ENDED))

    def claim_due(
        self,
        now: datetime,
        *,
        owner: str,
        lease: float,
        only: Collection[str] | None = None,
        limit: int = 100,
    ) -> Sequence[Watch]:
        """See `ports.Store.claim_due`. The longest overdue come first."""
        free = sa.or_(watches.c.lease_until.is_(None), watches.c.lease_until <= now)
        query = sa.select(watches).where(watches.c.next_round_at <= now, free, _among(watches.c.id, only))
        query = query.order_by(watches.c.next_round_at, watches.c.seq).limit(max(0, limit))
        until = now + timedelta(seconds=lease)
        candidates = self._all(Watch, query)
        if not candidates:
            return ()
        # Read first, without the write lock: most ticks find nothing. Whoever was quicker is met by the version.
        with self._writing() as connection:
            return tuple(
                replace(watch, version=watch.version + 1, lease_owner=owner, lease_until=until)
                for watch in candidates
                if claim(connection, watch, owner, until)
            )

    def history(self, watch_id: str, source_key: str) -> tuple[History, Cursor | None]:
        """See `ports.Store.history`."""
        with self._reading() as connection:
            loaded = histories.load(connection, watch_id, source_key)
            return loaded, histories.cursor(connection, watch_id, source_key)

    def rounds(self, watch_id: str, *, limit: int) -> Sequence[Round]:
        """See `ports.Store.rounds`."""
        query = sa.select(rounds).where(rounds.c.watch_id == watch_id).order_by(rounds.c.number.desc())
        return self._all(Round, query.limit(max(0, limit)))[::-1]

    def request(self, request_id: str) -> StopRequest:
        """See `ports.Store.request`."""
        found = self._all(StopRequest, sa.select(stop_requests).where(stop_requests.c.id == request_id))
        if not found:
            raise NotFoundError(f"There is no stop request {request_id[:80]!r}", where=self._place)
        return found[0]

    def requests(self, *, watch_id: str | None = None, states: Collection[str] | None = None) -> Sequence[StopRequest]:
        """See `ports.Store.requests`."""
        known = None if states is None else [state for state in RequestState if state in states]
        query = sa.select(stop_requests).where(_among(stop_requests.c.state, known))
        if watch_id is not None:
            query = query.where(stop_requests.c.watch_id == watch_id)
        return self._all(StopRequest, query.order_by(stop_requests.c.created_at, stop_requests.c.seq))

    def votes(self, request_id: str) -> Sequence[Vote]:
        """See `ports.Store.votes`."""
        return self._all(Vote, sa.select(votes).where(votes.c.request_id == request_id).order_by(votes.c.seq))

    def waiting(self, now: datetime, *, only: Collection[str] | None = None) -> Sequence[OutboxRow]:
        """See `ports.Store.waiting`. The longest queued come first."""
        waits = sa.and_(outbox.c.state == Outgoing.WAITING, outbox.c.held.is_(False))
        heads = sa.select(sa.func.min(outbox.c.seq)).where(waits, _among(outbox.c.watch_id, only))
        may_go = sa.or_(outbox.c.next_try_at.is_(None), outbox.c.next_try_at <= now)
        query = sa.select(outbox).where(outbox.c.seq.in_(heads.group_by(outbox.c.watch_id)), may_go)
        return self._all(OutboxRow, query.order_by(outbox.c.seq))

    def held(self, *, only: Collection[str] | None = None) -> Sequence[OutboxRow]:
        """See `ports.Store.held`."""
        held = sa.and_(outbox.c.state == Outgoing.WAITING, outbox.c.held.is_(True), _among(outbox.c.watch_id, only))
        return self._all(OutboxRow, sa.select(outbox).where(held).order_by(outbox.c.seq))

    def delivered(self, row: OutboxRow) -> None:
        """See `ports.Store.delivered`. A row that was sent stays sent: a slower sender's failure changes nothing.

        Raises:
            NotFoundError: If there is no row with this key.
        """
        mine = outbox.c.key == row.key
        told = {name: getattr(row, name) for name in _TOLD}
        with self._writing() as connection:
            if connection.execute(sa.update(outbox).where(mine, outbox.c.state != Outgoing.SENT).values(told)).rowcount:
                return
            if connection.scalar(sa.select(outbox.c.seq).where(mine)) is None:
                raise NotFoundError(f"There is no message {row.key[:80]!r}", where=self._place)

    def outbox(self, watch_id: str) -> Sequence[OutboxRow]:
        """See `ports.Store.outbox`."""
        return self._all(OutboxRow, sa.select(outbox).where(outbox.c.watch_id == watch_id).order_by(outbox.c.seq))

    def audit(self, row: AuditRow) -> None:
        """See `ports.Store.audit`."""
        with self._writing() as connection:
            connection.execute(sa.insert(audit).values(values(row)))

    def audited(self, *, watch_id: str | None = None, since: datetime | None = None) -> Sequence[AuditRow]:
        """See `ports.Store.audited`. In the order they were appended."""
        query = sa.select(audit).order_by(audit.c.seq)
        if watch_id is not None:
            query = query.where(audit.c.watch_id == watch_id)
        return self._all(AuditRow, query if since is None else query.where(audit.c.at >= since))

    def close(self) -> None:
        """See `ports.Store.close`."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with in_words(self._place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with in_words(self._place), self._writer.begin() as connection:
            yield connection

    def _all(self, kind: type[_T], query: sa.Select[Any]) -> tuple[_T, ...]:
        names = [item.name for item in fields(kind)]
        with self._reading() as connection:
            rows = connection.execute(query).mappings()
            return tuple(kind(**{name: row[name] for name in names}) for row in rows)


def _among(column: sa.ColumnElement[Any], allowed: Collection[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if allowed is None else column.in_(sorted(allowed))


def _path_of(url_or_path: str) -> Path:
    path: str | None = url_or_path
    if "://" in url_or_path:
        try:
            url = sa.make_url(url_or_path)
        except ArgumentError:
            url = None
        path = url.database if url is not None and url.get_backend_name() == "sqlite" else None
    if not path or path == ":memory:" or "\0" in path:
        raise InvalidInputError(
            "The database must be a SQLite file",
            where=url_or_path.partition("://")[0][:80],
            todo="Give a path, or sqlite:///path; other databases are not supported in this version",
        )
    return Path(path).expanduser().absolute()
