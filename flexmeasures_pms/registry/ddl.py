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
    RAISE EXCEPTION 'pms_transaction is append-only: % is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$ LANGUAGE plpgsql
"""
APPEND_ONLY_TRIGGER = """
CREATE TRIGGER pms_transaction_append_only BEFORE UPDATE OR DELETE ON pms_transaction
    FOR EACH ROW EXECUTE FUNCTION pms_transaction_append_only()
"""

# An asset that is deleted or linked changes what a process may remember of a trackable.
# The version's row is taken before anything is marked with it: who has read a version has
# seen all that is marked with that or an earlier one.
ASSET_CHANGED = """
CREATE OR REPLACE FUNCTION pms_trackable_asset_changed() RETURNS trigger AS $$
BEGIN
    WITH changed AS (
        SELECT a.id, a.account_id FROM new_rows a JOIN old_rows b ON a.id = b.id
        WHERE a.asset_id IS DISTINCT FROM b.asset_id
            OR a.parent_asset_id IS DISTINCT FROM b.parent_asset_id
    ), versions AS (
        UPDATE pms_registry_version SET version = nextval('pms_registry_version_seq')
        WHERE account_id IN (SELECT account_id FROM changed)
        RETURNING account_id, version
    )
    INSERT INTO pms_registry_change (trackable_id, account_id, version)
        SELECT c.id, v.account_id, v.version
        FROM changed c JOIN versions v ON v.account_id = c.account_id
    ON CONFLICT (trackable_id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END
$$ LANGUAGE plpgsql
"""
ASSET_CHANGED_TRIGGER = """
CREATE TRIGGER pms_trackable_asset_changed AFTER UPDATE ON pms_trackable
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION pms_trackable_asset_changed()
"""

FUNCTIONS = (APPEND_ONLY, ASSET_CHANGED)
TRIGGERS = (APPEND_ONLY_TRIGGER, ASSET_CHANGED_TRIGGER)
DROP_FUNCTIONS = (
    "DROP FUNCTION IF EXISTS pms_transaction_append_only() CASCADE",
    "DROP FUNCTION IF EXISTS pms_trackable_asset_changed() CASCADE",
)


def attach(metadata: sa.MetaData, trackable: sa.Table, transaction: sa.Table) -> None:
    """Have ``create_all`` make the extension, the sequence and the triggers as well."""
    for statement in (EXTENSION, VERSIONS, *FUNCTIONS):
        sa.event.listen(metadata, "before_create", _execution(statement))
    sa.event.listen(transaction, "after_create", _execution(APPEND_ONLY_TRIGGER))
    sa.event.listen(trackable, "after_create", _execution(ASSET_CHANGED_TRIGGER))


def _execution(statement: str) -> Callable[..., None]:
    def execute(_target: object, connection: sa.Connection, **_: object) -> None:
        connection.execute(sa.text(statement))

    return execute
