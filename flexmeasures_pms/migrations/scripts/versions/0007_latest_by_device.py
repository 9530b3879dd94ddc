"""What a device reported last, without looking through all packs of a fleet."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("pms_latest_device_idx", "pms_latest", ["device_id"])


def downgrade() -> None:
    op.drop_index("pms_latest_device_idx", "pms_latest")
