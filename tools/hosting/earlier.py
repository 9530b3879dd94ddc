"""Upgrade tables of each earlier revision, with rows of that time, and compare the rows.

Run by the Python that has the plugin, as ``earlier.py URI``. All of it is rolled back.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))

from support import rows

from flexmeasures_pms.migrations import schema

NUMBER = 1_000_000
OWNERS = (
    "INSERT INTO account (id, name, attributes) VALUES (:number, 'earlier', '{}')",
    "INSERT INTO data_source (id, name, type) VALUES (:number, 'earlier', 'earlier')",
)


def main(uri: str) -> int:
    """Print a line for each revision, and return the exit code."""
    engine = sa.create_engine(uri)
    lost = 0
    for revision in reversed(schema.revisions()):
        with engine.connect() as connection, connection.begin() as transaction:
            faults, number = upgraded_from(revision, connection)
            transaction.rollback()
        lost += len(faults)
        print(f"  from {revision}: {number} rows, {len(faults)} not kept", *faults, sep="\n    ")
    return 1 if lost else 0


def upgraded_from(revision: str, connection: sa.Connection) -> tuple[list[str], int]:
    """Return which rows of a revision an upgrade does not keep, and how many there were."""
    for owner in OWNERS:
        connection.execute(sa.text(owner), {"number": NUMBER})
    config = schema.config(connection)
    command.upgrade(config, revision)
    before = rows.fill(connection, NUMBER, NUMBER)
    command.upgrade(config, "head")
    schema.check(connection)
    return rows.lacking(before, rows.snapshot(connection)), sum(map(len, before.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
