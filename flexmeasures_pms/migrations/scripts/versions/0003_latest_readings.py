"""The latest reading of each case, MPPT, inverter and EHub."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    trackable = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    op.create_table(
        "pms_latest",
        sa.Column("trackable_id", sa.BigInteger, trackable, primary_key=True),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device_id", sa.BigInteger, nullable=False),
        sa.Column("readings", JSONB, nullable=False),
    )
    # Half of each page stays free: a new version of a row finds room beside the old one.
    op.execute("ALTER TABLE pms_latest SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table("pms_latest")
