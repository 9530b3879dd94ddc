"""Index what has no asset yet, for any kind of device: components never have one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEX, TABLE = "pms_trackable_no_asset_idx", "pms_trackable"
OF_COMPONENTS = "'acquisition-board', 'fet-board', 'cell-block', 'ehub', 'bbc', 'busbar'"


def _index(kinds: str) -> None:
    op.drop_index(INDEX, TABLE)
    where = sa.text(f"asset_id IS NULL AND kind {kinds}")
    op.create_index(INDEX, TABLE, ["account_id"], postgresql_where=where)


def upgrade() -> None:
    _index(f"NOT IN ({OF_COMPONENTS})")


def downgrade() -> None:
    _index("IN ('pms', 'cabinet', 'case', 'mppt', 'inverter')")
