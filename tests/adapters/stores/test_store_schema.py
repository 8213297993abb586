"""How a database comes to its schema, and which databases are refused."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from trainwatch_core.adapters.stores import dialect, schema, tables
from trainwatch_core.adapters.stores.sql import SqlStore, open_store
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Vote
from trainwatch_core.model.errors import ConflictError, InvalidInputError, StorageError
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.testing.store_samples import ANN, NOON, minutes, sample_request, sample_segment, sample_watch

ADDING = """
import sqlalchemy as sa
from alembic import op
revision = "later"
down_revision = "{head}"
def upgrade():
    op.add_column("watches", sa.Column("colour", sa.Text))
    {then}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A database with one stored watch."""
    path = tmp_path / "trainwatch.db"
    with closing(open_store(str(path))) as store:
        store.commit(Change(sample_watch()))
    return path


def run(place: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def later(tmp_path: Path, then: str) -> Path:
    """The migrations of a later version, which has one more."""
    copy = tmp_path / "later 100%"
    shutil.copytree(schema.MIGRATIONS, copy)
    (copy / "versions" / "v9999_later.py").write_text(ADDING.format(then=then, head=schema.HEAD))
    return copy


def test_an_empty_place_becomes_a_database_of_its_owner(tmp_path: Path) -> None:
    """Missing directories and the file are made, readable for nobody else."""
    place = tmp_path / "a" / "b" / "t.db"
    open_store(f"sqlite:///{place}").close()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert run(place, "PRAGMA journal_mode") == [("wal",)]


def test_opening_again_changes_nothing(place: Path) -> None:
    """Migrating is idempotent and keeps what is stored, without a backup."""
    before = run(place, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with closing(open_store(str(place))) as store:
        assert store.watch("w1").version == 1
    assert run(place, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
    assert not list(place.parent.glob("*.backup*"))


def test_the_migrations_lead_to_the_tables_that_are_used(place: Path) -> None:
    """The schema that Alembic makes is the one that the queries are written for."""
    engine, drawn = dialect.sqlite_engine(place), sa.create_engine("sqlite://")
    tables.metadata.create_all(drawn)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    assert checks(engine) == checks(drawn)
    engine.dispose()
    drawn.dispose()
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_heads() == [schema.HEAD]


def checks(engine: sa.Engine) -> dict[str, list[tuple[str | None, str]]]:
    found = sa.inspect(engine)
    return {
        table: sorted((check["name"], check["sqltext"]) for check in found.get_check_constraints(table))
        for table in tables.metadata.tables
    }


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Watch, tables.watches),
        (Round, tables.rounds),
        (StopRequest, tables.stop_requests),
        (OutboxRow, tables.outbox),
        (AuditRow, tables.audit),
    ],
)
def test_every_field_is_a_column(kind: type[Any], table: sa.Table) -> None:
    """A field that is added to a stored dataclass needs a column and a migration."""
    assert {item.name for item in fields(kind)} == set(table.c.keys()) - {"seq"}


def test_a_newer_schema_is_refused(place: Path) -> None:
    """F-D03: a database of a later version is not touched, and the error says what to do."""
    run(place, "UPDATE alembic_version SET version_num = '0099'")
    before = place.read_bytes()
    with pytest.raises(StorageError, match=r"newer trainwatch .schema 0099") as caught:
        open_store(str(place))
    assert caught.value.where == str(place)
    assert "Install that version" in caught.value.todo
    assert place.read_bytes() == before


def test_an_older_schema_is_copied_and_migrated(place: Path, tmp_path: Path) -> None:
    """F-D03: before a migration a complete copy is put beside the file, for its owner only."""
    engine = dialect.sqlite_engine(place)
    schema.bring_up(engine, place, head="later", migrations=later(tmp_path, "pass"))
    engine.dispose()
    assert run(place, "SELECT id, colour FROM watches") == [("w1", None)]
    copy = place.with_name(f"trainwatch.db.{schema.HEAD}.backup")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(open_store(str(copy))) as store:
        assert store.watch("w1").version == 1
    assert not list(place.parent.glob("*.part"))


def test_a_failed_migration_leaves_the_old_schema(place: Path, tmp_path: Path) -> None:
    """A migration is one transaction: if it fails the old version still works."""
    engine = dialect.sqlite_engine(place)
    with pytest.raises(RuntimeError, match="power cut"):
        schema.bring_up(
            engine,
            place,
            head="later",
            migrations=later(tmp_path, "raise RuntimeError('power cut')"),
        )
    engine.dispose()
    with closing(open_store(str(place))) as store:
        assert store.commit(Change(store.watch("w1"))).version == 2


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """A SQLite file with foreign tables is not written to."""
    place = tmp_path / "mail.db"
    run(place, "CREATE TABLE letters (text)")
    with pytest.raises(StorageError, match=r"another program .table letters."):
        open_store(str(place))
    assert run(place, "SELECT name FROM sqlite_master") == [("letters",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """F-D03: a file of another kind is an error with its path, and stays as it is."""
    place = tmp_path / "notes.txt"
    place.write_text("dear diary\n" * 1000)
    with pytest.raises(StorageError, match="no database") as caught:
        open_store(str(place))
    assert caught.value.where == str(place)
    assert place.read_text().startswith("dear diary")


def test_a_damaged_database_is_told(place: Path) -> None:
    """F-D03: overwritten pages give a StorageError, not a vendor's exception and not wrong data."""
    with closing(open_store(str(place))) as store:
        store.commit(Change(store.watch("w1"), segment=sample_segment(range(5000))))
    whole = place.read_bytes()
    place.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StorageError, match="damaged"), closing(open_store(str(place))) as store:
        store.watches()


