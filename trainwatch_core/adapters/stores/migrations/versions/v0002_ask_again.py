"""A question can be put off: when it is asked again stands in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the moment; no request of before was put off as far as anybody knows."""
    op.add_column("stop_requests", sa.Column("ask_again_at", sa.DateTime(timezone=True)))
