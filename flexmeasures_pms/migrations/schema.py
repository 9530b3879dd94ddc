"""The plugin's tables and the code: bring them together, and tell when they differ."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flexmeasures.data import db

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.gateways import tables as gateway_tables
from flexmeasures_pms.registry import tables
from flexmeasures_pms.storage import tables as storage_tables

PREFIX = "pms_"
VERSION_TABLE = "pms_alembic_version"
UPGRADE = "flexmeasures pms db upgrade"

TABLES: tuple[sa.Table, ...] = (
    tables.trackable,
    tables.alias,
    tables.installation,
    tables.transaction,
    tables.registry_version,
    tables.registry_change,
    storage_tables.quarantine,
    storage_tables.board_report,
    gateway_tables.gateway,
    gateway_tables.gateway_key,
    storage_tables.receipt,
    storage_tables.receipt_hour,
    storage_tables.journal,
    storage_tables.journal_lane,
    storage_tables.latest,
    storage_tables.repeat,
    storage_tables.repeat_bit,
    storage_tables.recording,
)
"""The plugin's tables, each after those that it refers to."""


def _is_own(_thing: object, name: str | None, type_: str, *_: object) -> bool:
    return type_ != "table" or ((name or "").startswith(PREFIX) and name != VERSION_TABLE)


OPTIONS: dict[str, Any] = {
    "version_table": VERSION_TABLE,
    "target_metadata": tables.metadata,
    "include_object": _is_own,
    "compare_server_default": False,
}


def head() -> str:
    """Return the revision that this code needs."""
    return _scripts().get_current_head() or ""


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the database's tables, or None if it has none yet."""
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def check(connection: sa.Connection) -> None:
    """Make sure that the tables are those of this code.

    :raises SchemaError: naming the command that mends it.
    """
    found = current(connection)
    if found == head():
        return
    if found is not None and found not in _revisions():
        raise SchemaError(
            f"The tables of flexmeasures-pms are at revision {found}, which is newer than this "
            "version of the plugin knows: install the version that made them."
        )
    state = "missing" if found is None else f"behind the code (at {found}, needed {head()})"
    raise SchemaError(f"The tables of flexmeasures-pms are {state}: run `{UPGRADE}`.")


def upgrade() -> str:
    """Bring the tables to this code's revision and return it.

    FlexMeasures' ``db-ops reset`` re-creates the tables but not what is written in the
    version table. Tables that were found like that are made anew if they are empty
    (nothing says who made them, or how well), and taken for current if they are not.

    :raises SchemaError: if FlexMeasures' own tables are not there yet.
    """
    with db.engine.begin() as connection:
        existing = set(sa.inspect(connection).get_table_names())
        if "generic_asset" not in existing:
            raise SchemaError(
                "FlexMeasures' own tables are missing: run `flexmeasures db upgrade`."
            )
        config = _config(connection)
        if current(connection) is None:
            _adopt(connection, config, existing)
        command.upgrade(config, "head")
    return head()


def _adopt(connection: sa.Connection, config: Config, existing: set[str]) -> None:
    found = [t for t in TABLES if t.name in existing]
    if not found:
        return
    if any(connection.execute(sa.select(t).limit(1)).first() for t in found):
        command.stamp(config, "head")
    else:
        drop(connection)


def drop(connection: sa.Connection) -> None:
    """Drop the plugin's tables.

    One by one: ``metadata.drop_all`` would take types of FlexMeasures' tables along.
    """
    for table in reversed(TABLES):
        table.drop(connection, checkfirst=True)


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "scripts"))
    config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


@cache
def _revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())
