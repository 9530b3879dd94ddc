"""A fleet made of copies of one PMS, straight in the database: registry, assets and sensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.sql import SQL, Composable, Identifier, Literal

STRIDED = {
    # Columns with ids: the offset between copies, by the table that is counted.
    "generic_asset": {"id": "generic_asset", "parent_asset_id": "generic_asset"},
    "sensor": {"id": "sensor", "generic_asset_id": "generic_asset"},
    "pms_trackable": {"id": "pms_trackable", "asset_id": "generic_asset"},
    "pms_installation": {
        "id": "pms_installation",
        "part_id": "pms_trackable",
        "assembly_id": "pms_trackable",
    },
}
_NEXT = SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))")
_READ = """
    INSERT INTO pms_latest (trackable_id, event_time, device_id, readings, recorded)
    SELECT copy.id, l.event_time, device_copy.id, l.readings, l.recorded
    FROM pms_latest l
    JOIN pms_trackable t ON t.id = l.trackable_id
    JOIN pms_trackable d ON d.id = l.device_id
    CROSS JOIN generate_series(1, %s) n
    JOIN pms_trackable copy ON copy.account_id = t.account_id AND copy.kind = t.kind
      AND copy.ident_key = t.ident_key || '-' || n
    JOIN pms_trackable device_copy ON device_copy.account_id = d.account_id
      AND device_copy.kind = d.kind AND device_copy.ident_key = d.ident_key || '-' || n
    ON CONFLICT DO NOTHING"""
_VARIED = """
    UPDATE pms_latest SET event_time = now() - random() * interval '1 minute',
      readings = readings || CASE WHEN readings ? 'pack power' THEN jsonb_build_object(
        'pack power', round((random() * 4000 - 2000)::numeric, 1),
        'cell spread', round(random() * 25),
        'temperature top', round((25 + random() * 15)::numeric, 1)
      ) WHEN readings ? 'battery power' THEN jsonb_build_object(
        'battery power', round((random() * 4000)::numeric, 1)
      ) ELSE '{}' END"""
SUFFIXED = {
    "generic_asset": ("name", "external_id"),
    "pms_trackable": ("ident", "ident_key"),
}


def ident(original: str, number: int) -> str:
    """Return the id of a copy; number 0 is the original."""
    return f"{original}-{number}" if number else original


def multiply(database_uri: str, account_id: int, pms: int) -> dict[str, int]:
    """Make copies of all that an organisation has, until it has so many PMSes.

    :returns: rows of each table.
    """
    database = psycopg2.connect(database_uri)
    with database, database.cursor() as cursor:
        strides = {table: _one(cursor, "SELECT max(id) FROM {}", table) for table in STRIDED}
        for table in STRIDED:
            cursor.execute(_copy(cursor, table, pms - 1, strides))
        for table in STRIDED:
            cursor.execute(_NEXT.format(Literal(table), Identifier(table)))
        cursor.execute(
            "UPDATE pms_registry_version SET version = nextval('pms_registry_version_seq')"
            " WHERE account_id = %s",
            (account_id,),
        )
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        counts = {table: _one(cursor, "SELECT count(*) FROM {}", table) for table in STRIDED}
    database.close()
    return counts


def report(database_uri: str, pms: int) -> None:
    """Give the copies the newest readings of the original, each somewhat different, as of now."""
    database = psycopg2.connect(database_uri)
    with database, database.cursor() as cursor:
        cursor.execute(_READ, (pms - 1,))
        cursor.execute(_VARIED)
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE pms_latest")
    database.close()


def _one(cursor: Any, query: str, table: str) -> int:
    cursor.execute(SQL(query).format(Identifier(table)))
    return int(cursor.fetchone()[0])


def _copy(cursor: Any, table: str, copies: int, strides: Mapping[str, int]) -> Composable:
    """Return the statement that copies all rows of a table so many times."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        (table,),
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = (_value(table, name, strides) for name in columns)
    return SQL("INSERT INTO {} ({}) SELECT {} FROM {} t, generate_series(1, {}) n").format(
        Identifier(table),
        SQL(", ").join(map(Identifier, columns)),
        SQL(", ").join(values),
        Identifier(table),
        Literal(copies),
    )


def _value(table: str, column: str, strides: Mapping[str, int]) -> Composable:
    value = SQL("t.{}").format(Identifier(column))
    if column in STRIDED[table]:
        return value + SQL(" + n * {}").format(Literal(strides[STRIDED[table][column]]))
    if column in SUFFIXED.get(table, ()):
        return value + SQL(" || '-' || n")
    return value
