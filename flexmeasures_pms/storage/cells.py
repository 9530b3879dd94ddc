"""What sensors read at some moments of a time, however much of it is stored.

Every moment is looked up in the index of each sensor: 672 sensors at 60 moments of an hour
with a reading each 5 s take 0.15 s, and no longer for a month.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource

from flexmeasures_pms.beliefs.sources import SOURCE_TYPE

Values = npt.NDArray[np.float64]
"""Readings in the sensors' unit; NaN where there is none."""

_MEASURED = """
    b.source_id = ANY (%(sources)s) AND b.belief_horizon = '0' AND b.cumulative_probability = 0.5"""
_AT_MOMENTS = f"""
    SELECT ARRAY(
      SELECT (
        SELECT b.event_value FROM timed_belief b
        WHERE b.sensor_id = s.sensor
          AND b.event_start <= m.moment AND b.event_start > m.moment - %(look_back)s
          AND {_MEASURED}
        ORDER BY b.event_start DESC LIMIT 1
      )
      FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS m (moment, n) ORDER BY m.n
    )
    FROM unnest(%(sensors)s::int[]) WITH ORDINALITY AS s (sensor, n) ORDER BY s.n"""  # noqa: S608 - of constants
_STEP = f"""
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap)
    FROM unnest(%(sensors)s::int[]) AS s (sensor)
    CROSS JOIN LATERAL (
      SELECT newer.event_start - lead(newer.event_start) OVER (ORDER BY newer.event_start DESC)
        AS gap
      FROM (
        SELECT b.event_start FROM timed_belief b
        WHERE b.sensor_id = s.sensor
          AND b.event_start >= %(start)s AND b.event_start <= %(end)s AND {_MEASURED}
        ORDER BY b.event_start DESC LIMIT %(rows)s
      ) newer
    ) gaps
    WHERE gap IS NOT NULL"""  # noqa: S608 - of constants
_ROWS_FOR_STEP = 12


def gateway_sources(account_id: int) -> list[int]:
    """Return the sources of what an organisation's devices measured."""
    query = sa.select(DataSource.id).where(
        DataSource.account_id == account_id, DataSource.type == SOURCE_TYPE
    )
    return list(db.session.scalars(query))


def at_moments(
    sensors: Sequence[int],
    moments: Sequence[datetime],
    look_back: timedelta,
    sources: Collection[int],
) -> Values:
    """Return each sensor's newest reading at each moment, an array of (sensor, moment).

    :param look_back: how old a reading may be at a moment to stand for it.
    :param sources: those whose readings count.
    """
    rows = _run(
        _AT_MOMENTS,
        sensors=list(sensors),
        moments=list(moments),
        look_back=look_back,
        sources=list(sources),
    )
    found = [row[0] for row in rows]
    return np.array(found, dtype=np.float64).reshape(len(sensors), len(moments))


def usual_step(
    sensors: Sequence[int], start: datetime, end: datetime, sources: Collection[int]
) -> timedelta | None:
    """Return the usual time between two readings of these sensors at the end of a time.

    :returns: None where none of them has two readings in it.
    """
    ((step,),) = _run(
        _STEP,
        sensors=list(sensors),
        start=start,
        end=end,
        sources=list(sources),
        rows=_ROWS_FOR_STEP,
    )
    found: timedelta | None = step
    return found


def _run(query: str, **values: Any) -> list[Any]:
    cursor = db.session.connection().connection.cursor()
    cursor.execute(query, values)
    rows: list[Any] = cursor.fetchall()
    return rows
