"""Promises that hold even against raw SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.model.change import Change
from trainwatch_core.model.stop import RequestState
from trainwatch_core.testing.store_samples import sample_act, sample_message, sample_watch, store_request

FINAL = sorted(state for state in RequestState if state.final)


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to a database with a request in every state, votes, and an audit row."""
    place = tmp_path / "t.db"
    with closing(open_store(str(place))) as store:
        store.commit(Change(sample_watch(), outbox=(sample_message("k"),), audit=(sample_act(),)))
        for state in RequestState:
            store_request(store, state, str(state))
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


@pytest.mark.parametrize("state", [state for state in RequestState if not state.final])
def test_a_request_goes_its_one_way_in_raw_sql_too(raw: sqlite3.Connection, state: RequestState) -> None:
    """P4: executing comes after approved only, and a proven end after executing only."""
    for other in [other for other in RequestState if not state.may_become(other)]:
        with pytest.raises(sqlite3.IntegrityError, match="does not go this way"):
            raw.execute("UPDATE stop_requests SET state = ? WHERE id = ?", (other, state))
    assert raw.execute("SELECT state FROM stop_requests WHERE id = ?", (state,)).fetchone() == (state,)


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.PENDING])
def test_a_request_begins_as_a_question_in_raw_sql_too(raw: sqlite3.Connection, state: RequestState) -> None:
    """P4: nobody is spared the question; only a stop by hand, of no round, begins with the decision of a person."""
    for by_hand in ({}, {"round_number": "0"}, {"decided_by": "'{}'"}):
        with pytest.raises(sqlite3.IntegrityError, match="begins as pending"):
            raw.execute(copy_of_the_pending_one(raw, state=f"'{state}'", **by_hand))
    raw.execute(copy_of_the_pending_one(raw, state="'approved'", round_number="0", decided_by="'{}'"))


def copy_of_the_pending_one(raw: sqlite3.Connection, **changed: str) -> str:
    names = [name for name in columns(raw, "stop_requests") if name != "seq"]
    copied = [{"id": "'new'", **changed}.get(name, name) for name in names]
    insert = "INSERT INTO stop_requests ({}) SELECT {} FROM stop_requests WHERE id = 'pending'"
    return insert.format(", ".join(names), ", ".join(copied))


def test_what_nobody_voted_for_is_not_approved_in_raw_sql_either(raw: sqlite3.Connection) -> None:
    """P4.4: the state follows a vote, never the other way round."""
    approve = "UPDATE stop_requests SET state = 'approved' WHERE id = 'pending'"
    with pytest.raises(sqlite3.IntegrityError, match="nobody has approved"):
        raw.execute(approve)
    raw.execute("INSERT INTO votes SELECT NULL, 'pending', voter, actor, at FROM votes WHERE request_id = 'approved'")
    raw.execute(approve)


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO votes SELECT NULL, request_id, voter, actor, at FROM votes",
        "INSERT OR REPLACE INTO votes SELECT NULL, request_id, voter, actor, at FROM votes",
        "INSERT INTO votes SELECT NULL, 'declined', voter, actor, at FROM votes WHERE request_id = 'approved'",
        "INSERT INTO votes SELECT NULL, 'approved', 'slack:U2', actor, at FROM votes WHERE request_id = 'approved'",
        "INSERT INTO votes SELECT NULL, 'nobody', voter, actor, at FROM votes",
        "REPLACE INTO votes SELECT seq, 'pending', voter, actor, at FROM votes",
        "UPDATE votes SET voter = 'slack:U2'",
        "UPDATE OR REPLACE votes SET seq = seq + 1",
        "DELETE FROM votes",
    ],
)
def test_votes_are_only_appended_and_of_each_person_one(raw: sqlite3.Connection, attack: str) -> None:
    """P4.4: a vote can be neither doubled nor moved nor taken away by raw SQL."""
    before = everything(raw)
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(attack)
    assert everything(raw) == before


def test_a_person_votes_once_about_an_open_request(raw: sqlite3.Connection) -> None:
    """F-A13: the second vote is refused by the key and by the trigger, also where it would replace the first."""
    vote = "INTO votes SELECT NULL, 'pending', voter, actor, at FROM votes WHERE request_id = 'approved'"
    raw.execute(f"INSERT {vote}")
    for how in ("INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"):
        with pytest.raises(sqlite3.IntegrityError, match="one vote"):
            raw.execute(f"{how} {vote}")
    raw.execute("DROP TRIGGER votes_once")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        raw.execute(f"INSERT {vote}")
