"""Rows of watches, rounds and requests, written by compare-and-set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trainwatch_core.adapters.stores.tables import stop_requests, votes, watches
from trainwatch_core.model.change import AuditRow, OutboxRow, Vote
from trainwatch_core.model.errors import ConflictError
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch


def values(row: Watch | Round | StopRequest | OutboxRow | AuditRow | Vote) -> dict[str, Any]:
    """A row's columns: the fields of its dataclass; for a vote also who must not vote again."""
    columns = {item.name: getattr(row, item.name) for item in fields(row)}
    return columns | {"voter": str(row.actor)} if isinstance(row, Vote) else columns


def put_watch(connection: sa.Connection, watch: Watch) -> Watch:
    """Insert a watch of version 0, or replace the one that is stored at its version.

    Returns:
        The watch with its new version.

    Raises:
        ConflictError: If the stored version is another one.
    """
    stored = replace(watch, version=watch.version + 1)
    if not watch.version:
        insert_once(connection, watches, stored, f"Watch {watch.id}")
        return stored
    mine = sa.and_(watches.c.id == watch.id, watches.c.version == watch.version)
    if not connection.execute(sa.update(watches).where(mine).values(values(stored))).rowcount:
        raise ConflictError(f"Watch {watch.id} is not at version {watch.version} any more", todo="Read it again")
    return stored


def put_request(connection: sa.Connection, request: StopRequest, was: Collection[str] | None) -> None:
    """Insert a request, or replace the stored one if its state is among `was` and may become the new one.

    Raises:
        ConflictError: If it is in another state, or there is no way from there.
    """
    if was is None:
        insert_once(connection, stop_requests, request, f"Stop request {request.id}")
        return
    state = stop_requests.c.state
    expected = [known for known in RequestState if known in was and known.may_become(request.state)]
    mine = sa.and_(stop_requests.c.id == request.id, state.in_(expected))
    if not connection.execute(sa.update(stop_requests).where(mine).values(values(request))).rowcount:
        raise ConflictError(f"Stop request {request.id} is not {' or '.join(was)} any more", todo="Read it again")


def put_vote(connection: sa.Connection, vote: Vote) -> None:
    """Count an approval.

    Raises:
        ConflictError: If this person has approved already, or the request is not pending.
    """
    insert_once(connection, votes, vote, f"The approval of {vote.actor} for an open request {vote.request_id}")


def insert_once(connection: sa.Connection, table: sa.Table, row: Watch | Round | StopRequest | Vote, name: str) -> None:
    """Insert a row whose key must be new; `name` names it in the error.

    Raises:
        ConflictError: If the key is known.
    """
    try:
        connection.execute(sa.insert(table).values(values(row)))
    except IntegrityError as error:
        raise ConflictError(f"{name} is stored already", todo="Read it again") from error


def claim(connection: sa.Connection, watch: Watch, owner: str, until: datetime) -> bool:
    """Lease a watch at the version it was read at; whether it still had that version."""
    mine = sa.and_(watches.c.id == watch.id, watches.c.version == watch.version)
    taken = {"version": watch.version + 1, "lease_owner": owner, "lease_until": until}
    return bool(connection.execute(sa.update(watches).where(mine).values(taken)).rowcount)
