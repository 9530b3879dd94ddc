"""Tables of master data: what things are made of, from whom, and where sites are.

All of it is an organisation's own. It is changed with the registry, under the same lock, and each
change is recorded: of trackables in ``pms_transaction``, of the others in
``pms_master_transaction``. Both take their numbers from one sequence, so that a change feed has one
order.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

from flexmeasures_pms.registry import ddl
from flexmeasures_pms.registry.tables import (
    UTC_NOW,
    account_column,
    metadata,
    trackable_reference,
    transaction,
)

PARTY_ROLES = ("supplier", "customer", "partner", "service company")


def _reference(name: str, table: str, *, nullable: bool = True) -> sa.Column[int]:
    """Return a column that refers to master data; rows of it only go with their organisation."""
    key = sa.ForeignKey(f"{table}.id", ondelete="SET NULL" if nullable else "CASCADE")
    return sa.Column(name, sa.BigInteger, key, nullable=nullable)


def _created() -> sa.Column[datetime]:
    return sa.Column(
        "created_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW
    )


# Who things come from, go to, or are looked after by.
party = sa.Table(
    "pms_party",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_key", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("contact", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("note", sa.Text),
    _created(),
    sa.UniqueConstraint("account_id", "name_key", name="pms_party_name_key"),
)

# What a vendor makes: of which kind of trackable. ``key`` is what spellings of vendor, model and
# revision have in common. ``parameters`` are numbers and texts by name, with the unit in it.
product = sa.Table(
    "pms_product",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("vendor", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("revision", sa.Text, nullable=False, server_default=""),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("datasheet", sa.Text),
    sa.Column("parameters", JSONB, nullable=False, server_default="{}"),
    sa.Column("note", sa.Text),
    _created(),
    sa.UniqueConstraint("account_id", "kind", "key", name="pms_product_key_key"),
)

batch = sa.Table(
    "pms_batch",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    _reference("product_id", "pms_product", nullable=False),
    sa.Column("lot", sa.Text, nullable=False),
    sa.Column("lot_key", sa.Text, nullable=False),
    sa.Column("made_on", sa.Date),
    _reference("supplier_id", "pms_party"),
    sa.Column("purchase", sa.Text),
    sa.Column("note", sa.Text),
    _created(),
    sa.UniqueConstraint("product_id", "lot_key", name="pms_batch_lot_key"),
    sa.Index("pms_batch_account_idx", "account_id"),
    sa.Index("pms_batch_supplier_idx", "supplier_id"),
)

# Where a trackable comes from, as it is known now. What is not known is NULL; what its batch says
# is not repeated here.
origin = sa.Table(
    "pms_origin",
    metadata,
    trackable_reference("trackable_id", primary_key=True),
    account_column(),
    _reference("product_id", "pms_product"),
    _reference("batch_id", "pms_batch"),
    sa.Column("serial", sa.Text),
    sa.Column("made_on", sa.Date),
    _reference("supplier_id", "pms_party"),
    sa.Column("purchase", sa.Text),
    sa.Column("purchased_on", sa.Date),
    sa.Column("warranty_until", sa.Date),
    sa.Index("pms_origin_account_idx", "account_id"),
    sa.Index("pms_origin_product_idx", "product_id"),
    sa.Index("pms_origin_batch_idx", "batch_id"),
    sa.Index("pms_origin_supplier_idx", "supplier_id"),
    sa.Index(
        "pms_origin_serial_idx",
        "account_id",
        sa.text("lower(serial)"),
        postgresql_where=sa.text("serial IS NOT NULL"),
    ),
    sa.Index(
        "pms_origin_warranty_idx",
        "account_id",
        "warranty_until",
        postgresql_where=sa.text("warranty_until IS NOT NULL"),
    ),
)

# What a site has besides the time zone and location of its trackable.
site = sa.Table(
    "pms_site",
    metadata,
    trackable_reference("trackable_id", primary_key=True),
    account_column(),
    _reference("customer_id", "pms_party"),
    sa.Column("address", sa.Text),
    sa.Column("contact", sa.Text),
    sa.Index("pms_site_customer_idx", "customer_id"),
    sa.Index("pms_site_account_idx", "account_id"),
)

# Changes of parties, products and batches (``kind``): what they were, and what they are. Rows are
# only ever added.
master_transaction = sa.Table(
    "pms_master_transaction",
    metadata,
    sa.Column(
        "id",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=sa.text("nextval('pms_transaction_id_seq'::regclass)"),
    ),
    account_column(),
    sa.Column("request_id", UUID(as_uuid=True), nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("record_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("before", JSONB(none_as_null=True)),
    sa.Column("after", JSONB(none_as_null=True)),
    sa.Column("note", sa.Text),
    sa.Index("pms_master_transaction_feed_idx", "account_id", "id"),
    sa.Index("pms_master_transaction_record_idx", "kind", "record_id"),
)

# Requests of orders by the sender's key: a repeat is answered as the first was.
order_request = sa.Table(
    "pms_order_request",
    metadata,
    account_column(),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("answer", JSONB, nullable=False),
    _created(),
    sa.PrimaryKeyConstraint("account_id", "key"),
)

master_transaction.add_is_dependent_on(transaction)  # for its sequence
ddl.attach_append_only(master_transaction)
