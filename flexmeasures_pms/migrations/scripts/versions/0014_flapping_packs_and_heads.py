"""Which packs flap, and what the texts of samples in quarantine have in common.

Samples that wait already keep their whole texts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE, HEADS = "pms_quarantine", "pms_quarantine_head"


def upgrade() -> None:
    trackable = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    op.create_table(
        "pms_flapping",
        sa.Column("trackable_id", sa.BigInteger, trackable, primary_key=True, autoincrement=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("docks", ARRAY(sa.Integer), nullable=False),
    )
    account = sa.ForeignKey("account.id", ondelete="CASCADE")
    op.create_table(
        HEADS,
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("account_id", sa.Integer, account, nullable=False),
        sa.Column("digest", BYTEA, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.UniqueConstraint("account_id", "digest", name="pms_quarantine_head_digest_key"),
    )
    op.add_column(TABLE, sa.Column("head_id", sa.BigInteger, sa.ForeignKey(f"{HEADS}.id")))
    there = sa.text("head_id IS NOT NULL")
    op.create_index("pms_quarantine_head_idx", TABLE, ["head_id"], postgresql_where=there)


def downgrade() -> None:
    op.execute(
        "UPDATE pms_quarantine q SET text = h.text || q.text,"
        " size = octet_length(h.text) + octet_length(q.text)"
        " FROM pms_quarantine_head h WHERE h.id = q.head_id"
    )
    op.drop_index("pms_quarantine_head_idx", TABLE)
    op.drop_column(TABLE, "head_id")
    op.drop_table(HEADS)
    op.drop_table("pms_flapping")
