"""Approvals in a table of their own, of each person one; and a request goes its one way, in SQL too."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SQLITE_TRIGGERS = (
    # Only a person of the host may begin with a decision: a stop by hand belongs to no round.
    """CREATE TRIGGER stop_requests_begin BEFORE INSERT ON stop_requests
        WHEN NEW.state <> 'pending' AND NOT (NEW.state = 'approved' AND NEW.round_number = 0
            AND NEW.decided_by IS NOT NULL)
        BEGIN SELECT RAISE(ABORT, 'a stop request begins as pending'); END""",
    """CREATE TRIGGER stop_requests_way BEFORE UPDATE OF state ON stop_requests
        WHEN (OLD.state = 'pending' AND NEW.state NOT IN
                ('pending', 'approved', 'declined', 'expired', 'superseded', 'already_ended'))
            OR (OLD.state = 'approved' AND NEW.state NOT IN
                ('approved', 'executing', 'superseded', 'already_ended'))
            OR (OLD.state = 'executing' AND NEW.state NOT IN
                ('executing', 'stopped', 'failed', 'unknown', 'superseded', 'already_ended'))
        BEGIN SELECT RAISE(ABORT, 'a stop request does not go this way'); END""",
    """CREATE TRIGGER stop_requests_approved BEFORE UPDATE OF state ON stop_requests
        WHEN OLD.state = 'pending' AND NEW.state = 'approved'
            AND NOT EXISTS (SELECT 1 FROM votes WHERE request_id = OLD.id)
        BEGIN SELECT RAISE(ABORT, 'nobody has approved this stop request'); END""",
    """CREATE TRIGGER votes_open BEFORE INSERT ON votes
        WHEN NOT EXISTS (SELECT 1 FROM stop_requests WHERE id = NEW.request_id AND state = 'pending')
        BEGIN SELECT RAISE(ABORT, 'only a pending stop request is voted about'); END""",
    # INSERT OR REPLACE deletes without asking the triggers below.
    """CREATE TRIGGER votes_once BEFORE INSERT ON votes
        WHEN EXISTS (SELECT 1 FROM votes
            WHERE seq = NEW.seq OR (request_id = NEW.request_id AND voter = NEW.voter))
        BEGIN SELECT RAISE(ABORT, 'a person has one vote'); END""",
    """CREATE TRIGGER votes_unchanged BEFORE UPDATE ON votes
        BEGIN SELECT RAISE(ABORT, 'votes are only ever appended'); END""",
    """CREATE TRIGGER votes_stay BEFORE DELETE ON votes
        BEGIN SELECT RAISE(ABORT, 'votes are only ever appended'); END""",
)


def upgrade() -> None:
    """Create the table, with the approvals that only the audit knew so far, and then its guards."""
    votes = op.create_table(
        "votes",
        sa.Column("seq", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("voter", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_votes")),
        sa.ForeignKeyConstraint(["request_id"], ["stop_requests.id"], name=op.f("fk_votes_request_id")),
        sa.UniqueConstraint("request_id", "voter", name=op.f("uq_votes_request_id_voter")),
    )
    op.bulk_insert(votes, _votes_so_far(op.get_bind()))
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _SQLITE_TRIGGERS:
            op.execute(trigger)


def _votes_so_far(connection: sa.Connection) -> list[dict[str, object]]:
    words = sa.table("stop_requests", sa.column("id", sa.Text))
    audit = sa.table(
        "audit",
        *(sa.column(name, sa.Text) for name in ("actor", "verb", "request_id")),
        *(sa.column("seq", sa.Integer), sa.column("allowed", sa.Boolean)),
        sa.column("at", sa.DateTime(timezone=True)),
    )
    known = audit.join(words, words.c.id == audit.c.request_id)
    approvals = sa.select(audit).select_from(known).where(audit.c.verb == "approve", audit.c.allowed)
    first: dict[tuple[str, str], dict[str, object]] = {}
    for row in connection.execute(approvals.order_by(audit.c.seq)):
        who = json.loads(row.actor)
        voter = f"{who['kind']}:{who['id']}"
        vote = {"request_id": row.request_id, "voter": voter, "actor": row.actor, "at": row.at}
        first.setdefault((row.request_id, voter), vote)
    return list(first.values())
