"""Days of the log that are over: a row for each thing and device, and levels of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms.migrations import belief_tables, sample_tables
from flexmeasures_pms.registry import ddl

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pms_day",
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("device_id", sa.Integer, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("gaps", ARRAY(sa.Integer), nullable=False),
        sa.Column("repeats", ARRAY(sa.BigInteger)),
        sa.Column("boards", ARRAY(sa.Integer)),
        sa.PrimaryKeyConstraint("subject_id", "day", "device_id"),
    )
    op.create_table(
        "pms_day_reading",
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("device_id", sa.Integer, nullable=False),
        sa.Column("place", sa.SmallInteger, nullable=False),
        sa.Column("decimals", sa.SmallInteger),
        sa.Column("small", ARRAY(sa.SmallInteger)),
        sa.Column("numbers", ARRAY(sa.Integer)),
        sa.Column("doubles", ARRAY(sa.Double)),
        sa.PrimaryKeyConstraint("subject_id", "day", "device_id", "place"),
    )
    op.create_table(
        "pms_level",
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("device_id", sa.Integer, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("minutes", sa.SmallInteger, nullable=False),
        sa.Column("places", sa.LargeBinary, nullable=False),
        sa.Column("begins", sa.LargeBinary, nullable=False),
        sa.Column("low", sa.LargeBinary, nullable=False),
        sa.Column("high", sa.LargeBinary, nullable=False),
        sa.Column("total", sa.LargeBinary, nullable=False),
        sa.Column("count", sa.LargeBinary, nullable=False),
        sa.Column("last", sa.LargeBinary, nullable=False),
        sa.Column("newest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "minutes", "day", "device_id"),
    )
    sample_tables.create(op.get_bind())
    belief_tables.create(op.get_bind())
    op.execute(ddl.BELIEFS_DELETED)


def downgrade() -> None:
    # Samples stay: a trial that only finds out what is lost need not make them again.
    if not context.config.attributes.get("trial"):
        op.execute("SELECT pms_thaw(subject_id) FROM pms_day GROUP BY subject_id")
    for table in ("pms_level", "pms_day_reading", "pms_day"):
        op.drop_table(table)
