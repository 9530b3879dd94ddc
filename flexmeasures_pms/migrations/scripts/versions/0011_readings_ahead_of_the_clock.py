"""Readings that are ahead of the clock, until their time has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    trackable = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    op.create_table(
        "pms_ahead",
        sa.Column("trackable_id", sa.BigInteger, trackable, nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device_id", sa.BigInteger, nullable=False),
        sa.Column("readings", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("trackable_id", "event_time", "device_id"),
    )
    has_ahead = sa.Column("has_ahead", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("pms_latest", has_ahead)


def downgrade() -> None:
    op.drop_column("pms_latest", "has_ahead")
    op.drop_table("pms_ahead")
