"""Days of the log that are not folded for a while; folded days stay when a sensor is deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flexmeasures_pms.migrations import belief_tables, sample_tables

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pms_day_rest",
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("subject_id", "day"),
    )
    sample_tables.create(op.get_bind())
    belief_tables.create(op.get_bind())


def downgrade() -> None:
    op.drop_table("pms_day_rest")
