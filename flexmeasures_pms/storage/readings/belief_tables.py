"""The tables that beliefs are written to: one for each year in which readings were received.

Each inherits from FlexMeasures' ``timed_belief``, so that all of FlexMeasures finds its rows
there. It has a key, an index, and no foreign keys (``migrations/belief_tables.py`` has triggers
instead): with commit, COPY of 2,016 beliefs takes a third of the time that it takes with the
five indexes of ``timed_belief``, 12.6 ms instead of 36.2 ms, and two thirds of the disk.

They are few, because each is looked at for each reading that is searched.

A row is in one of them, or in ``timed_belief`` itself: no key says so, but the key of the log,
which tells what is written already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from flask import current_app

from flexmeasures_pms.deadline import at_most
from flexmeasures_pms.migrations.belief_tables import PREFIX
from flexmeasures_pms.storage.engine import own_engine

AHEAD = timedelta(days=7)
"""How long before a year begins its table is made, at the earliest."""

_WAIT_SECONDS = 5.0
# A table that is there is not touched: to look for its index locks it against writers.
MAKE = """
    SELECT pg_advisory_xact_lock(hashtext('pms_beliefs'));
    DO $$ BEGIN
      IF to_regclass('{name}') IS NULL THEN
        CREATE TABLE {name} (PRIMARY KEY (event_start, sensor_id, source_id))
          INHERITS (timed_belief);
        CREATE INDEX {name}_sensor_idx ON {name} (sensor_id, event_start);
      END IF;
    END $$"""
"""Statements that make a table, unless it is there."""

_made: set[str] = set()
_lock = Lock()  # a worker has several threads


def table_of(received: datetime) -> str:
    """Return the name of the table of a year, in UTC."""
    return f"{PREFIX}{received.astimezone(UTC).year}"


def make(received: datetime) -> None:
    """Make the table of a year, in a transaction of its own, unless it is there.

    Only who makes such a table, or vacuums ``timed_belief``, waits for its lock: so a request
    can make it while it holds locks itself.

    :raises OperationalError: when that takes too long.
    """
    name = table_of(received)
    with _own_cursor() as cursor:
        wait = round(at_most(_WAIT_SECONDS) * 1000)
        cursor.execute(f"SET LOCAL lock_timeout = {wait}; SET LOCAL statement_timeout = {wait}")
        cursor.execute(MAKE.format(name=name))
    with _lock:
        _made.add(name)


def make_ahead(now: datetime) -> None:
    """Make the table of the next year shortly before it begins."""
    name = table_of(now + AHEAD)
    if name not in _made and name != table_of(now):
        make(now + AHEAD)


@contextmanager
def _own_cursor() -> Iterator[Any]:
    # Not from the pool: each of its connections may be held by a request that waits for this.
    with closing(own_engine(current_app).raw_connection()) as connection:
        with closing(connection.cursor()) as cursor:
            yield cursor
        connection.commit()