@pytest.mark.parametrize("name", ["", ":memory:", "sqlite://", "postgresql://u:secret@h/d", "nonsense://", "a\0b"])
def test_what_is_no_sqlite_file_is_refused(name: str) -> None:
    """Other addresses are refused before anything is opened, and no password is repeated."""
    with pytest.raises(InvalidInputError, match="SQLite file") as caught:
        open_store(name)
    assert "secret" not in str(caught.value)


def test_a_place_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A directory, or a path through a file, is an error with the path."""
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "t.db"):
        with pytest.raises(StorageError, match="cannot be opened") as caught:
            open_store(str(place))
        assert caught.value.where == str(place)


def test_libraries_are_loaded_when_they_are_needed(place: Path) -> None:
    """The in-memory store needs no SQLAlchemy, and an up-to-date database no Alembic."""
    script = (
        "import sys, trainwatch_core.adapters.stores, trainwatch_core.adapters.stores.memory\n"
        "assert not {'sqlalchemy', 'alembic'} & set(sys.modules)\n"
        "from trainwatch_core.adapters.stores.sql import SqlStore, open_store\n"
        "open_store(sys.argv[1]).close()\n"
        "assert 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(place)], check=True, timeout=60)


def test_approvals_that_only_the_audit_knew_are_votes_after_the_migration(tmp_path: Path) -> None:
    """P4.4: somebody has approved, another one is needed, and in between trainwatch is updated."""
    place, older = tmp_path / "t.db", tmp_path / "older"
    shutil.copytree(schema.MIGRATIONS, older, ignore=shutil.ignore_patterns("v0004*"))
    engine = dialect.sqlite_engine(place)
    schema.bring_up(engine, place, head="0003", migrations=older)
    said = AuditRow(NOON, ANN, "approve", "w1", "r1")
    others = (replace(said, actor=SYSTEM, allowed=False), replace(said, actor=SYSTEM, verb="execute"))
    with closing(SqlStore(engine, str(place))) as store:
        store.commit(
            Change(sample_watch(), request=sample_request(), audit=(said, replace(said, at=minutes(1)), *others))
        )
    with closing(open_store(str(place))) as store:
        assert list(store.votes("r1")) == [Vote("r1", ANN, NOON)]
        with pytest.raises(ConflictError):
            store.commit(Change(store.watch("w1"), vote=Vote("r1", ANN, minutes(2))))
