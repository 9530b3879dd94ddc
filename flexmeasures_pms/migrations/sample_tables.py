"""What the log of samples needs of PostgreSQL besides its table: a partition, and triggers.

Used by the migration, and by ``metadata.create_all`` (FlexMeasures' ``db-ops reset`` and its
test fixtures make the tables that way).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

PREFIX = "pms_sample_"
"""Begin of the names of partitions."""

EARLIER = ("pms_ahead", "pms_board_report", "pms_repeat", "pms_repeat_bit")
"""Tables of before the log, which stay until it has what they tell."""

DEFAULT = f"""
    CREATE TABLE IF NOT EXISTS {PREFIX}default PARTITION OF pms_sample DEFAULT"""
"""What no partition of a day has."""

_TRACKABLE_DELETED = """
CREATE OR REPLACE FUNCTION pms_trackable_deleted() RETURNS trigger AS $$
BEGIN
    DELETE FROM pms_sample WHERE subject_id IN (SELECT id FROM old_rows);
    RETURN NULL;
END
$$ LANGUAGE plpgsql SET search_path FROM CURRENT
"""
CREATE = (
    DEFAULT,
    _TRACKABLE_DELETED,
    "DROP TRIGGER IF EXISTS pms_trackable_deleted ON pms_trackable",
    "CREATE TRIGGER pms_trackable_deleted AFTER DELETE ON pms_trackable "
    "REFERENCING OLD TABLE AS old_rows "
    "FOR EACH STATEMENT EXECUTE FUNCTION pms_trackable_deleted()",
)
"""Statements that make them, also where they are there already."""

DROP = ("DROP FUNCTION IF EXISTS pms_trackable_deleted() CASCADE",)
"""Statements that drop the triggers."""

_NAMES = """
    SELECT c.relname, i.inhrelid IS NOT NULL FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = to_regclass('pms_sample')
    WHERE c.relkind = 'r' AND starts_with(c.relname, :prefix)
      AND c.relnamespace = current_schema()::regnamespace
    ORDER BY c.relname"""


def create(connection: sa.Connection) -> None:
    """Make the partition and the triggers."""
    for statement in CREATE:
        connection.execute(sa.text(statement))


def names(connection: sa.Connection, *, attached: bool = True) -> list[str]:
    """Return the names of the partitions, or of tables named so that are none any more."""
    found = connection.execute(sa.text(_NAMES), {"prefix": PREFIX})
    return [name for name, is_attached in found if is_attached == attached]


def is_adopted(connection: sa.Connection) -> bool:
    """Whether the log has what was stored before it."""
    left = sa.select(sa.func.to_regclass(EARLIER[0]), sa.func.to_regclass(EARLIER[2]))
    return not any(connection.execute(left).one())


def drop_earlier(connection: sa.Connection) -> None:
    """Drop the tables of before the log."""
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {', '.join(EARLIER)}"))


def attach(metadata: sa.MetaData) -> None:
    """Have ``create_all`` and ``drop_all`` keep to what are partitions.

    FlexMeasures' ``db-ops reset`` reads all tables of the database before, and takes partitions
    for tables of their own.
    """
    sa.event.listen(metadata, "after_create", _after_create)
    sa.event.listen(metadata, "before_drop", _before_drop)


def _after_create(_target: object, connection: sa.Connection, **event: Any) -> None:
    if not _concerned(event["tables"]):
        return
    for name in names(connection, attached=False):
        connection.execute(sa.text(f"DROP TABLE {name}"))
    create(connection)


def _before_drop(metadata: sa.MetaData, connection: sa.Connection, **event: Any) -> None:
    if not _concerned(event["tables"]):
        return
    for name in names(connection):
        connection.execute(sa.text(f"ALTER TABLE pms_sample DETACH PARTITION {name}"))
        if name not in metadata.tables:
            connection.execute(sa.text(f"DROP TABLE {name}"))


def _concerned(tables: Collection[sa.Table]) -> bool:
    return any(table.name == "pms_sample" for table in tables)
