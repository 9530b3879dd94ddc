"""What the plugin's tables of beliefs need of PostgreSQL, since they have no foreign keys.

Used by the migration, and by ``metadata.create_all`` (FlexMeasures' ``db-ops reset`` and its
test fixtures make the tables that way). FlexMeasures reads all tables of the database before it
drops and creates them: it knows these by then, but not what they inherit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from flexmeasures_pms.identifiers import LOOK_ALIKES, MARKUP

PREFIX = "pms_beliefs_"
"""Begin of the names of tables of beliefs."""

# As ON DELETE CASCADE does for the rows of FlexMeasures' own table. A request that stores
# readings meanwhile may leave some: nothing finds them, because numbers are never used twice.
# Their readings leave the log, if the asset stays: a new sensor gets what is sent again.
_SENSOR_DELETED = """
CREATE OR REPLACE FUNCTION pms_sensor_deleted() RETURNS trigger AS $$
DECLARE
    gone int[] := array(SELECT id FROM old_rows);
    one regclass;
    lost record;
BEGIN
    IF cardinality(gone) > 0 THEN
        LOCK TABLE ONLY timed_belief IN ACCESS SHARE MODE;  -- no table goes meanwhile
        FOR one IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'timed_belief'::regclass
        LOOP
            EXECUTE format('DELETE FROM %s WHERE sensor_id = ANY ($1)', one) USING gone;
        END LOOP;
        PERFORM pms_take_turns(array(
            SELECT t.id FROM old_rows s JOIN generic_asset a ON a.id = s.generic_asset_id
            JOIN pms_trackable t ON t.asset_id = a.id));
        FOR lost IN
            SELECT t.id, array_agg(p.place + 1) AS places, sum(1::bigint << p.place)
                FILTER (WHERE p.place < 62)::bigint AS bits
            FROM old_rows s
            JOIN generic_asset a ON a.id = s.generic_asset_id
            JOIN pms_trackable t ON t.asset_id = a.id
            JOIN pms_place p ON p.asset_type = t.kind AND p.sensor = s.name
            GROUP BY t.id ORDER BY t.id
        LOOP
            PERFORM pms_drop_readings(
                lost.id, array(SELECT n - 1 FROM unnest(lost.places) AS p (n)),
                coalesce(lost.bits, 0));
            PERFORM pms_thaw(lost.id, array(
                SELECT DISTINCT day FROM pms_day_reading
                WHERE subject_id = lost.id AND place + 1 = ANY (lost.places)));
            UPDATE pms_sample l SET repeats = l.repeats & ~coalesce(lost.bits, 0), readings = array(
                SELECT CASE WHEN r.n = ANY (lost.places) THEN 'NaN' ELSE r.reading END
                FROM unnest(l.readings) WITH ORDINALITY AS r (reading, n) ORDER BY r.n)
                WHERE l.subject_id = lost.id AND EXISTS (
                    SELECT FROM unnest(lost.places) AS p (n) WHERE l.readings[p.n] <> 'NaN');
            DELETE FROM pms_sample WHERE subject_id = lost.id AND 'NaN' = ALL (readings);
            DELETE FROM pms_latest WHERE trackable_id = lost.id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
# As the foreign key of FlexMeasures' own table refuses it. Only gateways have beliefs in these
# tables, which no index finds by source.
_SOURCE_DELETED = """
CREATE OR REPLACE FUNCTION pms_source_deleted() RETURNS trigger AS $$
DECLARE
    gone int[] := array(SELECT id FROM old_rows WHERE type = 'gateway');
    one regclass;
    used boolean;
BEGIN
    IF cardinality(gone) > 0 THEN
        LOCK TABLE ONLY timed_belief IN ACCESS SHARE MODE;  -- no table goes meanwhile
        FOR one IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'timed_belief'::regclass
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE source_id = ANY ($1))', one)
                INTO used USING gone;
            IF used THEN
                RAISE foreign_key_violation USING MESSAGE = 'A data source with beliefs in '
                    || one || ' can''t be deleted: delete these first.';
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
# What is saved under a gateway's source is taken into the log, as if the gateway had reported it:
# so the gateway's own report of it is a duplicate, or a conflict. Where it has reported already,
# this is refused as the primary key of FlexMeasures' own table does, under its name: FlexMeasures
# knows that. What repeats the reading before it, and comes after it, is written too. Latest
# readings that it may be newer than are read again, with the next request. Rows of a dump are in
# the log already.
_BELIEF_ADDED = """
CREATE OR REPLACE FUNCTION pms_belief_added() RETURNS trigger AS $$
DECLARE
    added record;
    after record;
    refused boolean;
    things bigint[];
    days date[];
