"""Readings of folded days are in parts; those that are there stay in one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from flexmeasures_pms.migrations import sample_tables

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_DAY = ["subject_id", "day", "device_id"]
_KEY, _TABLE = "pms_day_reading_pkey", "pms_day_reading"
_THAW = """
    SELECT pms_thaw(subject_id, days) FROM (
      SELECT subject_id, array_agg(DISTINCT day) AS days FROM pms_day_reading
      WHERE first > 1 GROUP BY subject_id) d"""


def upgrade() -> None:
    column = sa.Column("first", sa.Integer, nullable=False, server_default="1")
    op.add_column(_TABLE, column)
    op.drop_constraint(_KEY, _TABLE)
    op.create_primary_key(_KEY, _TABLE, [*_DAY, "first", "place"])
    sample_tables.replace_functions(op.get_bind())


def downgrade() -> None:
    # Samples stay: a trial that only finds out what is lost need not make them again.
    if not _is_trial():
        op.execute(_THAW)
    op.drop_constraint(_KEY, _TABLE)
    op.drop_column(_TABLE, "first")
    if not _is_trial():
        op.create_primary_key(_KEY, _TABLE, [*_DAY, "place"])
    sample_tables.create_thaw(op.get_bind(), parts=False)


def _is_trial() -> bool:
    return bool(context.config.attributes.get("trial"))
