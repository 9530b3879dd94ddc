"""Bringing the plugin's tables back to an earlier revision, or removing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from alembic import command
from flexmeasures.data import db

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.migrations import schema

NOTHING = "none"
"""The name of the revision without tables, as ``flexmeasures pms db current`` prints it."""

_IN_PARTS = """
    SELECT count(*), coalesce(sum(samples), 0) FROM pms_day d WHERE EXISTS (
      SELECT FROM pms_day_reading r WHERE r.subject_id = d.subject_id AND r.day = d.day
      AND r.device_id = d.device_id AND r.first > 1)"""

_KEPT = {"pms_day_reading": {"first"}}
"""Columns of which nothing is lost: the days that they are needed for become samples."""

_Shape = Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a downgrade drops.

    :param table: its name.
    :param column: its name, or None for the whole table.
    :param rows: how many rows the table has, or have something in the column.
    """

    table: str
    column: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Losses:
    """What a downgrade from one revision to another drops.

    :param lost: the tables and columns that are not empty.
    :param thawed: folded days of things that become samples again, and how many samples.
    """

    before: str
    target: str
    lost: tuple[Loss, ...]
    thawed: tuple[int, int] = (0, 0)


def losses(target: str, waiting: Callable[[], None] = lambda: None) -> Losses | None:
    """Find out what a downgrade would drop, by making it and rolling it back.

    :param target: a revision, or :data:`NOTHING`.
    :param waiting: called before it waits for an upgrade that runs.
    :returns: None if the tables are there already.
    :raises SchemaError: for a revision that is unknown, or newer than the tables.
    """
    with db.engine.begin() as connection:
        schema.take_turns(connection, waiting)
        before = _before(connection, target)
        if before is None:
            return None
        shape = _shape(connection)
        with connection.begin_nested() as attempt:
            _downgrade(connection, target, trial=True)
            after = _shape(connection)
            attempt.rollback()
        lost = tuple(loss for loss in _dropped(connection, shape, after) if loss.rows)
        thawed = _thawed(connection, shape, after)
    return Losses(before, target, lost, thawed)


def downgrade(planned: Losses, waiting: Callable[[], None] = lambda: None) -> None:
    """Make a downgrade.

    :raises SchemaError: if the tables are at another revision meanwhile.
    """
    with db.engine.begin() as connection:
        schema.take_turns(connection, waiting)
        if _before(connection, planned.target) != planned.before:
            raise SchemaError("The tables were changed meanwhile: nothing was done.")
        _downgrade(connection, planned.target)


def forget_revisions() -> None:
    """Drop the table of the revision: the last trace of the plugin's tables."""
    with db.engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {schema.VERSION_TABLE}"))


def _downgrade(connection: sa.Connection, target: str, *, trial: bool = False) -> None:
    configured = schema.config(connection, trial=trial)
    command.downgrade(configured, "base" if target == NOTHING else target)


def _thawed(connection: sa.Connection, shape: _Shape, after: _Shape) -> tuple[int, int]:
    """Return how many folded days an earlier version can't read, and their samples."""
    table = "pms_day_reading"
    if table not in after or "first" not in shape[table] or "first" in after[table]:
        return 0, 0
    days, samples = connection.execute(sa.text(_IN_PARTS)).one()
    return int(days), int(samples)


def _before(connection: sa.Connection, target: str) -> str | None:
    """Return the revision of the tables, or None if it is the target.

    :raises SchemaError: as :func:`losses`.
    """
    found = schema.known_revision(connection)
    if found is None and schema.own_tables(connection):
        schema.check(connection)  # raises: the revision is missing
    if (found or NOTHING) == target:
        return None
    order = (*schema.revisions(), NOTHING)
    if target not in order:
        raise SchemaError(
            f"There is no revision {target!r}: the plugin has {order[-2]} to {order[0]}, and "
            f"`{NOTHING}` for no tables."
        )
    if order.index(target) < order.index(found or NOTHING):
        raise SchemaError(
            f"The tables are at revision {found or NOTHING}, which is older than {target}: "
            f"`{schema.UPGRADE}` brings them forward."
        )
    return found


def _shape(connection: sa.Connection) -> _Shape:
    """Return the default of each column of each table of the plugin."""
    inspector = sa.inspect(connection)
    return {
        table: {column["name"]: column["default"] for column in inspector.get_columns(table)}
        for table in schema.own_tables(connection)
    }


def _dropped(connection: sa.Connection, before: _Shape, after: _Shape) -> Iterator[Loss]:
    quote = connection.dialect.identifier_preparer.quote

    def rows(table: str, condition: str = "true") -> int:
        query = f"SELECT count(*) FROM {quote(table)} WHERE {condition}"  # noqa: S608 - our names
        return int(connection.scalar(sa.text(query)) or 0)

    for table, columns in sorted(before.items()):
        if table not in after:
            yield Loss(table, None, rows(table))
            continue
        for name in columns.keys() - after[table].keys() - _KEPT.get(table, set()):
            used = f"{quote(name)} IS DISTINCT FROM {columns[name] or 'NULL'}"
            yield Loss(table, name, rows(table, used))


def total(lost: Sequence[Loss]) -> int:
    """Return how many rows of whole tables are lost."""
    return sum(loss.rows for loss in lost if loss.column is None)