BEGIN
    IF current_setting('pms.beliefs_move', true) = 'on' OR NOT EXISTS (
        SELECT FROM new_rows n JOIN data_source s ON s.id = n.source_id WHERE s.type = 'gateway'
    ) THEN
        RETURN NULL;
    END IF;
    refused := EXISTS (
        SELECT FROM new_rows n
        JOIN data_source s ON s.id = n.source_id AND s.type = 'gateway'
        CROSS JOIN LATERAL (
            SELECT FROM timed_belief b WHERE b.tableoid <> 'timed_belief'::regclass
                AND b.event_start = n.event_start AND b.sensor_id = n.sensor_id
                AND b.source_id = n.source_id AND b.belief_horizon = n.belief_horizon
                AND b.cumulative_probability = n.cumulative_probability OFFSET 0
        ) b);
    -- What folded days have is looked up in rows, too.
    things := array(
        SELECT DISTINCT t.id FROM new_rows n
        JOIN data_source s ON s.id = n.source_id AND s.type = 'gateway'
        JOIN sensor o ON o.id = n.sensor_id
        JOIN pms_trackable t ON t.asset_id = o.generic_asset_id);
    days := array(SELECT DISTINCT (event_start AT TIME ZONE 'UTC')::date FROM new_rows);
    PERFORM pms_take_turns(things);  -- or a day may be folded just after it was looked at
    IF pms_is_folded(things, days) THEN
        PERFORM pms_thaw(t.id, days) FROM unnest(things) AS t (id) ORDER BY t.id;
    END IF;
    CREATE TEMPORARY TABLE pms_added ON COMMIT DROP AS
        WITH sources AS MATERIALIZED (
            SELECT s.id, (
                SELECT min(d.id) FROM pms_trackable d
                WHERE d.account_id = s.account_id AND d.kind = s.model
                    AND translate(d.ident, '{MARKUP}', '{LOOK_ALIKES}')
                        = translate(s.name, '{MARKUP}', '{LOOK_ALIKES}')
            ) AS device
            FROM data_source s
            WHERE s.type = 'gateway' AND s.id IN (SELECT source_id FROM new_rows)
        )
        SELECT n.event_start AS moment, n.event_value AS value, n.source_id, n.sensor_id,
            t.id AS subject, s.device, p.place + 1 AS n,
            CASE WHEN p.place < 62 THEN 1::bigint << p.place ELSE 0 END AS bit,
            (SELECT count(*)::int FROM pms_place WHERE asset_type = t.kind) AS places
        FROM new_rows n
        JOIN sources s ON s.id = n.source_id AND s.device IS NOT NULL
        JOIN sensor o ON o.id = n.sensor_id
        JOIN pms_trackable t ON t.asset_id = o.generic_asset_id
        JOIN pms_place p ON p.asset_type = t.kind AND p.sensor = o.name
        LEFT JOIN pms_sample l ON l.subject_id = t.id AND l.event_time = n.event_start
            AND l.device_id = s.device
        WHERE n.belief_horizon = '0' AND n.cumulative_probability = 0.5
            AND n.event_value <> 'NaN' AND (l.readings[p.place + 1] IS DISTINCT FROM n.event_value
                OR l.repeats & CASE WHEN p.place < 62 THEN 1::bigint << p.place ELSE 0 END <> 0);
    FOR added IN SELECT * FROM pms_added ORDER BY subject, moment, n
    LOOP
        INSERT INTO pms_sample
                (event_time, repeats, device_id, subject_id, source_id, readings)
            VALUES (added.moment, 0, added.device, added.subject, added.source_id,
                array_fill('NaN'::float8, ARRAY[added.places]))
            ON CONFLICT DO NOTHING;
        UPDATE pms_sample SET readings = readings
                || array_fill('NaN'::float8, ARRAY[added.places - cardinality(readings)])
            WHERE subject_id = added.subject AND event_time = added.moment
                AND device_id = added.device AND cardinality(readings) < added.places;
        UPDATE pms_sample SET readings[added.n] = added.value, repeats = repeats & ~added.bit
            WHERE subject_id = added.subject AND event_time = added.moment
                AND device_id = added.device AND readings[added.n] IN ('NaN', added.value);
        refused := refused OR NOT FOUND;
        SELECT event_time, readings[added.n] AS reading INTO after FROM pms_sample
            WHERE subject_id = added.subject AND device_id = added.device
                AND event_time > added.moment AND event_time < date_bin('15 minutes', added.moment,
                    timestamptz '2000-01-01 00:00+00') + interval '15 minutes'
                AND readings[added.n] <> 'NaN' AND readings[added.n] <> added.value
            ORDER BY event_time LIMIT 1;
        UPDATE pms_sample SET repeats = repeats & ~added.bit
            WHERE subject_id = added.subject AND device_id = added.device
                AND event_time = after.event_time AND repeats & added.bit <> 0;
        IF FOUND THEN
            PERFORM set_config('pms.beliefs_move', 'on', true);
            INSERT INTO timed_belief (event_start, belief_horizon, cumulative_probability,
                    event_value, sensor_id, source_id)
                VALUES (after.event_time, '0', 0.5, after.reading, added.sensor_id,
                    added.source_id);
            PERFORM set_config('pms.beliefs_move', 'off', true);
        END IF;
        DELETE FROM pms_latest WHERE trackable_id = added.subject AND event_time <= added.moment;
    END LOOP;
    DROP TABLE pms_added;
    IF refused THEN
        RAISE unique_violation USING CONSTRAINT = 'timed_belief_pkey', MESSAGE =
            'duplicate key value violates unique constraint "timed_belief_pkey"';
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
""".replace("{MARKUP}", MARKUP.replace("'", "''")).replace("{LOOK_ALIKES}", LOOK_ALIKES)
_TRIGGERS = (
    ("pms_sensor_deleted", "DELETE", "sensor", "OLD TABLE AS old_rows"),
    ("pms_source_deleted", "DELETE", "data_source", "OLD TABLE AS old_rows"),
    ("pms_belief_added", "INSERT", "timed_belief", "NEW TABLE AS new_rows"),
)


CREATE = (
    _SENSOR_DELETED,
    _SOURCE_DELETED,
    _BELIEF_ADDED,
    *(
        statement
        for name, event, table, rows in _TRIGGERS
        for statement in (
            f"DROP TRIGGER IF EXISTS {name} ON {table}",
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        )
    ),
)
"""Statements that make the triggers, which may be there already."""

DROP = tuple(f"DROP FUNCTION IF EXISTS {name}() CASCADE" for name, *_ in _TRIGGERS)
"""Statements that drop them."""

_NAMES = """
    SELECT c.relname, i.inhrelid IS NOT NULL FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = to_regclass('timed_belief')
    WHERE c.relkind = 'r' AND starts_with(c.relname, :prefix)
      AND c.relnamespace = current_schema()::regnamespace
    ORDER BY c.relname"""
COLUMNS = "event_start, belief_horizon, cumulative_probability, event_value, sensor_id, source_id"
"""Of a belief."""


def names(connection: sa.Connection, *, inherited: bool = True) -> list[str]:
    """Return the names of the tables of beliefs, or of those that inherit nothing any more."""
    found = connection.execute(sa.text(_NAMES), {"prefix": PREFIX})
    return [name for name, inherits in found if inherits == inherited]


def create(connection: sa.Connection) -> None:
    """Make the triggers."""
    for statement in CREATE:
        connection.execute(sa.text(statement))


def put_back(connection: sa.Connection) -> None:
    """Drop the triggers, and the tables after their beliefs were put into FlexMeasures' own.

    What nothing finds any more, because its sensor is gone, is left out. Nobody writes meanwhile.
    """
    for statement in DROP:
        connection.execute(sa.text(statement))
    for name in names(connection):
        move = f"""
            INSERT INTO timed_belief ({COLUMNS}) SELECT {COLUMNS} FROM {name} b
            WHERE EXISTS (SELECT FROM sensor s WHERE s.id = b.sensor_id)
              AND EXISTS (SELECT FROM data_source s WHERE s.id = b.source_id)
            ON CONFLICT DO NOTHING"""  # noqa: S608 - our names
        connection.execute(sa.text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        connection.execute(sa.text(move))
        connection.execute(sa.text(f"DROP TABLE {name}"))


def attach(metadata: sa.MetaData) -> None:
    """Have ``create_all`` and ``drop_all`` keep to what the tables inherit."""
    sa.event.listen(metadata, "after_create", _after_create)
    sa.event.listen(metadata, "before_drop", _before_drop)


def _after_create(_target: object, connection: sa.Connection, **event: Any) -> None:
    create(connection)
    for name in names(connection, inherited=False) if _concerned(event["tables"]) else ():
        connection.execute(sa.text(f"ALTER TABLE {name} INHERIT timed_belief"))


def _before_drop(metadata: sa.MetaData, connection: sa.Connection, **event: Any) -> None:
    if not _concerned(event["tables"]):
        return
    for name in names(connection):
        connection.execute(sa.text(f"ALTER TABLE {name} NO INHERIT timed_belief"))
        if name not in metadata.tables:
            connection.execute(sa.text(f"DROP TABLE {name}"))


def _concerned(tables: Collection[sa.Table]) -> bool:
    return any(table.name == "timed_belief" for table in tables)
