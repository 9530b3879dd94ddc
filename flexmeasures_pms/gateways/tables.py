"""Gateways and their keys. A gateway has two keys while one replaces the other."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from flexmeasures_pms.registry.tables import UTC_NOW, account_column, metadata

# Scope: compared ids such as ``pms:PMS-1``; NULL is the whole organisation. They are text,
# not references: when a device is deleted, a key must never cover more than before.
gateway = sa.Table(
    "pms_gateway",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_key", sa.Text, nullable=False),
    sa.Column("devices", ARRAY(sa.Text)),
    sa.Column("requests_per_minute", sa.Integer),
    sa.Column("samples_per_minute", sa.Integer),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("cardinality(devices) > 0", name="devices"),
    sa.Index(
        "pms_gateway_name_idx",
        "account_id",
        "name_key",
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    ),
)

gateway_key = sa.Table(
    "pms_gateway_key",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "gateway_id",
        sa.BigInteger,
        sa.ForeignKey("pms_gateway.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("digest", BYTEA, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    sa.Index("pms_gateway_key_gateway_idx", "gateway_id"),
)
