"""Bringing the plugin's tables to the revision of the code, and checking that they are."""

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

PREFIX = "pms_"
VERSION_TABLE = "pms_alembic_version"
UPGRADE = "flexmeasures pms db upgrade"


def _is_own(name: str | None) -> bool:
    return (name or "").startswith(PREFIX) and name != VERSION_TABLE


def _is_compared(_thing: object, name: str | None, type_: str, *_: object) -> bool:
    return type_ != "table" or _is_own(name)


OPTIONS: dict[str, Any] = {
    "version_table": VERSION_TABLE,
    "target_metadata": db.metadata,
    "include_object": _is_compared,
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

    :raises SchemaError: naming the command that fixes it.
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
    version table. Such tables are created again if they are empty, because their revision is
    unknown, and taken for current if they have rows.

    :raises SchemaError: if FlexMeasures' own tables are not there yet.
    """
    with db.engine.begin() as connection:
        if not sa.inspect(connection).has_table("generic_asset"):
            raise SchemaError(
                "FlexMeasures' own tables are missing: run `flexmeasures db upgrade`."
            )
        config = _config(connection)
        if current(connection) is None:
            _adopt(connection, config)
        command.upgrade(config, "head")
    return head()


def _adopt(connection: sa.Connection, config: Config) -> None:
    tables = _tables(connection)
    if any(_has_rows(connection, name) for name in tables):
        command.stamp(config, "head")
    elif tables:
        drop(connection)


def _has_rows(connection: sa.Connection, table: str) -> bool:
    query = sa.select(sa.exists().select_from(sa.table(table)))
    return bool(connection.execute(query).scalar())


def drop(connection: sa.Connection) -> None:
    """Drop the plugin's tables.

    In one statement, which needs no order: ``metadata.drop_all`` would take types of
    FlexMeasures' tables along.
    """
    names = ", ".join(map(connection.dialect.identifier_preparer.quote, _tables(connection)))
    if names:
        connection.execute(sa.text(f"DROP TABLE {names}"))


def _tables(connection: sa.Connection) -> list[str]:
    """Return the plugin's tables in the database."""
    return [name for name in sa.inspect(connection).get_table_names() if _is_own(name)]


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
