"""What the store in SQL does beyond the promises that all stores share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from math import nan
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from trainwatch_core.adapters.stores import codec
from trainwatch_core.adapters.stores.histories import LOOSE_SEGMENTS
from trainwatch_core.adapters.stores.packing import pack_history, pack_news, unpack_history, unpack_news
from trainwatch_core.adapters.stores.sql import SqlStore, open_store
from trainwatch_core.model.change import AuditRow, Change
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.message import Body, Notice
from trainwatch_core.model.series import WINDOW, History, News, Rows
from trainwatch_core.testing.store_samples import (
    NOON,
    sample_act,
    sample_message,
    sample_round,
    sample_rows,
    sample_segment,
    sample_watch,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store with one watch."""
    with closing(open_store(str(tmp_path / "t.db"))) as opened:
        opened.commit(Change(sample_watch()))
        yield opened


def raw(store: SqlStore, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(store._place, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def test_everything_survives_a_new_process(store: SqlStore) -> None:
    """What was committed is there for whoever opens the file next, equal to the last bit."""
    store.commit(Change(store.watch("w1"), round=sample_round(), segment=sample_segment(range(50))))
    watch, rounds = store.watch("w1"), store.rounds("w1", limit=9)
    store.close()
    with closing(open_store(store._place)) as again:
        assert repr(again.watch("w1")) == repr(watch)
        assert repr(again.rounds("w1", limit=9)) == repr(rounds)
        assert again.history("w1", "wandb")[0].series["loss"].count == 50


def test_moments_of_other_zones_come_back_in_utc(store: SqlStore) -> None:
    """A moment is the same moment, whatever zone it was given in, and sorts by time."""
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    store.audit(sample_act(at=tokyo))
    (row,) = store.audited(since=tokyo)
    assert (row.at, row.at.utcoffset()) == (NOON, timedelta(0))


def test_a_moment_without_a_zone_is_refused(store: SqlStore) -> None:
    """Nobody knows when it was, so nothing is written."""
    naive = datetime(2031, 5, 6)  # noqa: DTZ001  # the fault itself
    with pytest.raises(StorageError, match="no time zone"):
        store.audit(sample_act(at=naive))
    assert not store.audited()


def test_a_value_of_a_wrong_type_is_refused_when_it_is_written(store: SqlStore) -> None:
    """What could not be read back is not stored: it would block its watch for ever."""
    broken = replace(sample_round(), latest={"loss": object()})  # type: ignore[dict-item]  # the fault itself
    wrong = replace(sample_round(), info=replace(sample_round().info, config={"pid": 4211}))  # type: ignore[dict-item]  # likewise
    for one in (broken, wrong):
        with pytest.raises(StorageError, match="cannot be stored"):
            store.commit(Change(store.watch("w1"), round=one, audit=(sample_act(),)))
    assert (store.rounds("w1", limit=9), store.audited(), store.watch("w1").version) == ((), (), 1)


def test_figures_of_numpy_and_frozen_mappings_are_taken(store: SqlStore) -> None:
    """A check may give what numpy gives; plain floats come back."""
    latest: Any = MappingProxyType({"a": np.float32(1.5), "b": np.float64(nan), "c": np.int64(3)})
    store.commit(Change(store.watch("w1"), round=replace(sample_round(), latest=latest)))
    found = store.rounds("w1", limit=1)[0].latest
    assert repr(found) == "{'a': 1.5, 'b': nan, 'c': 3.0}"


def test_broken_text_becomes_visible(store: SqlStore) -> None:
    """Lone surrogates and NUL, which databases refuse, are written as escapes; markup stays inert text."""
    store.audit(replace(sample_act(), detail="a\udcffb\0c <!channel> '; DROP TABLE audit; --"))
    assert store.audited()[0].detail == "a\\udcffb\\x00c <!channel> '; DROP TABLE audit; --"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE watches SET context = '{'",
        "UPDATE watches SET policy = '[]'",
        "UPDATE outbox SET body = '{\"Nothing\": {}}'",
        "UPDATE outbox SET body = '3'",
        "UPDATE segments SET data = x'00'",
        "UPDATE segments SET data = x'54573100'",
        "UPDATE segments SET data = x'545731789c030000000001'",
        "UPDATE segments SET data = 'text'",
        "UPDATE segments SET checkpoint = 1",
        "UPDATE watches SET created_at = 'yesterday'",
    ],
)
def test_a_damaged_row_is_told(store: SqlStore, damage: str) -> None:
    """A row that cannot be read is a StorageError with the place, never another exception."""
    store.commit(Change(store.watch("w1"), segment=sample_segment(range(9)), outbox=(sample_message("k"),)))
    raw(store, damage)
    with pytest.raises(StorageError) as caught:  # noqa: PT012  # one of the three reads it
        store.watches()
        store.outbox("w1")
        store.history("w1", "wandb")
    assert caught.value.where == store._place


