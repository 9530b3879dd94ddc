"""Bringing the plugin's tables to the revision of the code, and checking that they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flexmeasures.data import db

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.migrations import belief_tables, sample_tables, thinning_tables

PREFIX = "pms_"
VERSION_TABLE = "pms_alembic_version"
UPGRADE = "flexmeasures pms db upgrade"
ADOPT = "flexmeasures pms adopt"
_LOCK = "pms_db_upgrade"
_TRIGGERS = f"""
    SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE starts_with(t.tgname, '{PREFIX}') AND NOT t.tgisinternal
      AND NOT starts_with(c.relname, '{PREFIX}')
      AND c.relnamespace = current_schema()::regnamespace"""  # noqa: S608 - our names


def _is_own(name: str | None) -> bool:
    name = name or ""
    ours = name.startswith(PREFIX) and name != VERSION_TABLE
    # Tables of beliefs are parts of FlexMeasures' table, not the plugin's own.
    return ours and not name.startswith((belief_tables.PREFIX, thinning_tables.PREFIX))


def _is_compared(_thing: object, name: str | None, type_: str, *_: object) -> bool:
    return type_ != "table" or (_is_own(name) and name not in sample_tables.EARLIER)


OPTIONS: dict[str, Any] = {
    "version_table": VERSION_TABLE,
    "target_metadata": db.metadata,
    "include_object": _is_compared,
    "compare_server_default": False,
}


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade found and left.

    :param before: the revision that was recorded, or None.
    :param after: this code's.
    """

    before: str | None
    after: str


def head() -> str:
    """Return the revision that this code needs."""
    return _scripts().get_current_head() or ""


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the database's tables, or None if none is recorded.

    :raises SchemaError: if several are recorded.
    """
    options = {"version_table": VERSION_TABLE}
    found = MigrationContext.configure(connection, opts=options).get_current_heads()
    if len(found) > 1:
        raise SchemaError(
            f"The table {VERSION_TABLE} has {len(found)} rows ({', '.join(sorted(found))}), and "
            "should have one: delete those that are not the revision of the tables."
        )
    return found[0] if found else None


def check(connection: sa.Connection) -> None:
    """Make sure that the tables are those of this code, and have what was stored before.

    :raises SchemaError: naming the command that fixes it.
    """
    check_revision(connection)
    if not sample_tables.is_adopted(connection):
        raise SchemaError(
            "What an earlier version of flexmeasures-pms stored is not in the log of samples yet: "
            f"run `{ADOPT}`."
        )


def check_revision(connection: sa.Connection) -> None:
    """Make sure that the tables are those of this code.

    :raises SchemaError: naming the command that fixes it.
    """
    found = known_revision(connection)
    if found == head():
        return
    if found is not None:
        state = f"The tables of flexmeasures-pms are behind the code (at {found}, needed {head()})"
    elif own_tables(connection):
        state = "The revision of the tables of flexmeasures-pms is missing"
    else:
        state = "The tables of flexmeasures-pms are missing"
    raise SchemaError(f"{state}: run `{UPGRADE}`.")


def known_revision(connection: sa.Connection) -> str | None:
    """Return the revision of the database's tables, as :func:`current`.

    :raises SchemaError: also for one of a newer version of the plugin.
    """
    found = current(connection)
    if found is not None and found not in revisions():
        raise SchemaError(
            f"The tables of flexmeasures-pms are at revision {found}, which this version of the "
            f"plugin does not know (its newest is {head()}): install the version that made them."
        )
    return found


def upgrade(waiting: Callable[[], None] = lambda: None) -> Upgraded:
    """Bring the tables to this code's revision. Upgrades wait for each other.

    FlexMeasures' ``db-ops reset`` re-creates the tables but not what is written in the
    version table. Such tables are created again if they are empty, because their revision is
    unknown. If they have rows, they are taken for current where they look like that.

    :param waiting: called before it waits for another upgrade.
    :raises SchemaError: if FlexMeasures' own tables are not there yet, or the revision of the
        plugin's is unknown.
    """
    with db.engine.begin() as connection:
        take_turns(connection, waiting)
        if not sa.inspect(connection).has_table("generic_asset"):
            raise SchemaError(
                "FlexMeasures' own tables are missing: run `flexmeasures db upgrade`."
            )
        configured = config(connection)
        before = known_revision(connection)
        if before is None:
            _adopt(connection, configured)
        command.upgrade(configured, "head")
    return Upgraded(before, head())


def take_turns(connection: sa.Connection, waiting: Callable[[], None]) -> None:
    """Wait for another change of this database's tables; a server may have several databases."""
    lock = sa.func.hashtext(_LOCK)
    if not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(lock))):
        waiting()
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))


def _adopt(connection: sa.Connection, configured: Config) -> None:
    tables = own_tables(connection)
    if not any(_has_rows(connection, name) for name in tables):
        if tables:
            drop(connection)
        return
    context = MigrationContext.configure(connection, opts=OPTIONS)
    if compare_metadata(context, OPTIONS["target_metadata"]):
        raise SchemaError(
            f"The table {VERSION_TABLE} has lost its row, and the tables are not those of "
            f"revision {head()}, which this version of the plugin needs. Install the version that "
            f"they were last upgraded with, run `{UPGRADE}` there, and then upgrade again."
        )
    # No table or column shows whether these are there.
    belief_tables.create(connection)
    thinning_tables.create(connection)
    sample_tables.create(connection)
    command.stamp(configured, "head")


def _has_rows(connection: sa.Connection, table: str) -> bool:
    query = sa.select(sa.exists().select_from(sa.table(table)))
    return bool(connection.execute(query).scalar())


def drop(connection: sa.Connection) -> None:
    """Drop the plugin's tables.

    In one statement, which needs no order: ``metadata.drop_all`` would take types of
    FlexMeasures' tables along.
    """
    names = ", ".join(map(connection.dialect.identifier_preparer.quote, own_tables(connection)))
    if names:
        # What is on FlexMeasures' own tables does not go with ours.
        for trigger, table in connection.execute(sa.text(_TRIGGERS)).all():
            connection.execute(sa.text(f"DROP TRIGGER {trigger} ON {table}"))
        connection.execute(sa.text(f"DROP TABLE {names}"))


def own_tables(connection: sa.Connection) -> list[str]:
    """Return the plugin's tables in the database."""
    return [name for name in sa.inspect(connection).get_table_names() if _is_own(name)]


def config(connection: sa.Connection | None = None, *, trial: bool = False) -> Config:
    """Return Alembic's configuration for work on a connection.

    :param trial: whether the work is rolled back, to find out what it would do.
    """
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent / "scripts"))
    found.attributes["connection"] = connection
    found.attributes["trial"] = trial
    return found


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


@cache
def revisions() -> tuple[str, ...]:
    """Return all revisions, the newest first."""
    return tuple(script.revision for script in _scripts().walk_revisions())
