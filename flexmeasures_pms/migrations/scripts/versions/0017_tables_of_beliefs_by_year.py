"""Beliefs of each year in a table of their own, that inherits from FlexMeasures'."""

from __future__ import annotations

from alembic import context, op

from flexmeasures_pms.migrations import belief_tables

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    belief_tables.create(op.get_bind())


def downgrade() -> None:
    # All beliefs stay: a trial that only finds out what is lost need not move them.
    if not context.config.attributes.get("trial"):
        belief_tables.put_back(op.get_bind())
