"""Promises that hold even against raw SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.model.change import Change
from trainwatch_core.model.stop import RequestState
from trainwatch_core.testing.store_samples import sample_act, sample_message, sample_request, sample_watch

FINAL = sorted(state for state in RequestState if state.final)


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to a database with a request in every final state, a pending one, and an audit row."""
    place = tmp_path / "t.db"
    with closing(open_store(str(place))) as store:
        watch = store.commit(Change(sample_watch(), outbox=(sample_message("k"),), audit=(sample_act(),)))
        for state in [*FINAL, RequestState.PENDING]:
            watch = store.commit(Change(watch, request=replace(sample_request(str(state)), state=state)))
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        yield connection


def columns(raw: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]


def everything(raw: sqlite3.Connection) -> list[str]:
    return list(raw.iterdump())


@pytest.mark.parametrize("final", FINAL)
def test_a_final_state_never_leaves_even_by_raw_sql(raw: sqlite3.Connection, final: str) -> None:
    """P4: no UPDATE moves a final request to any other state."""
    for state in set(RequestState) - {final}:
        with pytest.raises(sqlite3.IntegrityError, match="never leaves"):
            raw.execute("UPDATE stop_requests SET state = ? WHERE id = ?", (state, final))
    assert raw.execute("SELECT state FROM stop_requests WHERE id = ?", (final,)).fetchone() == (final,)


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM stop_requests WHERE id = 'declined'",
        "DELETE FROM stop_requests",
        "UPDATE stop_requests SET id = 'other' WHERE id = 'declined'",
        "UPDATE OR REPLACE stop_requests SET seq = (SELECT max(seq) - 1 FROM stop_requests) WHERE id = 'pending'",
        "INSERT OR REPLACE INTO stop_requests ({all}) SELECT {as_pending} FROM stop_requests WHERE id = 'declined'",
        "UPDATE stop_requests SET state = 'Stopped' WHERE id = 'pending'",
        "UPDATE stop_requests SET state = '' WHERE id = 'pending'",
    ],
)
def test_requests_are_neither_removed_nor_replaced(raw: sqlite3.Connection, attack: str) -> None:
    """P4: a request cannot be taken away, renamed, replaced, or put into a state that does not exist."""
    names = columns(raw, "stop_requests")
    as_pending = ", ".join("'pending'" if name == "state" else name for name in names)
    before = everything(raw)
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(attack.format(all=", ".join(names), as_pending=as_pending))
    assert everything(raw) == before


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit SET detail = 'nothing happened'",
        "UPDATE audit SET allowed = 1",
        "UPDATE OR REPLACE audit SET seq = seq + 1",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "REPLACE INTO audit SELECT seq, at, actor, verb, 'other', request_id, allowed, detail FROM audit",
    ],
)
def test_the_audit_is_only_appended_to(raw: sqlite3.Connection, attack: str) -> None:
    """P4: audit rows can be neither changed nor removed nor replaced by raw SQL."""
    before = everything(raw)
    with pytest.raises(sqlite3.IntegrityError, match="only ever appended"):
        raw.execute(attack)
    assert everything(raw) == before
    raw.execute("INSERT INTO audit SELECT NULL, at, actor, verb, watch_id, request_id, allowed, detail FROM audit")


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE watches SET state = 'zombie'",
        "UPDATE watches SET ended_reason = 'boredom'",
        "UPDATE outbox SET state = 'lost'",
        "UPDATE watches SET version = NULL",
        "INSERT INTO outbox SELECT seq + 1, key, watch_id, body, state, attempts, NULL, NULL, NULL, held FROM outbox",
    ],
)
def test_states_and_keys_are_checked_by_the_database(raw: sqlite3.Connection, attack: str) -> None:
    """Words that do not exist, missing values and second keys are refused by SQL itself."""
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(attack)
