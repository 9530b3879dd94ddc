"""The log of samples; what it replaces stays until ``adopt`` has read it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from flexmeasures_pms.migrations import belief_tables, sample_tables
from flexmeasures_pms.registry import ddl

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


# Beliefs are what the log is filled from; without any, there is nothing to adopt.
HAS_BELIEFS = """
    SELECT EXISTS (
      SELECT FROM pms_trackable t
      JOIN sensor s ON s.generic_asset_id = t.asset_id
      CROSS JOIN LATERAL (
        SELECT FROM timed_belief b WHERE b.sensor_id = s.id AND b.source_id IN (
          SELECT id FROM data_source d WHERE d.type = 'gateway' AND d.account_id = t.account_id)
        LIMIT 1
      ) one)"""

# In revision 0017.
BELIEFS_DELETED_BEFORE = """
CREATE OR REPLACE FUNCTION pms_beliefs_deleted() RETURNS trigger AS $$
DECLARE
    gone record;
    things bigint[];
BEGIN
    IF current_setting('pms.beliefs_move', true) = 'on' OR to_regclass('pms_repeat') IS NULL THEN
        RETURN NULL;
    END IF;
    things := array(
        SELECT t.id FROM pms_trackable t WHERE t.asset_id IN (
            SELECT s.generic_asset_id FROM sensor s WHERE s.id IN (
                SELECT sensor_id FROM old_rows WHERE belief_horizon = '0')));
    PERFORM pg_advisory_xact_lock(hashtext('pms_latest ' || m.account_id), m.turn)
        FROM (SELECT DISTINCT t.account_id, (t.id % 64)::int AS turn FROM pms_trackable t
            WHERE t.id = ANY (things)
            AND NOT EXISTS (SELECT FROM pms_latest l WHERE l.trackable_id = t.id)
            ORDER BY t.account_id, turn) m;
    PERFORM FROM pms_latest WHERE trackable_id = ANY (things) ORDER BY trackable_id FOR UPDATE;
    FOR gone IN
        SELECT t.id, t.asset_id, o.source_id, min(o.first) AS first, max(o.last) AS last,
            coalesce(bit_or(1::bigint << b.bit), 0) AS bits
        FROM (
            SELECT sensor_id, source_id, min(event_start) AS first, max(event_start) AS last
            FROM old_rows WHERE belief_horizon = '0' GROUP BY sensor_id, source_id
        ) o
        JOIN sensor s ON s.id = o.sensor_id
        JOIN pms_trackable t ON t.asset_id = s.generic_asset_id
        LEFT JOIN pms_repeat_bit b ON b.asset_type = t.kind AND b.sensor = s.name
        GROUP BY t.id, o.source_id ORDER BY t.id, o.source_id
    LOOP
        DELETE FROM pms_latest
            WHERE trackable_id = gone.id AND event_time < gone.last + interval '15 minutes';
        DELETE FROM pms_ahead
            WHERE trackable_id = gone.id AND event_time BETWEEN gone.first AND gone.last;
        DELETE FROM pms_repeat WHERE subject_id = gone.id AND source_id = gone.source_id
            AND event_time >= gone.first AND event_time < gone.last + interval '15 minutes'
            AND mask & ~gone.bits = 0;
        UPDATE pms_repeat SET mask = mask & ~gone.bits
            WHERE subject_id = gone.id AND source_id = gone.source_id
            AND event_time >= gone.first AND event_time < gone.last + interval '15 minutes'
            AND mask & gone.bits <> 0;
        DELETE FROM pms_board_report r WHERE case_id = gone.id AND source_id = gone.source_id
            AND event_start BETWEEN gone.first AND gone.last
            AND NOT EXISTS (SELECT FROM pms_repeat p WHERE p.subject_id = gone.id
                AND p.source_id = gone.source_id AND p.event_time = r.event_start)
            AND NOT EXISTS (SELECT FROM timed_belief b JOIN sensor s ON s.id = b.sensor_id
                WHERE s.generic_asset_id = gone.asset_id AND b.source_id = gone.source_id
                AND b.event_start = r.event_start
                AND b.event_start BETWEEN gone.first AND gone.last);
    END LOOP;
    RETURN NULL;
