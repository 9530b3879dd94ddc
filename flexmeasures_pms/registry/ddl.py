"""What the tables need of PostgreSQL besides tables: an extension and triggers.

Used by the migration, and by ``metadata.create_all`` (FlexMeasures' ``db-ops reset``
and its test fixtures make the tables that way).
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

EXTENSION = "CREATE EXTENSION IF NOT EXISTS btree_gist"

# A version number is never used twice, not even after a rollback: a process that kept
# a snapshot of a change which was undone can't take it for a later one.
VERSIONS = "CREATE SEQUENCE IF NOT EXISTS pms_registry_version_seq"
DROP_VERSIONS = "DROP SEQUENCE IF EXISTS pms_registry_version_seq"

APPEND_ONLY = """
CREATE OR REPLACE FUNCTION pms_transaction_append_only() RETURNS trigger AS $$
BEGIN
    -- A row goes only with its organisation: then a foreign key's trigger is above us.
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$ LANGUAGE plpgsql
"""


def append_only_trigger(table: str) -> str:
    """Return SQL for a trigger that refuses changes of a table's rows."""
    return f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION pms_transaction_append_only()"""


APPEND_ONLY_TRIGGER = append_only_trigger("pms_transaction")

# An asset that is deleted or linked changes what a process may remember of a trackable.
# FlexMeasures deletes assets early in transactions that go on to wait for requests, and requests
# wait for the version: so it is raised at the commit, once for each organisation.
# The version's row is taken before anything is marked with it: who has read a version has
# seen all that is marked with that or an earlier one.
ASSET_CHANGED = """
CREATE OR REPLACE FUNCTION pms_trackable_asset_changed() RETURNS trigger AS $$
DECLARE
    own text := 'pms.version_' || NEW.account_id;
    raised bigint := nullif(current_setting(own, true), '');
BEGIN
    IF raised IS NULL THEN
        UPDATE pms_registry_version SET version = nextval('pms_registry_version_seq')
            WHERE account_id = NEW.account_id RETURNING version INTO raised;
        IF raised IS NULL THEN  -- deleted with its organisation
            RETURN NULL;
        END IF;
        PERFORM set_config(own, raised::text, true);
    END IF;
    INSERT INTO pms_registry_change (trackable_id, account_id, version)
        SELECT id, account_id, raised FROM pms_trackable WHERE id = NEW.id
    ON CONFLICT (trackable_id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END
$$ LANGUAGE plpgsql
"""
ASSET_CHANGED_TRIGGER = """
CREATE CONSTRAINT TRIGGER pms_trackable_asset_changed AFTER UPDATE ON pms_trackable
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.asset_id IS DISTINCT FROM NEW.asset_id
        OR OLD.parent_asset_id IS DISTINCT FROM NEW.parent_asset_id)
    EXECUTE FUNCTION pms_trackable_asset_changed()
"""

TURNS = 64
"""Number of advisory locks of an organisation's things that have no row in ``pms_latest``."""

# All who write to things lock them in this order, with turns before rows.
TAKE_TURNS = """
CREATE OR REPLACE FUNCTION pms_take_turns(things bigint[]) RETURNS void AS $$
DECLARE
    taken int[] := '{}';
    lacking int[];
BEGIN
    LOOP
        lacking := array(
            SELECT DISTINCT (t.id % {TURNS})::int FROM pms_trackable t WHERE t.id = ANY (things)
            AND NOT EXISTS (SELECT FROM pms_latest l WHERE l.trackable_id = t.id));
        PERFORM pg_advisory_xact_lock(hashtext('pms_latest ' || m.account_id), m.turn)
            FROM (SELECT DISTINCT t.account_id, (t.id % {TURNS})::int AS turn FROM pms_trackable t
                WHERE t.id = ANY (things) AND (t.id % {TURNS})::int = ANY (lacking)
                ORDER BY t.account_id, turn) m;
        taken := taken || lacking;
        PERFORM FROM pms_latest WHERE trackable_id = ANY (things)
            ORDER BY trackable_id FOR UPDATE;
        -- A row that was waited for may have been deleted, and made again.
        EXIT WHEN NOT EXISTS (
            SELECT FROM pms_trackable t WHERE t.id = ANY (things)
            AND NOT (t.id % {TURNS})::int = ANY (taken)
            AND NOT EXISTS (SELECT FROM pms_latest l WHERE l.trackable_id = t.id FOR UPDATE));
    END LOOP;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
""".replace("{TURNS}", str(TURNS))

