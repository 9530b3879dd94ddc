"""Tables beside the beliefs: the quarantine, and which board reported what."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

from flexmeasures_pms.registry.tables import (
    UTC_NOW,
    account_column,
    metadata,
    trackable_reference,
)

quarantine = sa.Table(
    "pms_quarantine",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("device_id", sa.Text),
    sa.Column("pack_id", sa.Text),
    sa.Column("event_time", sa.DateTime(timezone=True)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW),
    sa.Column("discarded_at", sa.DateTime(timezone=True)),
    sa.Column("discarded_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.UniqueConstraint("account_id", "dataset", "digest", name="pms_quarantine_digest_key"),
    sa.Index(
        "pms_quarantine_waiting_idx",
        "account_id",
        "reason",
        postgresql_where=sa.text("discarded_at IS NULL"),
    ),
)

# Which samples of a case were sent under a board's id: they follow the board when its
# installation is corrected.
board_report = sa.Table(
    "pms_board_report",
    metadata,
    trackable_reference("board_id"),
    sa.Column("event_start", sa.DateTime(timezone=True), nullable=False),
    sa.Column(
        "source_id",
        sa.Integer,
        sa.ForeignKey("data_source.id", ondelete="CASCADE"),
        nullable=False,
    ),
    trackable_reference("case_id"),
    sa.PrimaryKeyConstraint("board_id", "event_start", "source_id"),
    sa.Index("pms_board_report_case_idx", "case_id", "event_start"),
)
