"""Since when things are retired.

It was a transaction only, and whatever was installed again after it was in use again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pms_trackable", sa.Column("retired_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE pms_trackable t SET retired_at = r.effective_at FROM"
        " (SELECT DISTINCT ON (trackable_id) trackable_id, verb, effective_at"
        "  FROM pms_transaction WHERE verb IN ('retired', 'revived')"
        "  ORDER BY trackable_id, id DESC) r"
        " WHERE r.trackable_id = t.id AND r.verb = 'retired' AND NOT EXISTS"
        " (SELECT FROM pms_installation i WHERE i.part_id = t.id AND upper_inf(i.known)"
        "  AND (upper_inf(i.valid) OR upper(i.valid) > r.effective_at))"
    )


def downgrade() -> None:
    op.drop_column("pms_trackable", "retired_at")
