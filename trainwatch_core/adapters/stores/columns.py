"""Types of columns: what the model's words become in a table, on every database alike."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from trainwatch_core.adapters.stores import codec


class Moment(sa.TypeDecorator[datetime]):
    """An aware UTC moment. SQLite keeps it as text without a zone, which sorts in the order of time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive moment is refused, since nobody knows when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} says no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # signature of SQLAlchemy
        """Aware, UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(sa.TypeDecorator[str]):
    """Text of whatever origin. What no database takes (lone surrogates, NUL) becomes a visible escape."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # signature of SQLAlchemy
        """The text, valid in UTF-8."""
        return None if value is None else value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Document(sa.TypeDecorator[Any]):
    """A nested value as JSON text. Not a JSON column: those refuse NaN and the infinities.

    Args:
        kind: The type it is read back as.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:  # noqa: ANN401  # any type that pydantic can read
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002  # signature of SQLAlchemy
        """Its JSON text."""
        return None if value is None else codec.encode(self.kind, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002  # signature of SQLAlchemy
        """The value again."""
        return None if value is None else codec.decode(self.kind, value)


def one_of(words: type[StrEnum], name: str) -> sa.Enum:
    """A column that holds one word of an enum, by its value, guarded by a SQL CHECK of that name."""
    return sa.Enum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda kind: [member.value for member in kind],
    )
