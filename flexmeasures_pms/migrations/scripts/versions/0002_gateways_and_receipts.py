"""Gateways' keys, and the receipts of what was sent."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("pms_receipt_hour", "pms_receipt", "pms_gateway_key", "pms_gateway")
COUNTS = (
    "samples", "stored", "duplicate", "quarantined", "no_answer", "faulty", "late", "beliefs",
)  # fmt: skip


def upgrade() -> None:
    _create_gateway()
    _create_gateway_key()
    _create_receipt()
    _create_receipt_hour()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _account() -> sa.Column[int]:
    key = sa.ForeignKey("account.id", ondelete="CASCADE")
    return sa.Column("account_id", sa.Integer, key, nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _created() -> sa.Column[datetime]:
    clock = sa.text("clock_timestamp()")
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=clock)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _create_gateway() -> None:
    op.create_table(
        "pms_gateway",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _account(),
        _text("name"),
        _text("name_key"),
        sa.Column("devices", ARRAY(sa.Text)),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("samples_per_minute", sa.Integer),
        _created(),
        _time("revoked_at"),
        sa.CheckConstraint("cardinality(devices) > 0", name=op.f("pms_gateway_devices_ck")),
    )
    op.create_index(
        "pms_gateway_name_idx",
        "pms_gateway",
        ["account_id", "name_key"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def _create_gateway_key() -> None:
    gateway = sa.ForeignKey("pms_gateway.id", ondelete="CASCADE")
    op.create_table(
        "pms_gateway_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("gateway_id", sa.BigInteger, gateway, nullable=False),
        sa.Column("digest", BYTEA, nullable=False),
        _created(),
        _time("expires_at"),
        _time("last_used_at"),
    )
    op.create_index("pms_gateway_key_gateway_idx", "pms_gateway_key", ["gateway_id"])


def _create_receipt() -> None:
    op.create_table(
        "pms_receipt",
        sa.Column("id", sa.BigInteger, primary_key=True),
        _account(),
        _time("received_at", nullable=False),
        _text("sender"),
        sa.Column("key_id", sa.Text),
        _text("dataset"),
        sa.Column("digest", BYTEA, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS),
        sa.Column("duration_ms", sa.Integer, nullable=False),
    )
    op.create_index("pms_receipt_account_idx", "pms_receipt", ["account_id", "id"])
    op.create_index("pms_receipt_received_idx", "pms_receipt", ["received_at"])


def _create_receipt_hour() -> None:
    receipt = sa.ForeignKey("pms_receipt.id", ondelete="CASCADE")
    op.create_table(
        "pms_receipt_hour",
        sa.Column("receipt_id", sa.BigInteger, receipt, nullable=False),
        sa.Column("device_id", sa.BigInteger, nullable=False),
        _time("hour", nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("packs", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", "device_id", "hour"),
    )
    op.create_index("pms_receipt_hour_device_idx", "pms_receipt_hour", ["device_id", "hour"])
