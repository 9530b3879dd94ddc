"""Recording on change: what was not written because it repeats, and the host's choices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pms_latest", sa.Column("recorded", JSON))
    op.create_table(
        "pms_repeat",
        _trackable("subject_id"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mask", sa.BigInteger, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "source_id", "event_time"),
    )
    op.create_table(
        "pms_repeat_bit",
        sa.Column("asset_type", sa.Text, nullable=False),
        sa.Column("sensor", sa.Text, nullable=False),
        sa.Column("bit", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("asset_type", "sensor"),
        sa.UniqueConstraint("asset_type", "bit", name="pms_repeat_bit_key"),
    )
    op.create_table(
        "pms_recording",
        _trackable("trackable_id"),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("deadband", sa.Numeric),
        sa.PrimaryKeyConstraint("trackable_id", "quantity"),
    )


def _trackable(name: str) -> sa.Column[int]:
    key = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    return sa.Column(name, sa.BigInteger, key, nullable=False)


def downgrade() -> None:
    for table in ("pms_recording", "pms_repeat_bit", "pms_repeat"):
        op.drop_table(table)
    op.drop_column("pms_latest", "recorded")
