"""Bringing a database to this version's schema: an empty one, an older one (after a backup), never a newer one."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import sqlalchemy as sa

from trainwatch_core.adapters.stores import dialect
from trainwatch_core.adapters.stores.tables import metadata
from trainwatch_core.model.errors import StorageError

HEAD = "0004"
"""The newest revision in `migrations/`. Kept here so that an up-to-date database needs no Alembic to open."""

MIGRATIONS = Path(__file__).parent / "migrations"

_one_at_a_time = Lock()  # Alembic's context is global to the process


def bring_up(engine: sa.Engine, path: Path, *, head: str = HEAD, migrations: Path = MIGRATIONS) -> None:
    """Create or migrate the schema in one transaction; does nothing where it is the newest.

    An older database is copied first, to `<file>.<its revision>.backup` beside it.

    Args:
        engine: The database.
        path: Its file.
        head: The revision that it shall have.
        migrations: Alembic's directory.

    Raises:
        StorageError: If the schema is newer than this version, or the file belongs to another program.
    """
    with engine.begin() as connection:
        dialect.require_wal(connection, str(path))
        if _revision(connection) == head:
            return
    with _one_at_a_time, engine.execution_options(**{dialect.WRITES: True}).begin() as connection:
        found = _revision(connection)
        if found == head:
            return
        if found is None:
            _require_empty(connection, path)
        else:
            _require_known(found, path, migrations)
            dialect.back_up(path, path.with_name(f"{path.name}.{found}.backup"))
        _upgrade(connection, migrations)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def _require_empty(connection: sa.Connection, path: Path) -> None:
    if tables := sa.inspect(connection).get_table_names():
        ours = "an unfinished one" if set(tables) & set(metadata.tables) else "of another program"
        raise StorageError(
            f"This is no database of trainwatch but {ours} (table {tables[0]})",
            where=str(path),
            todo="Name another file, or move this one away",
        )


def _require_known(found: str, path: Path, migrations: Path) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # only where there is something to migrate

    if found not in {script.revision for script in ScriptDirectory(str(migrations)).walk_revisions()}:
        raise StorageError(
            f"The database was written by a newer trainwatch (schema {found[:40]})",
            where=str(path),
            todo="Install that version again, or put the backup in its place that it made beside the file",
        )


def _upgrade(connection: sa.Connection, migrations: Path) -> None:
    from alembic import command  # noqa: PLC0415  # likewise
    from alembic.config import Config  # noqa: PLC0415  # likewise

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
