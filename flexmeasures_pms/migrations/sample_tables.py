"""What the log of samples needs of PostgreSQL besides tables: functions and triggers.

Used by the migration, and by ``metadata.create_all`` (FlexMeasures' ``db-ops reset`` and its
test fixtures make the tables that way).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

EARLIER = ("pms_ahead", "pms_board_report", "pms_repeat", "pms_repeat_bit")
"""Tables of before the log, which stay until it has what they tell."""

# Makes samples of folded days again, as they were: of all days, or of some. Whoever calls it has
# locked the thing. Whole numbers are divided by a power of ten, which IEEE 754 rounds correctly,
# as numpy does. "{first}" is where a part of a day begins.
_THAW = """
CREATE OR REPLACE FUNCTION pms_thaw(thing bigint, days date[] DEFAULT NULL) RETURNS void AS $$
DECLARE
    one record;
    part record;
    times bigint[];
    arrays text;
    columns text;
    readings text;
BEGIN
    IF to_regclass('pms_day') IS NULL THEN
        RETURN;
    END IF;
    FOR one IN SELECT * FROM pms_day WHERE subject_id = thing
        AND (days IS NULL OR day = ANY (days)) ORDER BY day, device_id FOR UPDATE
    LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pms_day_reading
            WHERE subject_id = thing AND day = one.day AND device_id = one.device_id);
        times := array(SELECT sum(gap) OVER (ORDER BY n)
            FROM unnest(one.gaps) WITH ORDINALITY AS u (gap, n) ORDER BY n);
        FOR part IN
            SELECT start, coalesce(lead(start) OVER (ORDER BY start) - 1, one.samples) AS until
            FROM (SELECT DISTINCT {first} AS start FROM pms_day_reading
                WHERE subject_id = thing AND day = one.day AND device_id = one.device_id) p
            ORDER BY start
        LOOP
            WITH kept AS (
                SELECT place, decimals, CASE WHEN small IS NOT NULL THEN 'small'
                    WHEN numbers IS NOT NULL THEN 'numbers' ELSE 'doubles' END AS form
                FROM pms_day_reading
                WHERE subject_id = thing AND day = one.day AND device_id = one.device_id
                    AND {first} = part.start
            )
            SELECT
                string_agg(', (SELECT ' || form || ' FROM pms_day_reading WHERE subject_id = $1'
                    || ' AND day = $2 AND device_id = $3 AND place = ' || place
                    || ' AND {first} = ' || part.start || ')', '' ORDER BY place),
                string_agg(CASE WHEN form IS NOT NULL THEN ', r' || place END, '' ORDER BY place),
                string_agg(CASE form WHEN 'doubles' THEN 'r' || place
                    WHEN 'small' THEN 'coalesce(nullif(r' || place || ', -32768) / 1e' || decimals
                        || '::float8, ''NaN'')'
                    WHEN 'numbers' THEN 'coalesce(nullif(r' || place || ', -2147483648) / 1e'
                        || decimals || '::float8, ''NaN'')'
                    ELSE quote_literal('NaN') END, ', ' ORDER BY place)
                INTO arrays, columns, readings
                FROM generate_series(0, (SELECT max(place) FROM kept)) AS p (place)
                LEFT JOIN kept USING (place);
            CONTINUE WHEN readings IS NULL;
            EXECUTE 'INSERT INTO pms_sample '
                || '(event_time, repeats, device_id, subject_id, source_id, board_id, readings) '
                || 'SELECT $2::timestamp AT TIME ZONE ''UTC'' + time * interval ''1 millisecond'','
                || ' coalesce(repeats, 0), $3, $1, $4, board, ARRAY[' || readings || ']::float8[] '
                || 'FROM unnest($5, $6, $7' || arrays || ') AS u (time, repeats, board'
                || columns || ')'
                USING thing::int, one.day, one.device_id, one.source_id,
                    times[part.start:part.until], one.repeats[part.start:part.until],
                    one.boards[part.start:part.until];
        END LOOP;
        DELETE FROM pms_day_reading
            WHERE subject_id = thing AND day = one.day AND device_id = one.device_id;
        DELETE FROM pms_level WHERE subject_id = thing AND minutes IN (15, 60, 360)
            AND day = one.day AND device_id = one.device_id;
        DELETE FROM pms_day
            WHERE subject_id = thing AND day = one.day AND device_id = one.device_id;
    END LOOP;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
