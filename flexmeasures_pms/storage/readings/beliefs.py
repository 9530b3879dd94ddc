"""Beliefs, as FlexMeasures would have written them, in the table of this week.

One COPY behind a savepoint. For 2,016 rows, on a table with FlexMeasures' own indexes,
medians of 40 runs in one process: COPY 26.4 ms, COPY behind a savepoint 26.9 ms,
``INSERT … SELECT FROM unnest(…) ON CONFLICT DO NOTHING`` 32.4 ms (46.2 ms where psycopg2
builds the arrays), COPY to a temporary table and ``INSERT … ON CONFLICT DO NOTHING`` from
there 31.7 ms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from flexmeasures.data import db
from psycopg2.errors import UndefinedTable, UniqueViolation

from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.readings import belief_tables
from flexmeasures_pms.storage.readings.blocks import BeliefRows

_COPY = """
    COPY {table} (
      event_start, belief_horizon, cumulative_probability, event_value, sensor_id, source_id
    ) FROM STDIN"""
# There are no foreign keys. Who deletes a source waits for its beliefs, and then sees them. The
# sensors of an asset have numbers one after the other: to count 2,016 of them by where these runs
# begin and end takes 0.7 ms; to look for each takes 9.5 ms.
_GONE = """
    WITH locked AS (SELECT id FROM data_source WHERE id = ANY (%s::int[]) FOR KEY SHARE)
    SELECT (SELECT count(*) FROM locked) < %s OR (
      SELECT sum(found) FROM unnest(%s::int[], %s::int[]) AS run (first, last)
      CROSS JOIN LATERAL (
        SELECT count(*) AS found FROM sensor WHERE id BETWEEN run.first AND run.last
      ) s
    ) < %s"""
_THERE = """
    SELECT b.event_start, b.sensor_id, b.source_id FROM timed_belief b
    JOIN unnest(%s::timestamptz[], %s::int[], %s::int[]) AS k (t, sensor, source)
      ON b.event_start = k.t AND b.sensor_id = k.sensor AND b.source_id = k.source"""
# Not deleted for good: see pms_beliefs_deleted in registry/ddl.py.
_TAKE = """
    SET LOCAL pms.beliefs_move = 'on';
    DELETE FROM timed_belief
    WHERE source_id = %s AND event_start = ANY (%s::timestamptz[])
      AND sensor_id = ANY (%s::int[])
      AND belief_horizon = '0' AND cumulative_probability = 0.5;
    SET LOCAL pms.beliefs_move = 'off'"""


class Gone(StorageBusy):
    """Something that beliefs refer to was deleted since it was remembered."""


class _Text:
    """A file that is written while it is read: PostgreSQL stores rows meanwhile."""

    def __init__(self, parts: Iterable[BeliefRows]) -> None:
        self._parts = iter(parts)
        self.rows: BeliefRows = []

    def read(self, _size: int = -1) -> str:
        """Return the next rows for COPY, for any requested size."""
        for rows in self._parts:
            if rows:
                self.rows += rows
                return _as_text(rows)
        return ""

    def read_on(self) -> BeliefRows:
        """Return all rows, after those that are left were read."""
        while self.read():
            pass
        return self.rows


def copy_rows(parts: Iterable[BeliefRows]) -> None:
    """Copy beliefs into the table; those that are there already stay as they are.

    :param parts: taken one by one while the database writes.
    :raises Gone: when a sensor or source was deleted.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute("SAVEPOINT pms_copy")
    text = _Text(parts)
    try:
        _copy(cursor, text)
    except UniqueViolation:
        # Of readings that the log has not: FlexMeasures, or somebody by hand, has changed rows.
        cursor.execute("ROLLBACK TO SAVEPOINT pms_copy")
        _copy(cursor, _Text([_lacking(cursor, text.read_on())]))
    sensors, sources = {row[1] for row in text.rows}, {row[2] for row in text.rows}
    firsts, lasts = _runs(sensors)
    counted = (array(sources), len(sources), array(firsts), array(lasts), len(sensors))
    cursor.execute(_GONE, counted)
    if cursor.fetchone()[0]:
        raise Gone(
            "A sensor or source was deleted in FlexMeasures meanwhile; nothing was stored or "
            "changed. Try again."
        )


def _runs(numbers: Collection[int]) -> tuple[list[int], list[int]]:
    """Return where runs of numbers without a gap begin, and where they end."""
    in_order = sorted(numbers)
    breaks = [(a, b) for a, b in pairwise(in_order) if b - a > 1]
    return [*in_order[:1], *(b for _, b in breaks)], [*(a for a, _ in breaks), *in_order[-1:]]


def _copy(cursor: Any, text: _Text) -> None:
    table = belief_tables.table_of(datetime.now(UTC))
    statement = _COPY.format(table=table)
    try:
        cursor.copy_expert(statement, text)
    except UndefinedTable:  # nothing of the text was read
        cursor.execute("ROLLBACK TO SAVEPOINT pms_copy")
        belief_tables.make(table)
        cursor.copy_expert(statement, text)


def _lacking(cursor: Any, rows: BeliefRows) -> BeliefRows:
    """Return those rows that are not there, each once.

    Devices whose ids look alike share a source, and may report the same moment.
    """
    columns = [array(column) for column in zip(*(row[:3] for row in rows), strict=True)]
    cursor.execute(_THERE, columns)
    there = {(time.astimezone(UTC), sensor, source) for time, sensor, source in cursor}
    first = {row[:3]: row for row in reversed(rows)}
    return [row for key, row in first.items() if key not in there]


def _as_text(rows: BeliefRows) -> str:
    prefixes = {time: f"{time.isoformat()}\t0\t0.5\t" for time in {row[0] for row in rows}}
    return "".join(
        [f"{prefixes[time]}{value}\t{sensor}\t{source}\n" for time, sensor, source, value in rows]
    )


def take(times: Iterable[datetime], source_id: int, sensors: Iterable[int]) -> None:
    """Delete the beliefs of some moments.

    Only to move them in the same transaction: nothing is ever lost.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_TAKE, (source_id, array(times), array(sensors)))
