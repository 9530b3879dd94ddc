"""The log of samples; what it replaces stays until ``adopt`` has read it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms.migrations import belief_tables, sample_tables
from flexmeasures_pms.registry import ddl

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pms_sample",
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repeats", sa.BigInteger, nullable=False),
        sa.Column("device_id", sa.Integer, nullable=False),
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("board_id", sa.Integer),
        sa.Column("readings", ARRAY(sa.Double), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "event_time", "device_id"),
        postgresql_partition_by="RANGE (event_time)",
    )
    op.create_table(
        "pms_place",
        sa.Column("asset_type", sa.Text, nullable=False),
        sa.Column("sensor", sa.Text, nullable=False),
        sa.Column("place", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("asset_type", "sensor"),
        sa.UniqueConstraint("asset_type", "place", name="pms_place_key"),
    )
    sample_tables.create(op.get_bind())
    belief_tables.create(op.get_bind())
    op.execute(ddl.BELIEFS_DELETED)
