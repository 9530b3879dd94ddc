"""Which registered things a change concerned: the others may be remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flexmeasures_pms.registry import ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DROP_TRIGGER = "DROP TRIGGER IF EXISTS pms_trackable_asset_changed ON pms_trackable"
FUNCTION_BEFORE = """
CREATE OR REPLACE FUNCTION pms_trackable_asset_changed() RETURNS trigger AS $$
BEGIN
    UPDATE pms_registry_version SET version = nextval('pms_registry_version_seq')
        WHERE account_id = NEW.account_id;
    RETURN NULL;
END
$$ LANGUAGE plpgsql
"""
TRIGGER_BEFORE = """
CREATE TRIGGER pms_trackable_asset_changed
    AFTER UPDATE OF asset_id, parent_asset_id ON pms_trackable
    FOR EACH ROW WHEN (OLD.asset_id IS DISTINCT FROM NEW.asset_id
        OR OLD.parent_asset_id IS DISTINCT FROM NEW.parent_asset_id)
    EXECUTE FUNCTION pms_trackable_asset_changed()
"""


def upgrade() -> None:
    trackable = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    account = sa.ForeignKey("account.id", ondelete="CASCADE")
    op.create_table(
        "pms_registry_change",
        sa.Column("trackable_id", sa.BigInteger, trackable, primary_key=True),
        sa.Column("account_id", sa.Integer, account, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("pms_registry_change_account_idx", "account_id", "version"),
    )
    # What lacks its asset is looked for after each change.
    op.create_index(
        "pms_trackable_no_asset_idx",
        "pms_trackable",
        ["account_id"],
        postgresql_where=sa.text(
            "asset_id IS NULL AND kind IN ('pms', 'cabinet', 'case', 'mppt', 'inverter')"
        ),
    )
    for statement in (DROP_TRIGGER, ddl.ASSET_CHANGED, ddl.ASSET_CHANGED_TRIGGER):
        op.execute(statement)


def downgrade() -> None:
    for statement in (DROP_TRIGGER, FUNCTION_BEFORE, TRIGGER_BEFORE):
        op.execute(statement)
    op.drop_index("pms_trackable_no_asset_idx", "pms_trackable")
    op.drop_table("pms_registry_change")
