"""Histories in tables: each round appends a segment; now and then the segments fold into one checkpoint.

A checkpoint is the bounded form of `model/series.py`, so that loading is bounded too, and a round writes what is new
and not the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from trainwatch_core.adapters.stores.packing import pack_history, pack_news, unpack_history, unpack_news
from trainwatch_core.adapters.stores.tables import cursors, segments
from trainwatch_core.model.change import Segment
from trainwatch_core.model.round import Cursor
from trainwatch_core.model.series import History, News, Rows

LOOSE_SEGMENTS = 32
"""How many segments may wait for their fold: each costs about 100 microseconds at every load."""

LOOSE_SAMPLES = 16 * 1024
"""And how many samples: a first look at a long run folds at once."""


def append(connection: sa.Connection, watch_id: str, segment: Segment) -> None:
    """Append the rows of one round, void what the segment says is void, and keep the cursor."""
    mine = _of(segments, watch_id, segment.source_key)
    if segment.restart:
        connection.execute(sa.delete(segments).where(mine))
    _put_cursor(connection, watch_id, segment)
    if segment.news == News():
        return
    samples = sum(len(rows) for rows in segment.rows.values())
    loose = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(segments.c.samples), 0))
    count, waiting = connection.execute(loose.where(mine, segments.c.checkpoint.is_(False))).one()
    row: dict[str, Any] = {
        "watch_id": watch_id,
        "source_key": segment.source_key,
        "checkpoint": False,
        "samples": samples,
    }
    if count < LOOSE_SEGMENTS and waiting + samples <= LOOSE_SAMPLES:
        row["data"] = pack_news(segment.news)
    else:
        whole = load(connection, watch_id, segment.source_key).add(segment.news)
        connection.execute(sa.delete(segments).where(mine))
        seen = sum(series.count for series in whole.series.values())
        row.update(checkpoint=True, samples=seen, data=pack_history(whole))
    connection.execute(sa.insert(segments).values(row))


def load(connection: sa.Connection, watch_id: str, source_key: str) -> History:
    """The stored history of one source; empty if nothing is stored.

    Raises:
        ValueError: If what is stored is damaged.
    """
    query = sa.select(segments.c.checkpoint, segments.c.data).where(_of(segments, watch_id, source_key))
    history = History()
    looks = []
    for checkpoint, data in connection.execute(query.order_by(segments.c.seq)):
        if checkpoint:
            history = unpack_history(data)
        else:
            looks.append(unpack_news(data))
    return replay(history, looks)


def cursor(connection: sa.Connection, watch_id: str, source_key: str) -> Cursor | None:
    """Where to go on reading a source; None if it never was read."""
    found: Cursor | None = connection.scalar(sa.select(cursors.c.cursor).where(_of(cursors, watch_id, source_key)))
    return found


def replay(history: History, looks: Sequence[News]) -> History:
    """The history extended by what one look after the other brought."""
    joined = _join(look.rows for look in looks)
    plain = all(look.rewound_to is None and not look.seams for look in looks)
    if plain and all(_ascends(history, name, rows) for name, rows in joined.items()):
        # Where no step goes back the cuts between rounds do not matter, and one fold is quicker than many.
        return history.extend(joined)
    for look in looks:
        history = history.add(look)
    return history


def _join(batches: Iterable[Mapping[str, Rows]]) -> dict[str, Rows]:
    parts: dict[str, list[Rows]] = {}
    for batch in batches:
        for name, rows in batch.items():
            parts.setdefault(name, []).append(rows)
    return {
        name: Rows(
            np.concatenate([rows.steps for rows in several]),
            np.concatenate([rows.values for rows in several]),
            np.concatenate([rows.times for rows in several]),
        )
        for name, several in parts.items()
    }


def _ascends(history: History, name: str, rows: Rows) -> bool:
    known = history.series.get(name)
    before = known.steps[-1:] if known is not None else np.empty(0)
    return bool(np.all(np.diff(np.concatenate([before, rows.steps])) >= 0))


def _put_cursor(connection: sa.Connection, watch_id: str, segment: Segment) -> None:
    mine = _of(cursors, watch_id, segment.source_key)
    if not connection.execute(sa.update(cursors).where(mine).values(cursor=segment.cursor)).rowcount:
        row = {"watch_id": watch_id, "source_key": segment.source_key, "cursor": segment.cursor}
        connection.execute(sa.insert(cursors).values(row))


def _of(table: sa.Table, watch_id: str, source_key: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.watch_id == watch_id, table.c.source_key == source_key)
