"""The registry, the quarantine, and which board reported what."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TSTZRANGE, UUID, ExcludeConstraint

from flexmeasures_pms.registry import ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CLOCK = sa.text("clock_timestamp()")
TABLES = (
    "pms_board_report",
    "pms_quarantine",
    "pms_registry_version",
    "pms_transaction",
    "pms_installation",
    "pms_alias",
    "pms_trackable",
)


def upgrade() -> None:
    op.execute(ddl.EXTENSION)
    op.execute(ddl.VERSIONS)
    _create_trackable()
    _create_alias()
    _create_installation()
    _create_transaction()
    _create_version()
    _create_quarantine()
    _create_board_report()
    for statement in (*ddl.FUNCTIONS, *ddl.TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for statement in ddl.DROP_FUNCTIONS:
        op.execute(statement)
    for table in TABLES:
        op.drop_table(table)
    op.execute(ddl.DROP_VERSIONS)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, primary_key=True)


def _account(*, primary_key: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey("account.id", ondelete="CASCADE")
    return sa.Column("account_id", sa.Integer, key, nullable=False, primary_key=primary_key)


def _trackable(name: str) -> sa.Column[int]:
    key = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    return sa.Column(name, sa.BigInteger, key, nullable=False)


def _asset(name: str) -> sa.Column[int]:
    key = sa.ForeignKey("generic_asset.id", ondelete="SET NULL")
    return sa.Column(name, sa.Integer, key)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _created(name: str = "created_at") -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=CLOCK)


def _create_trackable() -> None:
    op.create_table(
        "pms_trackable",
        _id(),
        _account(),
        _text("kind"),
        _text("ident"),
        _text("ident_key"),
        _asset("asset_id"),
        sa.Column("docks", sa.Integer),
        sa.Column("timezone", sa.Text),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("longitude", sa.Float(53)),
        _asset("parent_asset_id"),
        _created(),
        sa.UniqueConstraint("account_id", "kind", "ident_key", name="pms_trackable_ident_key"),
    )
    op.create_index("pms_trackable_ident_idx", "pms_trackable", ["ident_key"])
    op.create_index("pms_trackable_asset_idx", "pms_trackable", ["asset_id"])
    op.create_index("pms_trackable_parent_asset_idx", "pms_trackable", ["parent_asset_id"])


def _create_alias() -> None:
    op.create_table(
        "pms_alias",
        _id(),
        _account(),
        _trackable("trackable_id"),
        _text("alias"),
        _text("alias_key"),
        _created(),
        sa.UniqueConstraint("account_id", "alias_key", name="pms_alias_alias_key"),
    )
    op.create_index("pms_alias_trackable_idx", "pms_alias", ["trackable_id"])
    op.create_index("pms_alias_alias_idx", "pms_alias", ["alias_key"])


def _create_installation() -> None:
    times = (("valid", "&&"), ("known", "&&"))
    place = (("assembly_id", "="), ("slot", "="), ("place", "="))
    op.create_table(
        "pms_installation",
        _id(),
        _account(),
        _trackable("part_id"),
        _trackable("assembly_id"),
        _text("slot"),
        sa.Column("place", sa.Integer),
        sa.Column("valid", TSTZRANGE, nullable=False),
        sa.Column("known", TSTZRANGE, nullable=False),
        sa.Column("request_id", UUID(as_uuid=True), nullable=False),
        ExcludeConstraint(
            ("part_id", "="), *times, name="pms_installation_part_excl", using="gist"
        ),
        ExcludeConstraint(*place, *times, name="pms_installation_place_excl", using="gist"),
        sa.CheckConstraint(
            "NOT isempty(valid) AND NOT isempty(known)",
            name=op.f("pms_installation_ranges_ck"),
        ),
        sa.CheckConstraint("part_id <> assembly_id", name=op.f("pms_installation_itself_ck")),
    )
    op.create_index("pms_installation_account_idx", "pms_installation", ["account_id"])
    for name in ("part", "assembly"):
        op.create_index(
            f"pms_installation_{name}_idx",
            "pms_installation",
            [f"{name}_id"],
            postgresql_where=sa.text("upper_inf(known)"),
        )


def _create_transaction() -> None:
    op.create_table(
        "pms_transaction",
        _id(),
        _account(),
        sa.Column("request_id", UUID(as_uuid=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True)),
        _text("author"),
        _text("verb"),
        _trackable("trackable_id"),
        _text("kind"),
        _text("ident"),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.Column("note", sa.Text),
    )
    columns = ["account_id", "recorded_at"]
    op.create_index("pms_transaction_account_idx", "pms_transaction", columns)
    op.create_index("pms_transaction_trackable_idx", "pms_transaction", ["trackable_id"])


def _create_version() -> None:
    op.create_table(
        "pms_registry_version",
        _account(primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_quarantine() -> None:
    op.create_table(
        "pms_quarantine",
        _id(),
        _account(),
        _text("dataset"),
        _text("content_type"),
        _text("reason"),
        _text("path"),
        sa.Column("device_id", sa.Text),
        sa.Column("pack_id", sa.Text),
        sa.Column("event_time", sa.DateTime(timezone=True)),
        _text("text"),
        _text("message"),
        sa.Column("digest", BYTEA, nullable=False),
        _text("sender"),
        _created("received_at"),
        sa.Column("discarded_at", sa.DateTime(timezone=True)),
        sa.Column("discarded_by", sa.Text),
        sa.Column("note", sa.Text),
        sa.UniqueConstraint("account_id", "dataset", "digest", name="pms_quarantine_digest_key"),
    )
    op.create_index(
        "pms_quarantine_waiting_idx",
        "pms_quarantine",
        ["account_id", "reason"],
        postgresql_where=sa.text("discarded_at IS NULL"),
    )


def _create_board_report() -> None:
    source = sa.ForeignKey("data_source.id", ondelete="CASCADE")
    op.create_table(
        "pms_board_report",
        _trackable("board_id"),
        sa.Column("event_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_id", sa.Integer, source, nullable=False),
        _trackable("case_id"),
        sa.PrimaryKeyConstraint("board_id", "event_start", "source_id"),
    )
    columns = ["case_id", "event_start"]
    op.create_index("pms_board_report_case_idx", "pms_board_report", columns)
