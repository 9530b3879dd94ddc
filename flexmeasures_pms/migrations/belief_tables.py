"""What the plugin's tables of beliefs need of PostgreSQL, since they have no foreign keys.

Used by the migration, and by ``metadata.create_all`` (FlexMeasures' ``db-ops reset`` and its
test fixtures make the tables that way). FlexMeasures reads all tables of the database before it
drops and creates them: it knows these by then, but not what they inherit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

PREFIX = "pms_beliefs_"
"""Begin of the names of tables of beliefs."""

# As ON DELETE CASCADE does for the rows of FlexMeasures' own table. A request that stores
# readings meanwhile may leave some: nothing finds them, because numbers are never used twice.
_SENSOR_DELETED = """
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
# As the primary key of FlexMeasures' own table does, under its name: FlexMeasures knows that.
# Only rows of gateways are looked for. Such a row may be newer than all that a gateway has
# reported: latest readings that it may be newer than are read again, with the next request.
_BELIEF_ADDED = """
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
_COLUMNS = "event_start, belief_horizon, cumulative_probability, event_value, sensor_id, source_id"


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
            INSERT INTO timed_belief ({_COLUMNS}) SELECT {_COLUMNS} FROM {name} b
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
