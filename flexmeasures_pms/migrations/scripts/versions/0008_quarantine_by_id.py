"""What waits of a pack or a device, without looking through all that waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("device", "pack"):
        op.create_index(
            f"pms_quarantine_{name}_idx",
            "pms_quarantine",
            ["account_id", f"{name}_id"],
            postgresql_where=sa.text("discarded_at IS NULL"),
        )


def downgrade() -> None:
    for name in ("device", "pack"):
        op.drop_index(f"pms_quarantine_{name}_idx", "pms_quarantine")
