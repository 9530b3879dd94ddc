"""Turns of organisations whose requests wait for a worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pms_journal_turn",
        sa.Column("account_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("served", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("pms_journal_turn")