DROP_TAKE_TURNS = "DROP FUNCTION IF EXISTS pms_take_turns(bigint[])"

# Readings whose beliefs FlexMeasures deletes leave the log: with those that have no belief, since
# they repeat a deleted one or were thinned beside it, until the last that is deleted. What repeats
# it after that stays if there are later beliefs, and is written; where all that is later was
# deleted, it goes too. What left the log is stored when it is sent again. Latest readings that may
# rely on deleted ones go: the next request reads them again. All things are locked first: a request
# with late readings, too, compares them with the log, and must not meet readings that are about to
# go.
BELIEFS_DELETED = """
CREATE OR REPLACE FUNCTION pms_beliefs_deleted() RETURNS trigger AS $$
DECLARE
    things bigint[];
BEGIN
    IF current_setting('pms.beliefs_move', true) = 'on' OR to_regclass('pms_sample') IS NULL THEN
        RETURN NULL;
    END IF;
    things := array(
        SELECT t.id FROM pms_trackable t WHERE t.asset_id IN (
            SELECT s.generic_asset_id FROM sensor s WHERE s.id IN (
                SELECT sensor_id FROM old_rows WHERE belief_horizon = '0')));
    PERFORM pms_take_turns(things);
    PERFORM pms_thaw(d.id, d.days) FROM (
        SELECT t.id, array_agg(DISTINCT (o.event_start AT TIME ZONE 'UTC')::date) AS days
        FROM old_rows o
        JOIN sensor s ON s.id = o.sensor_id
        JOIN pms_trackable t ON t.asset_id = s.generic_asset_id
        WHERE o.belief_horizon = '0' GROUP BY t.id ORDER BY t.id) d;
    WITH gone AS MATERIALIZED (
        SELECT t.id AS subject_id, o.sensor_id, o.source_id, p.place, o.first, o.last,
            date_bin('15 minutes', o.last, timestamptz '2000-01-01 00:00+00')
                + interval '15 minutes' AS until,
            CASE WHEN p.place < 62 THEN 1::bigint << p.place ELSE 0 END AS bit,
            EXISTS (SELECT FROM timed_belief b WHERE b.sensor_id = o.sensor_id
                AND b.source_id = o.source_id AND b.event_start > o.last) AS goes_on
        FROM (
            SELECT sensor_id, source_id, min(event_start) AS first, max(event_start) AS last
            FROM old_rows WHERE belief_horizon = '0' GROUP BY sensor_id, source_id
        ) o
        JOIN sensor s ON s.id = o.sensor_id
        JOIN pms_trackable t ON t.asset_id = s.generic_asset_id
        JOIN pms_place p ON p.asset_type = t.kind AND p.sensor = s.name
    ), windows AS MATERIALIZED (
        SELECT subject_id, source_id, min(first) AS first, max(until) AS until
        FROM gone GROUP BY subject_id, source_id
    ), told AS (
        SELECT l.subject_id, l.device_id, l.event_time, g.sensor_id, g.source_id, g.place, g.bit,
            l.readings[g.place + 1] AS reading, l.repeats & g.bit <> 0
                OR (o.event_start IS NULL AND NOT EXISTS (
                    SELECT FROM timed_belief b WHERE b.event_start = l.event_time
                    AND b.sensor_id = g.sensor_id AND b.source_id = g.source_id
                    AND b.belief_horizon = '0')) AS repeats,
            o.event_start IS NOT NULL AS deleted, g.goes_on AND l.event_time > g.last AS stays
        FROM windows w
        JOIN pms_sample l ON l.subject_id = w.subject_id AND l.source_id = w.source_id
            AND l.event_time >= w.first AND l.event_time < w.until
        JOIN gone g ON g.subject_id = w.subject_id AND g.source_id = w.source_id
            AND l.event_time >= g.first AND l.event_time < g.until
        LEFT JOIN old_rows o ON o.event_start = l.event_time AND o.sensor_id = g.sensor_id
            AND o.source_id = g.source_id AND o.belief_horizon = '0'
        WHERE l.readings[g.place + 1] <> 'NaN'
    ), numbered AS (
        SELECT *, count(*) FILTER (WHERE NOT repeats) OVER (
            PARTITION BY subject_id, device_id, place ORDER BY event_time) AS written
        FROM told
    ), relying AS (
        SELECT *, bool_or(deleted AND NOT repeats) OVER (
                PARTITION BY subject_id, device_id, place, written) AS is_lost,
            row_number() OVER (PARTITION BY subject_id, device_id, place, written, stays
                ORDER BY event_time) AS nth
        FROM numbered
    ), lost AS (
        SELECT subject_id, device_id, event_time, sum(bit)::bigint AS bits,
            array_agg(place + 1) FILTER (WHERE NOT stays) AS places
        FROM relying WHERE is_lost AND (NOT stays OR nth = 1)
        GROUP BY subject_id, device_id, event_time
    ), blanked AS (
        UPDATE pms_sample l SET repeats = l.repeats & ~x.bits, readings = array(
            SELECT CASE WHEN r.n = ANY (x.places) THEN 'NaN' ELSE r.reading END
            FROM unnest(l.readings) WITH ORDINALITY AS r (reading, n) ORDER BY r.n)
        FROM lost x
        WHERE l.subject_id = x.subject_id AND l.event_time = x.event_time
            AND l.device_id = x.device_id
    )
    INSERT INTO timed_belief (event_start, belief_horizon, cumulative_probability, event_value,
            sensor_id, source_id)
        SELECT event_time, '0', 0.5, reading, sensor_id, source_id
        FROM relying WHERE is_lost AND stays AND nth = 1;
    DELETE FROM pms_sample l USING (
        SELECT t.id, min(o.event_start) AS first, max(o.event_start) AS last
        FROM old_rows o JOIN sensor s ON s.id = o.sensor_id
        JOIN pms_trackable t ON t.asset_id = s.generic_asset_id
        WHERE o.belief_horizon = '0' GROUP BY t.id
    ) d WHERE l.subject_id = d.id AND l.event_time >= d.first
        AND l.event_time < d.last + interval '15 minutes' AND 'NaN' = ALL (l.readings);
    DELETE FROM pms_latest l USING (
        SELECT t.id, max(o.event_start) AS last
        FROM old_rows o JOIN sensor s ON s.id = o.sensor_id
        JOIN pms_trackable t ON t.asset_id = s.generic_asset_id
        WHERE o.belief_horizon = '0' GROUP BY t.id
    ) d WHERE l.trackable_id = d.id AND l.event_time < d.last + interval '15 minutes';
    RETURN NULL;
END
$$ LANGUAGE plpgsql
"""
DROP_BELIEFS_DELETED_TRIGGER = "DROP TRIGGER IF EXISTS pms_beliefs_deleted ON timed_belief"
BELIEFS_DELETED_TRIGGER = """
CREATE TRIGGER pms_beliefs_deleted AFTER DELETE ON timed_belief
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION pms_beliefs_deleted()
"""

