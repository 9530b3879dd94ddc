"""Beliefs of each week in a table of their own; those of a year were received in it so far."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from flexmeasures_pms.migrations import thinning_tables

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    thinning_tables.create(op.get_bind())
    # Where nothing is registered, tables of years are those of a reset: of what was thinned.
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM pms_trackable)")):
        thinning_tables.rename_years(op.get_bind(), datetime.now(UTC))


def downgrade() -> None:
    # Whatever they are called, the tables of beliefs are known by what they inherit.
    thinning_tables.drop(op.get_bind())