# Deletes the readings of some places from folded days of a thing, where each sample has another
# reading: where one would be left with none, the day has to be thawed. Levels are matrices of a row
# for each place (storage/log/levels.py). Whoever calls it has locked the thing.
_DROP_READINGS = """
CREATE OR REPLACE FUNCTION pms_drop_readings(thing bigint, lost int[], bits bigint)
RETURNS void AS $$
DECLARE
    one record;
    gone int;
BEGIN
    IF to_regclass('pms_day') IS NULL THEN
        RETURN;
    END IF;
    FOR one IN SELECT day, device_id FROM pms_day d WHERE subject_id = thing AND EXISTS (
            SELECT FROM pms_day_reading r WHERE r.subject_id = thing AND r.day = d.day
                AND r.device_id = d.device_id AND r.place = ANY (lost)
        ) AND EXISTS (
            SELECT FROM pms_day_reading r WHERE r.subject_id = thing AND r.day = d.day
                AND r.device_id = d.device_id AND r.place <> ALL (lost)
            GROUP BY r.place
            HAVING bool_and(array_position(r.small, '-32768'::smallint) IS NULL
                AND array_position(r.numbers, '-2147483648'::int) IS NULL
                AND array_position(r.doubles, 'NaN'::float8) IS NULL)
        ) ORDER BY day, device_id FOR UPDATE
    LOOP
        UPDATE pms_day SET repeats = array(
            SELECT n.bits & ~$3 FROM unnest(repeats) WITH ORDINALITY AS n (bits, n) ORDER BY n.n)
            WHERE subject_id = thing AND day = one.day AND device_id = one.device_id
                AND repeats IS NOT NULL;
        FOR gone IN
            WITH deleted AS (
                DELETE FROM pms_day_reading WHERE subject_id = thing AND day = one.day
                    AND device_id = one.device_id AND place = ANY (lost) RETURNING place
            )
            SELECT DISTINCT place FROM deleted
        LOOP
            UPDATE pms_level l SET
                places = overlay(places PLACING '' FROM 2 * k.row + 1 FOR 2),
                low = overlay(low PLACING '' FROM 8 * k.row * k.spans + 1 FOR 8 * k.spans),
                high = overlay(high PLACING '' FROM 8 * k.row * k.spans + 1 FOR 8 * k.spans),
                total = overlay(total PLACING '' FROM 8 * k.row * k.spans + 1 FOR 8 * k.spans),
                count = overlay(count PLACING '' FROM 4 * k.row * k.spans + 1 FOR 4 * k.spans),
                last = overlay(last PLACING '' FROM 8 * k.row * k.spans + 1 FOR 8 * k.spans),
                newest = overlay(newest PLACING '' FROM 4 * k.row * k.spans + 1 FOR 4 * k.spans)
            FROM (
                SELECT v.minutes, n AS row, length(v.begins) / 4 AS spans
                FROM pms_level v, generate_series(0, length(v.places) / 2 - 1) AS n
                WHERE v.subject_id = thing AND v.minutes IN (15, 60, 360) AND v.day = one.day
                    AND v.device_id = one.device_id
                    AND get_byte(v.places, 2 * n) + 256 * get_byte(v.places, 2 * n + 1) = gone
            ) k
            WHERE l.subject_id = thing AND l.minutes = k.minutes AND l.day = one.day
                AND l.device_id = one.device_id;
        END LOOP;
    END LOOP;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
_IS_FOLDED = """
CREATE OR REPLACE FUNCTION pms_is_folded(things bigint[], days date[]) RETURNS boolean AS $$
BEGIN
    IF to_regclass('pms_day') IS NULL THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM pms_day WHERE subject_id = ANY (things) AND day = ANY (days));
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
_TRACKABLE_DELETED = """
CREATE OR REPLACE FUNCTION pms_trackable_deleted() RETURNS trigger AS $$
BEGIN
    DELETE FROM pms_sample WHERE subject_id IN (SELECT id FROM old_rows);
    IF to_regclass('pms_day') IS NOT NULL THEN
        DELETE FROM pms_day_reading WHERE subject_id IN (SELECT id FROM old_rows);
        DELETE FROM pms_level WHERE subject_id IN (SELECT id FROM old_rows);
        DELETE FROM pms_day WHERE subject_id IN (SELECT id FROM old_rows);
    END IF;
    IF to_regclass('pms_day_rest') IS NOT NULL THEN
        DELETE FROM pms_day_rest WHERE subject_id IN (SELECT id FROM old_rows);
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
FUNCTIONS = (_THAW.replace("{first}", "first"), _DROP_READINGS, _IS_FOLDED, _TRACKABLE_DELETED)
CREATE = (
    *FUNCTIONS,
    "DROP TRIGGER IF EXISTS pms_trackable_deleted ON pms_trackable",
    "CREATE TRIGGER pms_trackable_deleted AFTER DELETE ON pms_trackable "
    "REFERENCING OLD TABLE AS old_rows "
    "FOR EACH STATEMENT EXECUTE FUNCTION pms_trackable_deleted()",
)
"""Statements that make them, also where they are there already."""

DROP = (
    "DROP FUNCTION IF EXISTS pms_trackable_deleted() CASCADE",
    "DROP FUNCTION IF EXISTS pms_drop_readings(bigint, int[], bigint)",
    "DROP FUNCTION IF EXISTS pms_thaw(bigint, date[])",
    "DROP FUNCTION IF EXISTS pms_is_folded(bigint[], date[])",
)
"""Statements that drop the functions, with their triggers."""


def create(connection: sa.Connection) -> None:
    """Make the functions and the triggers."""
    for statement in CREATE:
        connection.execute(sa.text(statement))


def replace_functions(connection: sa.Connection) -> None:
    """Make the functions anew, which locks no table."""
    for statement in FUNCTIONS:
        connection.execute(sa.text(statement))


def create_thaw(connection: sa.Connection, *, parts: bool) -> None:
    """Make the function that makes samples again.

    :param parts: of days in parts; otherwise of whole ones.
    """
    connection.execute(sa.text(_THAW.replace("{first}", "first" if parts else "1")))


def is_adopted(connection: sa.Connection) -> bool:
    """Whether the log has what was stored before it."""
    left = sa.select(sa.func.to_regclass(EARLIER[0]), sa.func.to_regclass(EARLIER[2]))
    return not any(connection.execute(left).one())


def drop_earlier(connection: sa.Connection) -> None:
    """Drop the tables of before the log."""
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {', '.join(EARLIER)}"))


def attach(metadata: sa.MetaData) -> None:
    """Have ``create_all`` make them as well."""
    sa.event.listen(metadata, "after_create", _after_create)


def _after_create(_target: object, connection: sa.Connection, **event: Any) -> None:
    if any(table.name == "pms_sample" for table in event["tables"]):
        create(connection)