END
$$ LANGUAGE plpgsql
"""
SENSOR_DELETED_BEFORE = """
CREATE OR REPLACE FUNCTION pms_sensor_deleted() RETURNS trigger AS $$
DECLARE
    gone int[] := array(SELECT id FROM old_rows);
    one regclass;
BEGIN
    IF cardinality(gone) > 0 THEN
        FOR one IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'timed_belief'::regclass
        LOOP
            EXECUTE format('DELETE FROM %s WHERE sensor_id = ANY ($1)', one) USING gone;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
BELIEF_ADDED_BEFORE = """
CREATE OR REPLACE FUNCTION pms_belief_added() RETURNS trigger AS $$
DECLARE
    one regclass;
    found boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM new_rows n JOIN data_source s ON s.id = n.source_id
                   WHERE s.type = 'gateway') THEN
        RETURN NULL;
    END IF;
    FOR one IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'timed_belief'::regclass
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM new_rows n'
            || ' JOIN data_source s ON s.id = n.source_id AND s.type = ''gateway'''
            || ' JOIN %s b USING (event_start, sensor_id, source_id, belief_horizon,'
            || ' cumulative_probability))', one) INTO found;
        IF found THEN
            RAISE unique_violation USING CONSTRAINT = 'timed_belief_pkey', MESSAGE =
                'duplicate key value violates unique constraint "timed_belief_pkey"';
        END IF;
    END LOOP;
    DELETE FROM pms_latest l USING (
        SELECT t.id, max(n.event_start) AS newest FROM new_rows n
        JOIN data_source s ON s.id = n.source_id AND s.type = 'gateway'
        JOIN sensor o ON o.id = n.sensor_id
        JOIN pms_trackable t ON t.asset_id = o.generic_asset_id GROUP BY t.id
    ) u WHERE l.trackable_id = u.id AND l.event_time <= u.newest;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""

# A bit is the place, where it has no bit yet.
BITS = """
    INSERT INTO pms_repeat_bit (asset_type, sensor, bit)
    SELECT asset_type, sensor, bit FROM (
      SELECT asset_type, sensor, row_number() OVER (PARTITION BY asset_type ORDER BY place) - 1
        + (SELECT count(*) FROM pms_repeat_bit b WHERE b.asset_type = p.asset_type) AS bit
      FROM pms_place p WHERE NOT EXISTS (SELECT FROM pms_repeat_bit b
        WHERE b.asset_type = p.asset_type AND b.sensor = p.sensor)
    ) n WHERE bit < 63"""
REPEATS = """
    INSERT INTO pms_repeat (subject_id, event_time, source_id, mask)
    SELECT l.subject_id, l.event_time, l.source_id, sum(1::bigint << b.bit)::bigint
    FROM pms_sample l
    JOIN pms_trackable t ON t.id = l.subject_id
    JOIN pms_place p ON p.asset_type = t.kind AND p.place < 62 AND l.repeats >> p.place & 1 = 1
    JOIN pms_repeat_bit b ON b.asset_type = p.asset_type AND b.sensor = p.sensor
    JOIN sensor s ON s.generic_asset_id = t.asset_id AND s.name = p.sensor
    -- Of what was thinned, the belief that it repeats may be gone.
    JOIN LATERAL (
      SELECT event_value FROM timed_belief WHERE sensor_id = s.id AND source_id = l.source_id
        AND event_start <= l.event_time AND event_start > l.event_time - interval '15 minutes'
        AND belief_horizon = '0' AND cumulative_probability = 0.5
      ORDER BY event_start DESC LIMIT 1
    ) shown ON shown.event_value = l.readings[p.place + 1]
    WHERE l.repeats <> 0
    GROUP BY l.subject_id, l.event_time, l.source_id ON CONFLICT DO NOTHING"""
REPORTS = """
    INSERT INTO pms_board_report (board_id, event_start, source_id, case_id)
    SELECT l.board_id, l.event_time, l.source_id, l.subject_id FROM pms_sample l
    WHERE EXISTS (SELECT FROM pms_trackable t WHERE t.id = l.board_id)
      AND EXISTS (SELECT FROM pms_trackable t WHERE t.id = l.subject_id)
      AND EXISTS (SELECT FROM data_source s WHERE s.id = l.source_id)
    ON CONFLICT DO NOTHING"""
AHEAD = """
    INSERT INTO pms_ahead (trackable_id, event_time, device_id, readings)
    SELECT l.subject_id, l.event_time, l.device_id,
      jsonb_object_agg(p.sensor, l.readings[p.place + 1])
    FROM pms_sample l
    JOIN pms_trackable t ON t.id = l.subject_id
    JOIN pms_place p ON p.asset_type = t.kind AND l.readings[p.place + 1] <> 'NaN'
    LEFT JOIN pms_latest n ON n.trackable_id = t.id
    WHERE CASE WHEN n.trackable_id IS NOT NULL THEN n.has_ahead AND l.event_time > n.event_time
      ELSE l.event_time > now() AND NOT EXISTS (
        SELECT FROM pms_sample o WHERE o.subject_id = t.id AND o.event_time <= now()) END
    GROUP BY l.subject_id, l.event_time, l.device_id ON CONFLICT DO NOTHING"""


def upgrade() -> None:
    op.create_table(
        "pms_sample",
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repeats", sa.BigInteger, nullable=False),
        sa.Column("device_id", sa.Integer, nullable=False),
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("board_id", sa.Integer),
        sa.Column("readings", ARRAY(sa.Double), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "event_time", "device_id"),
    )
    op.create_table(
        "pms_place",
        sa.Column("asset_type", sa.Text, nullable=False),
        sa.Column("sensor", sa.Text, nullable=False),
        sa.Column("place", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("asset_type", "sensor"),
        sa.UniqueConstraint("asset_type", "place", name="pms_place_key"),
    )
    sample_tables.create(op.get_bind())
    belief_tables.create(op.get_bind())
    op.execute(ddl.TAKE_TURNS)
    op.execute(ddl.BELIEFS_DELETED)
    if not op.get_bind().scalar(sa.text(HAS_BELIEFS)):
        for table in sample_tables.EARLIER:
            op.drop_table(table)


def downgrade() -> None:
    there = sa.inspect(op.get_bind()).get_table_names()
    for name, make in MADE.items():
        if name not in there:
            make()
    # A trial only finds out what is lost.
    if not context.config.attributes.get("trial"):
        for statement in (BITS, REPEATS, REPORTS, AHEAD):
            op.execute(statement)
    for statement in (
        BELIEFS_DELETED_BEFORE, SENSOR_DELETED_BEFORE, BELIEF_ADDED_BEFORE, *sample_tables.DROP
    ):  # fmt: skip
        op.execute(statement)
    op.execute(ddl.DROP_TAKE_TURNS)
    op.drop_table("pms_place")
    op.drop_table("pms_sample")


def _make_repeat() -> None:
    op.create_table(
        "pms_repeat",
        _trackable("subject_id"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mask", sa.BigInteger, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "source_id", "event_time"),
    )


def _make_repeat_bit() -> None:
    op.create_table(
        "pms_repeat_bit",
        sa.Column("asset_type", sa.Text, nullable=False),
        sa.Column("sensor", sa.Text, nullable=False),
        sa.Column("bit", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("asset_type", "sensor"),
        sa.UniqueConstraint("asset_type", "bit", name="pms_repeat_bit_key"),
    )


def _make_board_report() -> None:
    source = sa.ForeignKey("data_source.id", ondelete="CASCADE")
    op.create_table(
        "pms_board_report",
        _trackable("board_id"),
        sa.Column("event_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_id", sa.Integer, source, nullable=False),
        _trackable("case_id"),
        sa.PrimaryKeyConstraint("board_id", "event_start", "source_id"),
    )
    op.create_index("pms_board_report_case_idx", "pms_board_report", ["case_id", "event_start"])


def _make_ahead() -> None:
    op.create_table(
        "pms_ahead",
        _trackable("trackable_id"),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device_id", sa.BigInteger, nullable=False),
        sa.Column("readings", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("trackable_id", "event_time", "device_id"),
    )


def _trackable(name: str) -> sa.Column[int]:
    key = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    return sa.Column(name, sa.BigInteger, key, nullable=False)


MADE = {
    "pms_repeat": _make_repeat,
    "pms_repeat_bit": _make_repeat_bit,
    "pms_board_report": _make_board_report,
    "pms_ahead": _make_ahead,
}
