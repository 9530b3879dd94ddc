"""Last written values have their times in a quarter of an hour, and no ages.

They are forgotten: what comes next is written, whether it repeats them or not.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_FORGET = "UPDATE pms_latest SET recorded = '{}' WHERE recorded IS NOT NULL"


def upgrade() -> None:
    op.execute(_FORGET)


def downgrade() -> None:
    op.execute(_FORGET)
