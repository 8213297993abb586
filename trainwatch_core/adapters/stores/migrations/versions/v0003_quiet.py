"""Quiet times: until when a watch is snoozed, whether somebody asked for a look, which messages are held back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns: nothing was snoozed, asked for or held back before."""
    op.add_column("watches", sa.Column("snoozed_until", sa.DateTime(timezone=True)))
    op.add_column("watches", sa.Column("asked_at", sa.DateTime(timezone=True)))
    op.add_column("outbox", sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()))
