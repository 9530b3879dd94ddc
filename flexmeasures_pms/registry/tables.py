"""The registry's tables, in FlexMeasures' own metadata.

Installations are bitemporal: ``valid`` is when a part was in its place, ``known`` is
when that was believed. A row is never edited, except that ``known`` is closed when
something else becomes known; what is believed now has an open ``known``.

The same tables are written by hand in ``migrations/scripts/versions``; a test compares both.
"""

from __future__ import annotations

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, UUID, ExcludeConstraint

from flexmeasures_pms.registry import ddl
from flexmeasures_pms.registry.kinds import KINDS

metadata: sa.MetaData = db.metadata

UTC_NOW = sa.text("clock_timestamp()")

_COMPONENTS = ", ".join(f"'{k.name}'" for k in KINDS.values() if k.trackable_class == "component")
WITHOUT_ASSET = f"asset_id IS NULL AND kind NOT IN ({_COMPONENTS})"
"""The condition for what should have an asset and lacks it: components never have one."""


def account_column(*, primary_key: bool = False) -> sa.Column[int]:
    """Return the column of a row's organisation; the row is deleted with the organisation."""
    key = sa.ForeignKey("account.id", ondelete="CASCADE")
    return sa.Column("account_id", sa.Integer, key, nullable=False, primary_key=primary_key)


def trackable_reference(name: str, *, primary_key: bool = False) -> sa.Column[int]:
    """Return a column that refers to a trackable."""
    key = sa.ForeignKey("pms_trackable.id", ondelete="CASCADE")
    return sa.Column(name, sa.BigInteger, key, nullable=False, primary_key=primary_key)


def _asset_reference(name: str) -> sa.Column[int]:
    key = sa.ForeignKey("generic_asset.id", ondelete="SET NULL")
    return sa.Column(name, sa.Integer, key, nullable=True)


trackable = sa.Table(
    "pms_trackable",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("ident", sa.Text, nullable=False),
    sa.Column("ident_key", sa.Text, nullable=False),
    _asset_reference("asset_id"),
    sa.Column("docks", sa.Integer),
    sa.Column("timezone", sa.Text),
    sa.Column("latitude", sa.Float(53)),
    sa.Column("longitude", sa.Float(53)),
    _asset_reference("parent_asset_id"),
    # False until its asset was made. An asset that was deleted in FlexMeasures since is not made
    # again before the thing is registered again.
    sa.Column("provisioned", sa.Boolean, nullable=False, server_default=sa.false()),
    # As it is known now; what was known earlier is in the transactions.
    sa.Column("retired_at", sa.DateTime(timezone=True)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW),
    sa.UniqueConstraint("account_id", "kind", "ident_key", name="pms_trackable_ident_key"),
    sa.Index("pms_trackable_ident_idx", "ident_key"),
    sa.Index("pms_trackable_asset_idx", "asset_id"),
    sa.Index("pms_trackable_parent_asset_idx", "parent_asset_id"),
    # What is retired and reports is told in the fleet.
    sa.Index(
        "pms_trackable_retired_idx",
        "account_id",
        postgresql_where=sa.text("retired_at IS NOT NULL"),
    ),
    # What should have an asset and lacks it: left out of the fleet.
    sa.Index(
        "pms_trackable_no_asset_idx",
        "account_id",
        postgresql_where=sa.text(WITHOUT_ASSET),
    ),
)

alias = sa.Table(
    "pms_alias",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    trackable_reference("trackable_id"),
    sa.Column("alias", sa.Text, nullable=False),
    sa.Column("alias_key", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=UTC_NOW),
    sa.UniqueConstraint("account_id", "alias_key", name="pms_alias_alias_key"),
    sa.Index("pms_alias_trackable_idx", "trackable_id"),
    sa.Index("pms_alias_alias_idx", "alias_key"),
)

installation = sa.Table(
    "pms_installation",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    trackable_reference("part_id"),
    trackable_reference("assembly_id"),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("place", sa.Integer),
    sa.Column("valid", TSTZRANGE, nullable=False),
    sa.Column("known", TSTZRANGE, nullable=False),
    sa.Column("request_id", UUID(as_uuid=True), nullable=False),
    # Two installations of one part never overlap in time, as far as was ever believed.
    ExcludeConstraint(
        ("part_id", "="),
        ("valid", "&&"),
        ("known", "&&"),
        name="pms_installation_part_excl",
        using="gist",
    ),
    # Nor do two parts in one place. A case that no dock is known of has no place.
    ExcludeConstraint(
        ("assembly_id", "="),
        ("slot", "="),
        ("place", "="),
        ("valid", "&&"),
        ("known", "&&"),
        name="pms_installation_place_excl",
        using="gist",
    ),
    sa.CheckConstraint("NOT isempty(valid) AND NOT isempty(known)", name="ranges"),
    sa.CheckConstraint("part_id <> assembly_id", name="itself"),
    sa.Index("pms_installation_account_idx", "account_id"),
    sa.Index("pms_installation_part_idx", "part_id", postgresql_where=sa.text("upper_inf(known)")),
    sa.Index(
        "pms_installation_assembly_idx",
        "assembly_id",
        postgresql_where=sa.text("upper_inf(known)"),
    ),
)

transaction = sa.Table(
    "pms_transaction",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    account_column(),
    sa.Column("request_id", UUID(as_uuid=True), nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("effective_at", sa.DateTime(timezone=True)),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    trackable_reference("trackable_id"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("ident", sa.Text, nullable=False),
    sa.Column("before", JSONB(none_as_null=True)),
    sa.Column("after", JSONB(none_as_null=True)),
    sa.Column("note", sa.Text),
    # What a business event has: why, the code of a fault, who did it where that is not the author,
    # the sender's own document, and findings and measurements.
    sa.Column("cause", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("person", sa.Text),
    sa.Column("document", sa.Text),
    sa.Column("details", JSONB(none_as_null=True)),
    sa.Index("pms_transaction_account_idx", "account_id", "recorded_at"),
    sa.Index("pms_transaction_feed_idx", "account_id", "id"),
    sa.Index("pms_transaction_trackable_idx", "trackable_id"),
)

registry_version = sa.Table(
    "pms_registry_version",
    metadata,
    account_column(primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)

# Things that were registered already, by the version that last changed them, or what is
# in them. Who remembers an earlier version forgets these.
registry_change = sa.Table(
    "pms_registry_change",
    metadata,
    trackable_reference("trackable_id", primary_key=True),
    account_column(),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("pms_registry_change_account_idx", "account_id", "version"),
)

# Things of which a change is registered, and not yet what follows from it: whether their assets
# are to be made or updated, and whether waiting samples of them are to be replayed.
pending = sa.Table(
    "pms_pending",
    metadata,
    trackable_reference("trackable_id", primary_key=True),
    account_column(),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("asset", sa.Boolean, nullable=False),
    sa.Column("replay", sa.Boolean, nullable=False),
    sa.Index("pms_pending_account_idx", "account_id", "since"),
)

ddl.attach(metadata, trackable, transaction)
