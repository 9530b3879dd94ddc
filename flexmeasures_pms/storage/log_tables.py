"""Tables of the log: samples, days of it that are folded, and places."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from flexmeasures_pms.migrations import sample_tables
from flexmeasures_pms.registry.tables import metadata

# The log: every sample that was stored. It has no foreign keys, which would cost each request
# look-ups: triggers forget what is deleted. Numbers have four bytes: 19 rows of a pack fit a page
# instead of 18. ``repeats`` has a bit for each reading that no belief was written of.
sample = sa.Table(
    "pms_sample",
    metadata,
    sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("repeats", sa.BigInteger, nullable=False),
    sa.Column("device_id", sa.Integer, nullable=False),
    sa.Column("subject_id", sa.Integer, nullable=False),
    sa.Column("source_id", sa.Integer, nullable=False),
    sa.Column("board_id", sa.Integer),
    sa.Column("readings", ARRAY(sa.Double), nullable=False),
    sa.PrimaryKeyConstraint("subject_id", "event_time", "device_id"),
)


def _of_day() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("device_id", sa.Integer, nullable=False),
    )


# Days of the log that are over: a row for each thing, device and day (UTC) instead of one for each
# sample. ``last`` is the time of the last sample [ms of the day]; ``gaps`` are the times, each
# since the one before [ms], the first since the day began. None of ``repeats``: all are 0.
day = sa.Table(
    "pms_day",
    metadata,
    *_of_day(),
    sa.Column("source_id", sa.Integer, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("last", sa.Integer, nullable=False),
    sa.Column("gaps", ARRAY(sa.Integer), nullable=False),
    sa.Column("repeats", ARRAY(sa.BigInteger)),
    sa.Column("boards", ARRAY(sa.Integer)),
    sa.PrimaryKeyConstraint("subject_id", "day", "device_id"),
)

# The readings of such a day at one place: ``number / 10**decimals``, in the narrowest of the two
# columns that they fit, the lowest number for none; or as doubles, NaN for none. They are in parts,
# since PostgreSQL unpacks an array whole for one of its elements: ``first`` is the position in the
# day of the first sample of a part, from 1. Days of before that are in one part.
day_reading = sa.Table(
    "pms_day_reading",
    metadata,
    *_of_day(),
    sa.Column("first", sa.Integer, nullable=False, server_default="1"),
    sa.Column("place", sa.SmallInteger, nullable=False),
    sa.Column("decimals", sa.SmallInteger),
    sa.Column("small", ARRAY(sa.SmallInteger)),
    sa.Column("numbers", ARRAY(sa.Integer)),
    sa.Column("doubles", ARRAY(sa.Double)),
    sa.PrimaryKeyConstraint("subject_id", "day", "device_id", "first", "place"),
)

# The same by quarters of an hour, hours, and six hours. Bytes of numbers in little-endian order
# (see storage/log/levels.py): of spans, or of places by spans. A year is read in 365 rows.
level = sa.Table(
    "pms_level",
    metadata,
    *_of_day(),
    sa.Column("source_id", sa.Integer, nullable=False),
    sa.Column("minutes", sa.SmallInteger, nullable=False),
    sa.Column("places", BYTEA, nullable=False),
    sa.Column("begins", BYTEA, nullable=False),
    sa.Column("low", BYTEA, nullable=False),
    sa.Column("high", BYTEA, nullable=False),
    sa.Column("total", BYTEA, nullable=False),
    sa.Column("count", BYTEA, nullable=False),
    sa.Column("last", BYTEA, nullable=False),
    sa.Column("newest", BYTEA, nullable=False),
    sa.PrimaryKeyConstraint("subject_id", "minutes", "day", "device_id"),
)

# Days that are not folded until a time: they were thawed for late samples, or could not be folded,
# for a reason.
day_rest = sa.Table(
    "pms_day_rest",
    metadata,
    sa.Column("subject_id", sa.Integer, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("reason", sa.Text),
    sa.PrimaryKeyConstraint("subject_id", "day"),
)

# Where each sensor's reading is in a sample's readings, by asset type.
place = sa.Table(
    "pms_place",
    metadata,
    sa.Column("asset_type", sa.Text, nullable=False),
    sa.Column("sensor", sa.Text, nullable=False),
    sa.Column("place", sa.SmallInteger, nullable=False),
    sa.PrimaryKeyConstraint("asset_type", "sensor"),
    sa.UniqueConstraint("asset_type", "place", name="pms_place_key"),
)

sample_tables.attach(metadata)
