"""Products, parties, batches, sites, where things come from, and what transactions carry."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

from flexmeasures_pms.registry import ddl

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TABLES = (
    "pms_master_transaction", "pms_order_request", "pms_site", "pms_origin", "pms_batch",
    "pms_product", "pms_party",
)  # fmt: skip
_CARRIED = (
    ("cause", sa.Text),
    ("code", sa.Text),
    ("person", sa.Text),
    ("document", sa.Text),
)


def upgrade() -> None:
    _create_party()
    _create_product()
    _create_batch()
    _create_origin()
    _create_site()
    op.create_table(
        "pms_order_request",
        _account(),
        _text("key"),
        sa.Column("digest", BYTEA, nullable=False),
        sa.Column("answer", JSONB, nullable=False),
        _created(),
        sa.PrimaryKeyConstraint("account_id", "key"),
    )
    for name, kind in _CARRIED:
        op.add_column("pms_transaction", sa.Column(name, kind))
    op.add_column("pms_transaction", sa.Column("details", JSONB))
    op.create_index("pms_transaction_feed_idx", "pms_transaction", ["account_id", "id"])
    _create_master_transaction()


def downgrade() -> None:
    op.drop_index("pms_transaction_feed_idx", "pms_transaction")
    for name in ("details", *(name for name, _ in _CARRIED)):
        op.drop_column("pms_transaction", name)
    for table in _TABLES:
        op.drop_table(table)


def _account() -> sa.Column[int]:
    key = sa.ForeignKey("account.id", ondelete="CASCADE")
    return sa.Column("account_id", sa.Integer, key, nullable=False)


def _trackable() -> sa.Column[int]:
    key = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    return sa.Column("trackable_id", sa.BigInteger, key, primary_key=True)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _reference(name: str, table: str, *, nullable: bool = True) -> sa.Column[int]:
    key = sa.ForeignKey(f"{table}.id", ondelete="SET NULL" if nullable else "CASCADE")
    return sa.Column(name, sa.BigInteger, key, nullable=nullable)


def _created() -> sa.Column[datetime]:
    clock = sa.text("clock_timestamp()")
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=clock)


def _create_party() -> None:
    op.create_table(
        "pms_party",
        _id(),
        _account(),
        _text("name"),
        _text("name_key"),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        *(_text(n, nullable=True) for n in ("contact", "email", "phone", "address", "note")),
        _created(),
        sa.UniqueConstraint("account_id", "name_key", name="pms_party_name_key"),
    )


def _create_product() -> None:
    op.create_table(
        "pms_product",
        _id(),
        _account(),
        *(_text(name) for name in ("kind", "vendor", "model")),
        sa.Column("revision", sa.Text, nullable=False, server_default=""),
        _text("key"),
        _text("datasheet", nullable=True),
        sa.Column("parameters", JSONB, nullable=False, server_default="{}"),
        _text("note", nullable=True),
        _created(),
        sa.UniqueConstraint("account_id", "kind", "key", name="pms_product_key_key"),
    )


def _create_batch() -> None:
    op.create_table(
        "pms_batch",
        _id(),
        _account(),
        _reference("product_id", "pms_product", nullable=False),
        _text("lot"),
        _text("lot_key"),
        sa.Column("made_on", sa.Date),
        _reference("supplier_id", "pms_party"),
        _text("purchase", nullable=True),
        _text("note", nullable=True),
        _created(),
        sa.UniqueConstraint("product_id", "lot_key", name="pms_batch_lot_key"),
    )
    op.create_index("pms_batch_account_idx", "pms_batch", ["account_id"])
    op.create_index("pms_batch_supplier_idx", "pms_batch", ["supplier_id"])


def _create_origin() -> None:
    op.create_table(
        "pms_origin",
        _trackable(),
        _account(),
        _reference("product_id", "pms_product"),
        _reference("batch_id", "pms_batch"),
        _text("serial", nullable=True),
        sa.Column("made_on", sa.Date),
        _reference("supplier_id", "pms_party"),
        _text("purchase", nullable=True),
        sa.Column("purchased_on", sa.Date),
        sa.Column("warranty_until", sa.Date),
    )
    for column in ("account", "product", "batch", "supplier"):
        op.create_index(f"pms_origin_{column}_idx", "pms_origin", [f"{column}_id"])
    op.create_index(
        "pms_origin_serial_idx",
        "pms_origin",
        ["account_id", sa.text("lower(serial)")],
        postgresql_where=sa.text("serial IS NOT NULL"),
    )
    op.create_index(
        "pms_origin_warranty_idx",
        "pms_origin",
        ["account_id", "warranty_until"],
        postgresql_where=sa.text("warranty_until IS NOT NULL"),
    )


def _create_site() -> None:
    op.create_table(
        "pms_site",
        _trackable(),
        _account(),
        _reference("customer_id", "pms_party"),
        _text("address", nullable=True),
        _text("contact", nullable=True),
    )
    op.create_index("pms_site_customer_idx", "pms_site", ["customer_id"])
    op.create_index("pms_site_account_idx", "pms_site", ["account_id"])


def _create_master_transaction() -> None:
    op.create_table(
        "pms_master_transaction",
        sa.Column(
            "id",
            sa.BigInteger,
            primary_key=True,
            autoincrement=False,
            server_default=sa.text("nextval('pms_transaction_id_seq'::regclass)"),
        ),
        _account(),
        sa.Column("request_id", UUID(as_uuid=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        *(_text(name) for name in ("author", "verb", "kind")),
        sa.Column("record_id", sa.BigInteger, nullable=False),
        _text("name"),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        _text("note", nullable=True),
    )
    columns = {"feed": ["account_id", "id"], "record": ["kind", "record_id"]}
    for name, of in columns.items():
        op.create_index(f"pms_master_transaction_{name}_idx", "pms_master_transaction", of)
    op.execute(ddl.APPEND_ONLY)  # names the table
    op.execute(ddl.append_only_trigger("pms_master_transaction"))
