"""The tables. Every field of a stored dataclass is a column of that name; nested ones are documents.

What the database itself enforces (triggers) and how an older database becomes this one stands in `migrations/`.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from trainwatch_core.adapters.stores.columns import Document, Moment, Text, one_of
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.change import Outgoing, Receipt
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.message import Body
from trainwatch_core.model.round import Cursor, SourceReport
from trainwatch_core.model.run import RunInfo, RunRef
from trainwatch_core.model.stop import Execution, JobIdentity, RequestState, StopPlan
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import EndReason, Policy, WatchContext, WatchState

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _seq() -> sa.Column[int]:
    return sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True)


def _watch_id() -> sa.Column[str]:
    return sa.Column("watch_id", Text, sa.ForeignKey("watches.id"), nullable=False)


watches = sa.Table(
    "watches",
    metadata,
    _seq(),
    sa.Column("id", Text, nullable=False, unique=True),
    sa.Column("run", Document(RunRef), nullable=False),
    sa.Column("owner", Document(Actor), nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("context", Document(WatchContext), nullable=False),
    sa.Column("policy", Document(Policy), nullable=False),
    sa.Column("state", one_of(WatchState, "state"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("next_round_at", Moment, index=True),
    sa.Column("lease_until", Moment),
    sa.Column("lease_owner", Text, nullable=False),
    sa.Column("round_count", sa.Integer, nullable=False),
    sa.Column("identity", Document(JobIdentity)),
    sa.Column("muted_until", Moment),
    sa.Column("ended_reason", one_of(EndReason, "ended_reason")),
    sa.Column("snoozed_until", Moment),
    sa.Column("asked_at", Moment),
)

rounds = sa.Table(
    "rounds",
    metadata,
    sa.Column("watch_id", Text, sa.ForeignKey("watches.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("verdict", Document(Verdict), nullable=False),
    sa.Column("findings", Document(tuple[Finding, ...]), nullable=False),
    sa.Column("source", Document(SourceReport), nullable=False),
    sa.Column("info", Document(RunInfo), nullable=False),
    # Floats are documents: SQLite would turn a NaN into NULL.
    sa.Column("last_step", Document(float)),
    sa.Column("loss_rows", sa.BigInteger, nullable=False),
    sa.Column("latest", Document(Mapping[str, float]), nullable=False),
    sa.Column("progress_at", Document(float)),
)

segments = sa.Table(
    "segments",
    metadata,
    _seq(),
    _watch_id(),
    sa.Column("source_key", Text, nullable=False),
    sa.Column("checkpoint", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("samples", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Index(None, "watch_id", "source_key", "seq"),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("watch_id", Text, sa.ForeignKey("watches.id"), primary_key=True),
    sa.Column("source_key", Text, primary_key=True),
    sa.Column("cursor", Document(Cursor), nullable=False),
)

stop_requests = sa.Table(
    "stop_requests",
    metadata,
    _seq(),
    sa.Column("id", Text, nullable=False, unique=True),
    _watch_id(),
    sa.Column("round_number", sa.Integer, nullable=False),
    sa.Column("state", one_of(RequestState, "state"), nullable=False),
    sa.Column("plan", Document(StopPlan), nullable=False),
    sa.Column("fingerprint", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("onset_step", Document(float)),
    sa.Column("expires_at", Moment),
    sa.Column("execute_after", Moment),
    sa.Column("decided_by", Document(Actor)),
    sa.Column("decided_at", Moment),
    sa.Column("evidence", Text, nullable=False),
    sa.Column("execution", Document(Execution)),
    sa.Column("ask_again_at", Moment),
    sa.Index(None, "watch_id"),
    sa.Index(None, "state"),
)

votes = sa.Table(
    "votes",
    metadata,
    _seq(),
    sa.Column("request_id", Text, sa.ForeignKey("stop_requests.id"), nullable=False),
    # The person without the workspace: what must be different of two who approve.
    sa.Column("voter", Text, nullable=False),
    sa.Column("actor", Document(Actor), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.UniqueConstraint("request_id", "voter"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _seq(),
    sa.Column("key", Text, nullable=False, unique=True),
    _watch_id(),
    sa.Column("body", Document(Body), nullable=False),
    sa.Column("state", one_of(Outgoing, "state"), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_try_at", Moment),
    sa.Column("receipt", Document(Receipt)),
    sa.Column("problem", Text, nullable=False),
    sa.Column("held", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
    sa.Index(None, "state", "watch_id", "seq"),
    sa.Index(None, "watch_id", "seq"),
)

audit = sa.Table(
    "audit",
    metadata,
    _seq(),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", Document(Actor), nullable=False),
    sa.Column("verb", Text, nullable=False),
    # No foreign key: a refusal may name a watch that never was.
    sa.Column("watch_id", Text, nullable=False),
    sa.Column("request_id", Text, nullable=False),
    sa.Column("allowed", sa.Boolean(create_constraint=False), nullable=False),
    sa.Column("detail", Text, nullable=False),
    sa.Index(None, "watch_id", "seq"),
)
