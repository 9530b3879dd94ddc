"""Thinning of beliefs: of what was received long ago the first of each five minutes is left.

The table of a week that is over is read in steps, each a short transaction, and what is left of it
is copied to a table that nobody sees yet. Then that takes the place of the week, which is dropped,
in one transaction: its disk is free at once, and no belief is seen twice. Last, the rows go to the
tables of the years of their events, again in steps. What is done can be seen from the tables, so
after a crash it goes on where it was.

Deletions wait for a step, and readers for the moment in which the week is dropped, if they are not
waited for themselves: each lock is tried for a short time only, and again later. Beliefs that are
deleted between two steps are gone from the copy too (``migrations/thinning_tables.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from psycopg2.errors import LockNotAvailable

from flexmeasures_pms.errors import MaintenanceError, StorageBusy
from flexmeasures_pms.migrations.belief_tables import COLUMNS, PREFIX, names
from flexmeasures_pms.migrations.thinning_tables import ORIGIN, STEP
from flexmeasures_pms.migrations.thinning_tables import PREFIX as THINNING
from flexmeasures_pms.storage.readings.belief_tables import make, received_tables, table_of_year

GoesOn = Callable[[], bool]
"""Whether there is time for one more step."""

AFTER = timedelta(hours=1)
"""How long a week is over at least: clocks of servers differ, and requests take their time."""

_THIN = "_thin"
"""End of the names of tables that have taken the place of a week."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_FIVE_MINUTES = timedelta(minutes=5)
_FIRST_SPAN, _LONGEST_SPAN = _FIVE_MINUTES, timedelta(days=1)
_QUICK_SECONDS, _SLOW_SECONDS = 0.5, 2.0
# Less than PostgreSQL's deadlock_timeout: who meets us in the other order goes on.
_PATIENCE = "SET LOCAL lock_timeout = '500ms'"
_TRIES, _PAUSE_SECONDS = 20, 0.5
_BIN = f"date_bin('{STEP}', {{}}event_start, timestamptz '{ORIGIN}')"
_BEGIN = """
    CREATE TABLE {thinning} (LIKE timed_belief INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
      PRIMARY KEY (event_start, sensor_id, source_id));
    CREATE INDEX ON {thinning} (sensor_id, event_start);
    CREATE TRIGGER pms_belief_changed AFTER DELETE OR UPDATE ON {week}
      FOR EACH ROW EXECUTE FUNCTION pms_belief_changed('{key}')"""
_NEXT = "SELECT min(event_start) FROM {table} WHERE event_start >= :begin"
_LAST = "SELECT max(event_start) FROM {thinning}"
_SLICE = "event_start >= :begin AND event_start < :end"
_COPY = f"""
    INSERT INTO {{thinning}} ({COLUMNS})
    SELECT DISTINCT ON (sensor_id, source_id, {_BIN.format("")}) {COLUMNS}
    FROM {{week}} WHERE {_SLICE}
    ORDER BY sensor_id, source_id, {_BIN.format("")}, event_start
    ON CONFLICT DO NOTHING"""  # noqa: S608 - our names
_COMPARE = f"""
    SELECT (SELECT count(*) FROM {{thinning}} WHERE {_SLICE}) AS copied,
      (SELECT count(*) FROM (SELECT FROM {{week}} WHERE {_SLICE}
        GROUP BY sensor_id, source_id, {_BIN.format("")}) g) AS wanted,
      (SELECT count(*) FROM (
        SELECT {COLUMNS} FROM {{thinning}} WHERE {_SLICE}
        EXCEPT SELECT {COLUMNS} FROM {{week}} WHERE {_SLICE}) d) AS different"""  # noqa: S608
_SWAP = """
    ALTER TABLE {thinning} RENAME TO {thin};
    ALTER TABLE {thin} INHERIT timed_belief;
    DROP TABLE {week}"""
# Not beside an earlier one of its five minutes, that was received before it.
_MOVE = f"""
    WITH taken AS (DELETE FROM {{thin}} WHERE {_SLICE} RETURNING {COLUMNS})
    INSERT INTO {{year}} ({COLUMNS}) SELECT {COLUMNS} FROM taken t
    WHERE NOT EXISTS (
      SELECT FROM {{year}} y WHERE y.sensor_id = t.sensor_id AND y.source_id = t.source_id
      AND y.event_start >= {_BIN.format("t.")} AND y.event_start <= t.event_start)
    ON CONFLICT DO NOTHING"""  # noqa: S608 - our names


@dataclass(slots=True)
class Thinned:
    """What was done.

    :param weeks: tables of weeks that were dropped.
    :param beliefs: that are left of them, and were moved.
    :param finished: whether nothing is left to do.
    """

    weeks: int = 0
    beliefs: int = 0
    finished: bool = True


def thin(
    before: datetime, goes_on: GoesOn = lambda: True, tell: Callable[[int], None] = lambda _: None
) -> Thinned:
    """Thin the tables of weeks that ended before a time, in transactions of its own.

    :param goes_on: asked before each step.
    :param tell: called after each week that is done.
    :raises StorageBusy: when others held the tables all the time.
    :raises MaintenanceError: when a copy is not what it should be; the week stays as it was.
    """
    done = Thinned()
    with db.engine.connect() as connection:
        weeks = [one.name for one in received_tables(connection) if one.end <= before]
        moved = [name for name in names(connection) if name.endswith(_THIN)]
    for name in moved:
        _move(name, done, goes_on)
    for week in weeks:
        if _copied(week, goes_on):
            _patiently(partial(_swap, week))
            done.weeks += 1
            _move(week + _THIN, done, goes_on)
            tell(1)
        else:
            done.finished = False
    return done


