"""Days of the log that are not folded for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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


def downgrade() -> None:
    op.drop_table("pms_day_rest")
