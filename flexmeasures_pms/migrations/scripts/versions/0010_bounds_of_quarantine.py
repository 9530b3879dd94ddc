"""How large the samples in quarantine are, and how many samples were refused.

200,000 old rows of 1 kB took 6 s, in which requests wait. Large texts are neither read nor
written again, because their length stands in their header. The index is made afterwards, so
that the update does not have to keep it.

All revisions are one transaction, so tables stay locked to its end. They are taken in the order
in which requests write them, or each would wait for the other; the receipts last and shortly.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE, INDEX = "pms_quarantine", "pms_quarantine_device_idx"
COLUMNS = ["account_id", "device_id"]
WAITING = sa.text("discarded_at IS NULL")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def upgrade() -> None:
    op.drop_index(INDEX, TABLE)
    op.add_column(TABLE, _count("size"))
    op.execute("UPDATE pms_quarantine SET size = octet_length(text)")
    op.create_index(INDEX, TABLE, COLUMNS, postgresql_include=["size"], postgresql_where=WAITING)
    op.add_column("pms_receipt", _count("refused"))
    op.add_column("pms_receipt_hour", _count("refused"))


def downgrade() -> None:
    op.drop_column("pms_receipt_hour", "refused")
    op.drop_column("pms_receipt", "refused")
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "size")
    op.create_index(INDEX, TABLE, COLUMNS, postgresql_where=WAITING)
