"""The tables that beliefs are written to: one for each week in which readings were received.

What is thinned later goes into one for each year of its own time (``thinning.py``).

Each inherits from FlexMeasures' ``timed_belief``, so that all of FlexMeasures finds its rows
there. It has a key, an index, and no foreign keys (``migrations/belief_tables.py`` has triggers
instead): with commit, COPY of 2,016 beliefs takes a third of the time that it takes with the
five indexes of ``timed_belief``, 12.6 ms instead of 36.2 ms, and two thirds of the disk.

They are few, because each is looked at for each reading that is searched: where nothing is
thinned, there is one for each year instead of each week.

A row is in one of them, or in ``timed_belief`` itself: no key says so, but the key of the log,
which tells what is written already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.config import settings
from flexmeasures_pms.deadline import at_most
from flexmeasures_pms.migrations.belief_tables import PREFIX, names
from flexmeasures_pms.storage.engine import own_engine

AHEAD = timedelta(days=1)
"""How long before a week begins its table is made, at the earliest."""

_WEEK = timedelta(days=7)
_NAME = re.compile(rf"{PREFIX}(\d{{4}})_w(\d\d)")
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


@dataclass(frozen=True, slots=True)
class Received:
    """A table of what was received in a week, or in a year.

    :param end: from then on nothing is written to it.
    """

    name: str
    end: datetime


def table_of(received: datetime) -> str:
    """Return the name of the table for what is received at a time: of its ISO week, in UTC."""
    day = received.astimezone(UTC)
    if not settings().belief_days:
        return f"{PREFIX}{day.year}_w00"
    year, week, _ = day.isocalendar()
    return f"{PREFIX}{year}_w{week:02}"


def table_of_year(event: datetime) -> str:
    """Return the name of the table for what was thinned, of the year of its event in UTC."""
    return f"{PREFIX}{event.astimezone(UTC).year}"


def received_tables(connection: sa.Connection) -> list[Received]:
    """Return the tables of weeks and years of receipt, the oldest first."""
    found = (_received(name) for name in names(connection))
    return sorted((one for one in found if one), key=attrgetter("end", "name"))


def _received(name: str) -> Received | None:
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    year, week = int(parts[1]), int(parts[2])
    if week == 0:
        return Received(name, datetime(year + 1, 1, 1, tzinfo=UTC))
    monday = datetime.combine(date.fromisocalendar(year, week, 1), time(), UTC)
    return Received(name, monday + _WEEK)


def make(name: str) -> None:
    """Make a table, in a transaction of its own, unless it is there.

    Only who makes such a table, or vacuums ``timed_belief``, waits for its lock: so a request
    can make it while it holds locks itself.

    :raises OperationalError: when that takes too long.
    """
    with _own_cursor() as cursor:
        wait = round(at_most(_WAIT_SECONDS) * 1000)
        cursor.execute(f"SET LOCAL lock_timeout = {wait}; SET LOCAL statement_timeout = {wait}")
        cursor.execute(MAKE.format(name=name))


def make_ahead(now: datetime) -> str | None:
    """Make the next table shortly before it is needed; return its name if there was none."""
    name = table_of(now + AHEAD)
    if name == table_of(now) or name in names(db.session.connection()):
        return None
    make(name)
    return name


@contextmanager
def _own_cursor() -> Iterator[Any]:
    # Not from the pool: each of its connections may be held by a request that waits for this.
    with closing(own_engine(current_app).raw_connection()) as connection:
        with closing(connection.cursor()) as cursor:
            yield cursor
        connection.commit()
