"""The first schema. What a migration says stays as it is: it does not follow the model's later words."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_REQUEST_STATES = (
    *("pending", "approved", "executing"),
    *("stopped", "failed", "unknown", "declined", "expired", "superseded", "already_ended"),
)
_FINAL = "('stopped', 'failed', 'unknown', 'declined', 'expired', 'superseded', 'already_ended')"

_SQLITE_TRIGGERS = (
    f"""CREATE TRIGGER stop_requests_final BEFORE UPDATE ON stop_requests
        WHEN NEW.id <> OLD.id OR NEW.seq <> OLD.seq OR (OLD.state IN {_FINAL} AND NEW.state <> OLD.state)
        BEGIN SELECT RAISE(ABORT, 'a final state of a stop request never leaves'); END""",
    """CREATE TRIGGER stop_requests_stay BEFORE DELETE ON stop_requests
        BEGIN SELECT RAISE(ABORT, 'a stop request is never deleted'); END""",
    # INSERT OR REPLACE deletes without asking the trigger above.
    """CREATE TRIGGER stop_requests_once BEFORE INSERT ON stop_requests
        WHEN EXISTS (SELECT 1 FROM stop_requests WHERE id = NEW.id OR seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'a stop request is never replaced'); END""",
    """CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is only ever appended to'); END""",
    """CREATE TRIGGER audit_stays BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is only ever appended to'); END""",
    """CREATE TRIGGER audit_once BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the audit is only ever appended to'); END""",
)


def upgrade() -> None:
    """Create everything."""
    _create_watches()
    _create_histories()
    _create_stop_requests()
    _create_outbox_and_audit()
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _SQLITE_TRIGGERS:
            op.execute(trigger)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _word(
    table: str, name: str, allowed: tuple[str, ...], *, nullable: bool = False
) -> tuple[sa.schema.SchemaItem, ...]:
    listed = ", ".join(f"'{word}'" for word in allowed)
    check = sa.CheckConstraint(f"{name} IN ({listed})", name=op.f(f"ck_{table}_{name}"))
    return sa.Column(name, sa.String(32), nullable=nullable), check


def _seq(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    column = sa.Column("seq", sa.Integer, autoincrement=True, nullable=False)
    return column, sa.PrimaryKeyConstraint("seq", name=op.f(f"pk_{table}"))


def _watch_id(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    link = sa.ForeignKeyConstraint(["watch_id"], ["watches.id"], name=op.f(f"fk_{table}_watch_id"))
    return _text("watch_id"), link


def _create_watches() -> None:
    op.create_table(
        "watches",
        *_seq("watches"),
        _text("id"),
        _text("run"),
        _text("owner"),
        _text("channel"),
        _text("context"),
        _text("policy"),
        *_word("watches", "state", ("active", "paused", "stop_pending", "stopping", "ended")),
        _number("version"),
        _moment("created_at", nullable=False),
        _moment("next_round_at"),
        _moment("lease_until"),
        _text("lease_owner"),
        _number("round_count"),
        _text("identity", nullable=True),
        _moment("muted_until"),
        *_word("watches", "ended_reason", ("run_ended", "ended_by_user", "stop_confirmed"), nullable=True),
        sa.UniqueConstraint("id", name=op.f("uq_watches_id")),
    )
    op.create_index("ix_watches_next_round_at", "watches", ["next_round_at"])


def _create_histories() -> None:
    op.create_table(
        "rounds",
        *_watch_id("rounds"),
        _number("number"),
        _moment("at", nullable=False),
        _text("verdict"),
        _text("findings"),
        _text("source"),
        _text("info"),
        _text("last_step", nullable=True),
        sa.Column("loss_rows", sa.BigInteger, nullable=False),
        _text("latest"),
        _text("progress_at", nullable=True),
        sa.PrimaryKeyConstraint("watch_id", "number", name=op.f("pk_rounds")),
    )
    op.create_table(
        "segments",
        *_seq("segments"),
        *_watch_id("segments"),
        _text("source_key"),
        sa.Column("checkpoint", sa.Boolean, nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_segments_watch_id_source_key_seq", "segments", ["watch_id", "source_key", "seq"])
    op.create_table(
        "cursors",
        *_watch_id("cursors"),
        _text("source_key"),
        _text("cursor"),
        sa.PrimaryKeyConstraint("watch_id", "source_key", name=op.f("pk_cursors")),
    )


def _create_stop_requests() -> None:
    op.create_table(
        "stop_requests",
        *_seq("stop_requests"),
        _text("id"),
        *_watch_id("stop_requests"),
        _number("round_number"),
        *_word("stop_requests", "state", _REQUEST_STATES),
        _text("plan"),
        _text("fingerprint"),
        _text("reason"),
        _moment("created_at", nullable=False),
        _text("onset_step", nullable=True),
        _moment("expires_at"),
        _moment("execute_after"),
        _text("decided_by", nullable=True),
        _moment("decided_at"),
        _text("evidence"),
        _text("execution", nullable=True),
        sa.UniqueConstraint("id", name=op.f("uq_stop_requests_id")),
    )
    op.create_index("ix_stop_requests_watch_id", "stop_requests", ["watch_id"])
    op.create_index("ix_stop_requests_state", "stop_requests", ["state"])


def _create_outbox_and_audit() -> None:
    op.create_table(
        "outbox",
        *_seq("outbox"),
        _text("key"),
        *_watch_id("outbox"),
        _text("body"),
        *_word("outbox", "state", ("waiting", "sent", "dropped")),
        _number("attempts"),
        _moment("next_try_at"),
        _text("receipt", nullable=True),
        _text("problem"),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index("ix_outbox_state_watch_id_seq", "outbox", ["state", "watch_id", "seq"])
    op.create_index("ix_outbox_watch_id_seq", "outbox", ["watch_id", "seq"])
    op.create_table(
        "audit",
        *_seq("audit"),
        _moment("at", nullable=False),
        _text("actor"),
        _text("verb"),
        _text("watch_id"),
        _text("request_id"),
        sa.Column("allowed", sa.Boolean, nullable=False),
        _text("detail"),
    )
    op.create_index("ix_audit_watch_id_seq", "audit", ["watch_id", "seq"])
