"""Which packs flap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    trackable = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    op.create_table(
        "pms_flapping",
        sa.Column("trackable_id", sa.BigInteger, trackable, primary_key=True, autoincrement=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("docks", ARRAY(sa.Integer), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("pms_flapping")