def weeks_to_thin(before: datetime) -> int:
    """Return how many tables of weeks ended before a time."""
    return sum(one.end <= before for one in received_tables(db.session.connection()))


def _names(week: str) -> dict[str, str]:
    key = week.removeprefix(PREFIX)
    return {"week": week, "key": key, "thinning": THINNING + key, "thin": week + _THIN}


def _copied(week: str, goes_on: GoesOn) -> bool:
    """Copy what is left of a week; return whether all of it is copied."""
    of_week = _names(week)
    _patiently(partial(_begin, of_week))
    with db.engine.connect() as connection:
        last = connection.scalar(sa.text(_LAST.format(**of_week)))
    begin, span = _floor(last) + _FIVE_MINUTES if last else _EARLIEST, _FIRST_SPAN
    while (first := _next(week, begin)) is not None:
        if not goes_on():
            return False
        begin, started = _floor(first), time.monotonic()
        part = {"begin": begin, "end": begin + span}
        _patiently(partial(_copy, of_week, part))
        begin, span = begin + span, _next_span(span, time.monotonic() - started)
    return True


def _begin(of_week: dict[str, str], connection: sa.Connection) -> None:
    if not sa.inspect(connection).has_table(of_week["thinning"]):
        connection.execute(sa.text(_BEGIN.format(**of_week)))


def _copy(of_week: dict[str, str], part: dict[str, datetime], connection: sa.Connection) -> None:
    _lock(connection, of_week["week"], "SHARE ROW EXCLUSIVE")
    connection.execute(sa.text(_COPY.format(**of_week)), part)
    found = connection.execute(sa.text(_COMPARE.format(**of_week)), part).one()
    if found.copied != found.wanted or found.different:
        raise MaintenanceError(
            f"The copy of {of_week['week']} is not what it should be: from {part['begin']} on it "
            f"has {found.copied} beliefs instead of {found.wanted}, and {found.different} differ. "
            f"The week stays as it is. To begin anew, run: DROP TABLE {of_week['thinning']}; "
            f"DROP TRIGGER pms_belief_changed ON {of_week['week']};"
        )


def _swap(week: str, connection: sa.Connection) -> None:
    # Who waits for the week has read already which tables there are, and would miss the copy.
    _lock(connection, f"ONLY timed_belief, {week}", "ACCESS EXCLUSIVE")
    connection.execute(sa.text(_SWAP.format(**_names(week))))


def _move(thin_table: str, done: Thinned, goes_on: GoesOn) -> None:
    """Move what is left of a week to the tables of its years, and drop its table."""
    span = _FIRST_SPAN
    while (first := _next(thin_table, _EARLIEST)) is not None:
        if not goes_on():
            done.finished = False
            return
        begin, started = _floor(first), time.monotonic()
        year, end = table_of_year(begin), min(begin + span, _end_of_year(begin))
        make(year)
        tables, part = {"thin": thin_table, "year": year}, {"begin": begin, "end": end}
        done.beliefs += _patiently(partial(_moved, tables, part))
        span = _next_span(span, time.monotonic() - started)
    _patiently(partial(_drop_empty, thin_table))


def _moved(tables: dict[str, str], part: dict[str, datetime], connection: sa.Connection) -> int:
    _lock(connection, ", ".join(tables.values()), "SHARE ROW EXCLUSIVE")
    return connection.execute(sa.text(_MOVE.format(**tables)), part).rowcount


def _drop_empty(table: str, connection: sa.Connection) -> None:
    _lock(connection, table, "ACCESS EXCLUSIVE")
    connection.execute(sa.text(f"DROP TABLE {table}"))


def _lock(connection: sa.Connection, tables: str, mode: str) -> None:
    connection.execute(sa.text(f"LOCK TABLE {tables} IN {mode} MODE"))


def _patiently(work: Callable[[sa.Connection], Any]) -> Any:
    """Do something in a transaction of its own, again where its locks are held for long."""
    for _ in range(_TRIES):
        try:
            with db.engine.begin() as connection:
                connection.execute(sa.text(_PATIENCE))
                return work(connection)
        except sa.exc.OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
        time.sleep(_PAUSE_SECONDS)
    raise StorageBusy("Tables of beliefs were in use all the time: the rest is done next time.")


def _next(table: str, begin: datetime) -> datetime | None:
    with db.engine.connect() as connection:
        found: datetime | None = connection.scalar(
            sa.text(_NEXT.format(table=table)), {"begin": begin}
        )
    return found and found.astimezone(UTC)


def _floor(at: datetime) -> datetime:
    return at - (at - _EARLIEST) % _FIVE_MINUTES


def _next_span(span: timedelta, seconds: float) -> timedelta:
    if seconds < _QUICK_SECONDS:
        return min(span * 2, _LONGEST_SPAN)
    return max(_floor_span(span / 2), _FIVE_MINUTES) if seconds > _SLOW_SECONDS else span


def _floor_span(span: timedelta) -> timedelta:
    return span - span % _FIVE_MINUTES


def _end_of_year(at: datetime) -> datetime:
    return datetime(at.year + 1, 1, 1, tzinfo=UTC)
