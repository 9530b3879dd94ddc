"""What FlexMeasures deletes is forgotten here too, and locks nothing early."""

from __future__ import annotations

from alembic import op

from flexmeasures_pms.registry import ddl

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

DROP_TRIGGER = "DROP TRIGGER IF EXISTS pms_trackable_asset_changed ON pms_trackable"
FUNCTION_BEFORE = """
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
TRIGGER_BEFORE = """
CREATE TRIGGER pms_trackable_asset_changed AFTER UPDATE ON pms_trackable
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION pms_trackable_asset_changed()
"""
ORPHANS = "DELETE FROM pms_journal_turn WHERE account_id NOT IN (SELECT id FROM account)"
TURN_KEY = "pms_journal_turn_account_id_account_fkey"


def upgrade() -> None:
    for statement in (DROP_TRIGGER, ddl.ASSET_CHANGED, ddl.ASSET_CHANGED_TRIGGER):
        op.execute(statement)
    for statement in (
        ddl.BELIEFS_DELETED, ddl.DROP_BELIEFS_DELETED_TRIGGER, ddl.BELIEFS_DELETED_TRIGGER,
    ):  # fmt: skip
        op.execute(statement)
    op.execute(ORPHANS)
    op.create_foreign_key(
        TURN_KEY, "pms_journal_turn", "account", ["account_id"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    op.drop_constraint(TURN_KEY, "pms_journal_turn", type_="foreignkey")
    op.execute(ddl.DROP_BELIEFS_DELETED_TRIGGER)
    op.execute("DROP FUNCTION pms_beliefs_deleted()")
    for statement in (DROP_TRIGGER, FUNCTION_BEFORE, TRIGGER_BEFORE):
        op.execute(statement)
