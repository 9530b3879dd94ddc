"""Whose asset was made, and of which changes the effects are still to come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of all that is registered the assets were made, in the same transactions. A constant
    # default is stored once, whatever the number of rows.
    made = sa.Column("provisioned", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("pms_trackable", made)
    op.alter_column("pms_trackable", "provisioned", server_default=sa.false())
    trackable = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    account = sa.ForeignKey("account.id", ondelete="CASCADE")
    op.create_table(
        "pms_pending",
        sa.Column("trackable_id", sa.BigInteger, trackable, primary_key=True),
        sa.Column("account_id", sa.Integer, account, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asset", sa.Boolean, nullable=False),
        sa.Column("replay", sa.Boolean, nullable=False),
        sa.Index("pms_pending_account_idx", "account_id", "since"),
    )


def downgrade() -> None:
    op.drop_table("pms_pending")
    op.drop_column("pms_trackable", "provisioned")
