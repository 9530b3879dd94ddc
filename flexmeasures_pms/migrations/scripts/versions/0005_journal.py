"""The journal of requests that wait for a worker, and what became of their samples."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pms_receipt", sa.Column("details", BYTEA))
    op.create_table(
        "pms_journal",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "account_id",
            sa.Integer,
            sa.ForeignKey("account.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("encoding", sa.Text, nullable=False),
        sa.Column("digest", BYTEA, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("lanes", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("body", BYTEA, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text),
        sa.CheckConstraint(
            "state IN ('waiting', 'processing', 'failed')", name=op.f("pms_journal_state_ck")
        ),
        sa.CheckConstraint("cardinality(lanes) > 0", name=op.f("pms_journal_lanes_ck")),
    )
    op.create_index("pms_journal_account_idx", "pms_journal", ["account_id", "state", "id"])
    op.create_table(
        "pms_journal_lane",
        sa.Column("lane", sa.BigInteger, nullable=False),
        sa.Column(
            "journal_id",
            sa.BigInteger,
            sa.ForeignKey("pms_journal.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("lane", "journal_id"),
    )
    op.create_index("pms_journal_lane_journal_idx", "pms_journal_lane", ["journal_id"])
    # Both are packed already: PostgreSQL need not try.
    op.execute("ALTER TABLE pms_journal ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE pms_receipt ALTER COLUMN details SET STORAGE EXTERNAL")
    # Half of each page stays free: a claimed request finds room beside the old version.
    op.execute("ALTER TABLE pms_journal SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table("pms_journal_lane")
    op.drop_table("pms_journal")
    op.drop_column("pms_receipt", "details")