def test_a_read_only_database_is_told(store: SqlStore) -> None:
    """F-D03: a database that cannot be written still answers, and a commit says what to do."""

    def freeze(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON").close()

    store.close()
    event.listen(store._engine, "connect", freeze)
    with pytest.raises(StorageError, match="cannot be written") as caught:
        store.commit(Change(store.watch("w1")))
    assert "writable" in caught.value.todo


def test_commits_are_synced_and_linked(store: SqlStore) -> None:
    """Every connection syncs fully, waits ten seconds for a lock and checks foreign keys."""
    with store._reading() as connection:
        settings_ = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "busy_timeout", "foreign_keys", "journal_mode")
        ]
    assert settings_ == [2, 10_000, 1, "wal"]
    with pytest.raises(StorageError, match="breaks its rules"):
        store.commit(Change(store.watch("w1"), outbox=(sample_message("k", watch_id="nobody"),)))


def test_segments_fold_now_and_then(store: SqlStore) -> None:
    """Rounds append; after LOOSE_SEGMENTS of them one checkpoint takes their place, so a load is bounded."""
    watch = store.watch("w1")
    counts = []
    for number in range(2 * LOOSE_SEGMENTS + 10):
        watch = store.commit(Change(watch, segment=sample_segment(range(number * 20, number * 20 + 20))))
        counts.append(raw(store, "SELECT count(*) FROM segments")[0][0])
    assert counts[:3] == [1, 2, 3]
    assert max(int(str(count)) for count in counts) == LOOSE_SEGMENTS + 1
    assert raw(store, "SELECT count(*) FROM segments WHERE checkpoint") == [(1,)]


def test_a_long_first_look_is_stored_bounded(store: SqlStore) -> None:
    """200 000 rows of random figures at once take the room of the window and the buckets, not of all rows."""
    noise = np.random.default_rng(3).normal(size=200_000)
    rows = {"loss": Rows.of(np.arange(200_000), noise)}
    store.commit(Change(store.watch("w1"), segment=replace(sample_segment(range(1)), rows=rows)))
    ((size,),) = raw(store, "SELECT length(data) FROM segments")
    assert int(str(size)) < 64 * 1024
    assert store.history("w1", "wandb")[0].series["loss"].count == 200_000


floats = st.floats(width=64)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=9), st.lists(st.tuples(floats, floats, floats), max_size=9), max_size=4))
def test_rows_are_packed_without_loss(data: dict[str, list[tuple[float, float, float]]]) -> None:
    """Any metric name and any figures come out of the bytes as they went in."""
    columns = {name: np.asarray(samples, dtype=float).reshape(-1, 3).T for name, samples in data.items()}
    rows = {name: Rows(*parts) for name, parts in columns.items()}
    news = News(rows, 3.0, (1.0, 3.0))
    assert repr(unpack_news(pack_news(news))) == repr(news)
    assert unpack_news(pack_news(News())) == News()


def test_a_history_is_packed_without_loss() -> None:
    """Windows, buckets, seams and the names left out come out of the bytes as they went in."""
    names = tuple(f"m{number}" for number in range(40))
    history = History().extend(sample_rows(range(5 * WINDOW), names)).extend(sample_rows(range(70, 90)))
    found = unpack_history(pack_history(history))
    assert repr(found) == repr(history)
    for name, series in history.series.items():
        np.testing.assert_array_equal(found.series[name].buckets, series.buckets)
        assert found.series[name].steps.flags.aligned
    assert repr(unpack_history(pack_history(History()))) == repr(History())


def test_documents_are_tagged_only_where_several_kinds_are_possible() -> None:
    """A message names its kind; whatever else is told by its column."""
    assert codec.encode(Body, Notice("w1", "t")) == '{"Notice":{"watch_id":"w1","text":"t","loud":false}}'
    assert codec.encode(AuditRow, sample_act()).startswith('{"at":"2031-05-06T12:00:00.123456+00:00"')
    assert codec.encode(float, nan) == "NaN"
    with pytest.raises(TypeError):
        codec.encode(float, object())
