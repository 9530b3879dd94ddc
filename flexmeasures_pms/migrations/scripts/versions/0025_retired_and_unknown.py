"""Retired things and unknown packs are found without looking at all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "pms_trackable_retired_idx",
        "pms_trackable",
        ["account_id"],
        postgresql_where=sa.text("retired_at IS NOT NULL"),
    )
    op.create_index(
        "pms_quarantine_unknown_idx",
        "pms_quarantine",
        ["account_id", "reason", "device_id", "pack_id", "dataset"],
        postgresql_include=["event_time", "received_at", "id"],
        postgresql_where=sa.text(
            "discarded_at IS NULL AND reason IN ('unknown_pack', 'unknown_device')"
        ),
    )


def downgrade() -> None:
    op.drop_index("pms_quarantine_unknown_idx", "pms_quarantine")
    op.drop_index("pms_trackable_retired_idx", "pms_trackable")
