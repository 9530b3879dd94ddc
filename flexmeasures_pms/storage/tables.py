"""Tables besides the beliefs and the log: latest readings, quarantine, receipts, journal."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSON, JSONB

from flexmeasures_pms.migrations import belief_tables, thinning_tables
from flexmeasures_pms.registry.tables import (
    UTC_NOW,
    account_column,
    metadata,
    trackable_reference,
)

COUNTS = (
    "samples", "stored", "duplicate", "quarantined", "no_answer", "refused", "faulty", "late",
    "beliefs",
)  # fmt: skip
"""The counts of a receipt."""

# Rows of before it was counted have none, and so has what another version adds meanwhile.
_NONE_REFUSED = {"refused": "0"}

# With what the texts of samples in quarantine begin, once for all of a dataset.
quarantine_head = sa.Table(
    "pms_quarantine_head",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.UniqueConstraint("account_id", "digest", name="pms_quarantine_head_digest_key"),
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
    # Follows on the text of the head, if there is one.
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("head_id", sa.BigInteger, sa.ForeignKey("pms_quarantine_head.id")),
    # Bytes of the text; the first sample of a head has those of the head, too.
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW),
    sa.Column("discarded_at", sa.DateTime(timezone=True)),
    sa.Column("discarded_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.UniqueConstraint("account_id", "dataset", "digest", name="pms_quarantine_digest_key"),
    sa.Index("pms_quarantine_head_idx", "head_id", postgresql_where=sa.text("head_id IS NOT NULL")),
    sa.Index(
        "pms_quarantine_waiting_idx",
        "account_id",
        "reason",
        postgresql_where=sa.text("discarded_at IS NULL"),
    ),
    # An id that is too long to be registered is not stored here: it always fits an index.
    sa.Index(
        "pms_quarantine_pack_idx",
        "account_id",
        "pack_id",
        postgresql_where=sa.text("discarded_at IS NULL"),
    ),
    # What is not registered is listed from it without looking at the rows.
    sa.Index(
        "pms_quarantine_unknown_idx",
        *("account_id", "reason", "device_id", "pack_id", "dataset"),
        postgresql_include=["event_time", "received_at", "id"],
        postgresql_where=sa.text(
            "discarded_at IS NULL AND reason IN ('unknown_pack', 'unknown_device')"
        ),
    ),
    # How much waits of each device is counted in it without looking at the rows.
    sa.Index(
        "pms_quarantine_device_idx",
        "account_id",
        "device_id",
        postgresql_include=["size"],
        postgresql_where=sa.text("discarded_at IS NULL"),
    ),
)

# One row for each accepted request.
receipt = sa.Table(
    "pms_receipt",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
    *(
        sa.Column(name, sa.Integer, nullable=False, server_default=_NONE_REFUSED.get(name))
        for name in COUNTS
    ),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    # The parts of the reply besides the counts, for queued requests: compressed JSON.
    sa.Column("details", BYTEA),
    sa.Index("pms_receipt_account_idx", "account_id", "id"),
    sa.Index("pms_receipt_received_idx", "received_at"),
)

# What a request stored, and refused, of each device in each hour. Rows are only ever added,
# and summed up when read, so that two requests for one PMS never wait for each other.
# The device has no foreign key: it would be looked up, and locked, with every request.
receipt_hour = sa.Table(
    "pms_receipt_hour",
    metadata,
    sa.Column(
        "receipt_id",
        sa.BigInteger,
        sa.ForeignKey("pms_receipt.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("device_id", sa.BigInteger, nullable=False),
    sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    # A bit for each pack that reported: PostgreSQL's bit_or puts requests together.
    sa.Column("packs", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("receipt_id", "device_id", "hour"),
    sa.Index("pms_receipt_hour_device_idx", "device_id", "hour"),
)

# Requests that were accepted and not stored yet. The id is that of the receipt, from the
# same sequence; the row is deleted when the receipt is written.
journal = sa.Table(
    "pms_journal",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    account_column(),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("encoding", sa.Text, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    # A number for each device in it, by its spelling.
    sa.Column("lanes", ARRAY(sa.BigInteger), nullable=False),
    # Compressed: as it was sent, or by zlib.
    sa.Column("body", BYTEA, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # Not claimed before this time. While it is processed: until when the claim lasts.
    sa.Column("retry_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_error", sa.Text),
    sa.CheckConstraint("state IN ('waiting', 'processing', 'failed')", name="state"),
    sa.CheckConstraint("cardinality(lanes) > 0", name="lanes"),
    sa.Index("pms_journal_account_idx", "account_id", "state", "id"),
)

# The order in each lane, without failed requests.
journal_lane = sa.Table(
    "pms_journal_lane",
    metadata,
    sa.Column("lane", sa.BigInteger, nullable=False),
    sa.Column(
        "journal_id",
        sa.BigInteger,
        sa.ForeignKey("pms_journal.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.PrimaryKeyConstraint("lane", "journal_id"),
    sa.Index("pms_journal_lane_journal_idx", "journal_id"),
)

# When an organisation's requests were last claimed by a worker, counted in claims: the one with
# the lowest number is next.
journal_turn = sa.Table(
    "pms_journal_turn",
    metadata,
    account_column(primary_key=True),
    sa.Column("served", sa.BigInteger, nullable=False),
)

# One row for each case, MPPT, inverter and cabinet, replaced by newer readings only.
# ``recorded`` has the last written values of what is recorded on change, each with its time in
# the newest reading's quarter of an hour [ms].
# ``has_ahead`` says whether the log has samples of it that are ahead of the clock.
# The device has no foreign key: it would be looked up, and locked, with every request.
latest = sa.Table(
    "pms_latest",
    metadata,
    trackable_reference("trackable_id", primary_key=True),
    sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("device_id", sa.BigInteger, nullable=False),
    sa.Column("readings", JSONB, nullable=False),
    sa.Column("recorded", JSON),
    sa.Column("has_ahead", sa.Boolean, nullable=False, server_default=sa.false()),
    # The device rarely changes, so that rows are still updated in place.
    sa.Index("pms_latest_device_idx", "device_id"),
)

# Packs that are, or were, reported from several places: as long as the newest reading of a
# pack is before ``until``, it flaps.
flapping = sa.Table(
    "pms_flapping",
    metadata,
    trackable_reference("trackable_id", primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("docks", ARRAY(sa.Integer), nullable=False),
)

# The recording policy of a quantity of one asset, if it differs from that of all.
# No deadband: every reading.
recording = sa.Table(
    "pms_recording",
    metadata,
    trackable_reference("trackable_id"),
    sa.Column("quantity", sa.Text, nullable=False),
    sa.Column("deadband", sa.Numeric),
    sa.PrimaryKeyConstraint("trackable_id", "quantity"),
)

belief_tables.attach(metadata)
thinning_tables.attach(metadata)