FUNCTIONS = (APPEND_ONLY, ASSET_CHANGED)
TRIGGERS = (APPEND_ONLY_TRIGGER, ASSET_CHANGED_TRIGGER)
DROP_FUNCTIONS = (
    "DROP FUNCTION IF EXISTS pms_transaction_append_only() CASCADE",
    "DROP FUNCTION IF EXISTS pms_trackable_asset_changed() CASCADE",
)


def attach(metadata: sa.MetaData, trackable: sa.Table, transaction: sa.Table) -> None:
    """Have ``create_all`` make the extension, the sequence and the triggers as well."""
    for statement in (EXTENSION, VERSIONS, *FUNCTIONS, TAKE_TURNS, BELIEFS_DELETED):
        sa.event.listen(metadata, "before_create", _execution(statement))
    for statement in (DROP_BELIEFS_DELETED_TRIGGER, BELIEFS_DELETED_TRIGGER):
        sa.event.listen(metadata, "after_create", _execution(statement))
    sa.event.listen(transaction, "after_create", _execution(APPEND_ONLY_TRIGGER))
    sa.event.listen(trackable, "after_create", _execution(ASSET_CHANGED_TRIGGER))


def attach_append_only(table: sa.Table) -> None:
    """Have ``create_all`` make the trigger that refuses changes of a table's rows."""
    sa.event.listen(table, "after_create", _execution(append_only_trigger(table.name)))


def _execution(statement: str) -> Callable[..., None]:
    def execute(_target: object, connection: sa.Connection, **_: object) -> None:
        connection.execute(sa.text(statement))

    return execute
