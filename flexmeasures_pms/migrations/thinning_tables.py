"""What thinning of beliefs needs of PostgreSQL: tables that are being made, and a trigger.

While the first beliefs of each five minutes of a week are copied to a table that nobody sees yet,
beliefs of that week may be deleted. A trigger on the table of the week does the same there.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from flexmeasures_pms.migrations.belief_tables import COLUMNS, names

PREFIX = "pms_thinning_"
"""Begin of the names of tables that are being made: nobody sees them as beliefs."""

STEP = "5 minutes"
"""Of each of them the first belief is left, of a sensor and source."""

ORIGIN = "2000-01-01 00:00+00"
"""One of them begins at this time."""

# A row has gone from its week, or has another value: those of its five minutes are looked at
# again, if that was done before.
_CHANGED = f"""
CREATE OR REPLACE FUNCTION pms_belief_changed() RETURNS trigger AS $$
DECLARE
    first timestamptz := date_bin('{STEP}', OLD.event_start, timestamptz '{ORIGIN}');
    thinned text := '{PREFIX}' || TG_ARGV[0];
    done int;
BEGIN
    EXECUTE format('DELETE FROM %I WHERE sensor_id = $1 AND source_id = $2
        AND event_start >= $3 AND event_start < $3 + interval ''{STEP}''', thinned)
        USING OLD.sensor_id, OLD.source_id, first;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done > 0 THEN
        EXECUTE format('INSERT INTO %I ({COLUMNS}) SELECT {COLUMNS} FROM %I
            WHERE sensor_id = $1 AND source_id = $2
            AND event_start >= $3 AND event_start < $3 + interval ''{STEP}''
            ORDER BY event_start LIMIT 1', thinned, TG_TABLE_NAME)
            USING OLD.sensor_id, OLD.source_id, first;
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""  # noqa: S608 - our names
_UNSEEN = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND starts_with(relname, :prefix)
    AND relnamespace = current_schema()::regnamespace"""
_RENAME = """
    ALTER TABLE {old} RENAME TO {new};
    ALTER INDEX IF EXISTS {old}_pkey RENAME TO {new}_pkey;
    ALTER INDEX IF EXISTS {old}_sensor_idx RENAME TO {new}_sensor_idx"""
_MERGE = f"""
    INSERT INTO {{new}} ({COLUMNS}) SELECT {COLUMNS} FROM {{old}} ON CONFLICT DO NOTHING;
    DROP TABLE {{old}}"""  # noqa: S608 - our names
_YEAR = re.compile(r"pms_beliefs_(\d{4})")


def create(connection: sa.Connection) -> None:
    """Make the trigger's function, and forget what was begun."""
    connection.execute(sa.text(_CHANGED))
    forget(connection)


def drop(connection: sa.Connection) -> None:
    """Drop what is not finished, and the function with its triggers."""
    forget(connection)
    connection.execute(sa.text("DROP FUNCTION IF EXISTS pms_belief_changed() CASCADE"))


def forget(connection: sa.Connection) -> None:
    """Drop the tables that are being made, and their triggers: their weeks still have all."""
    for (name,) in connection.execute(sa.text(_UNSEEN), {"prefix": PREFIX}).all():
        week = name.replace(PREFIX, "pms_beliefs_", 1)
        connection.execute(sa.text(f"DROP TABLE {name}"))
        if week in names(connection):
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS pms_belief_changed ON {week}"))


def rename_years(connection: sa.Connection, now: datetime) -> None:
    """Let tables of what was received in a year be thinned as one week.

    That of this year becomes the table of this week: more is received in it until its end.
    """
    there = names(connection)
    year, week, _ = now.isocalendar()
    for name in there:
        if found := _YEAR.fullmatch(name):
            this = int(found[1]) == now.year
            new = f"pms_beliefs_{year}_w{week:02}" if this else f"{name}_w00"
            statement = _MERGE if new in there else _RENAME
            connection.execute(sa.text(statement.format(old=name, new=new)))


def attach(metadata: sa.MetaData) -> None:
    """Have ``create_all`` make the function as well."""
    sa.event.listen(metadata, "after_create", _after_create)


def _after_create(_target: object, connection: sa.Connection, **_: Any) -> None:
    create(connection)
