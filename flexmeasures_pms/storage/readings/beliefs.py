"""Beliefs in FlexMeasures' table, as FlexMeasures would have written them.

One COPY behind a savepoint. For 2,016 rows, on a table with FlexMeasures' own indexes,
medians of 40 runs in one process: COPY 26.4 ms, COPY behind a savepoint 26.9 ms,
``INSERT … SELECT FROM unnest(…) ON CONFLICT DO NOTHING`` 32.4 ms (46.2 ms where psycopg2
builds the arrays), COPY to a temporary table and ``INSERT … ON CONFLICT DO NOTHING`` from
there 31.7 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flexmeasures.data import db
from psycopg2.errors import UniqueViolation

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.readings.blocks import BeliefRows

_COPY = """
    COPY timed_belief (
      event_start, belief_horizon, cumulative_probability, event_value, sensor_id, source_id
    ) FROM STDIN"""
# Not deleted for good: see pms_beliefs_deleted in registry/ddl.py.
_TAKE = """
    SET LOCAL pms.beliefs_move = 'on';
    DELETE FROM timed_belief
    WHERE source_id = %s AND event_start = ANY (%s::timestamptz[])
      AND sensor_id = ANY (%s::int[])
      AND belief_horizon = '0' AND cumulative_probability = 0.5;
    SET LOCAL pms.beliefs_move = 'off'"""


class _Text:
    """A file that is written while it is read: PostgreSQL stores rows meanwhile."""

    def __init__(self, parts: Iterable[BeliefRows]) -> None:
        self._parts = iter(parts)

    def read(self, _size: int = -1) -> str:
        """Return the next rows for COPY, for any requested size."""
        for rows in self._parts:
            if rows:
                return _as_text(rows)
        return ""


def copy_rows(parts: Iterable[BeliefRows]) -> bool:
    """Copy beliefs into the table; False (and nothing done) if one is there already.

    :param parts: taken one by one while the database writes.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute("SAVEPOINT pms_copy")
    try:
        cursor.copy_expert(_COPY, _Text(parts))
    except UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT pms_copy")
        return False
    return True


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
