"""The readings of sensors at some moments of a period, however many are stored.

Every moment is looked up in the index of each sensor: 672 sensors at 60 moments of an hour
with a reading each 5 s take 0.08 s, and no longer for a month. The usual times between
readings around these moments take 0.04 s for 48 sensors.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from flexmeasures.data import db

ReadingGrid = npt.NDArray[np.float64]
"""Readings in the sensors' unit; NaN where there is none."""

_MEASURED = """
    b.source_id = ANY (%(sources)s) AND b.belief_horizon = '0' AND b.cumulative_probability = 0.5"""
# Group after group, an element for each moment.
_AT_MOMENTS = f"""
    SELECT ARRAY(
      SELECT (
        SELECT b.event_value FROM timed_belief b
        WHERE b.sensor_id = s.sensor AND b.event_start <= m.moment
          AND b.event_start > m.moment - interval '1 s'
            * (%(look_back)s::float8[])[(s.n - 1) / %(each)s * %(width)s + m.n]
          AND {_MEASURED}
        ORDER BY b.event_start DESC LIMIT 1
      )
      FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS m (moment, n) ORDER BY m.n
    )
    FROM unnest(%(sensors)s::int[]) WITH ORDINALITY AS s (sensor, n) ORDER BY s.n"""  # noqa: S608 - of constants
_STEPS = f"""
    SELECT ARRAY(
      SELECT (
        SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY gap))::float8 FROM (
          SELECT near.event_start - lag(near.event_start) OVER (ORDER BY near.event_start) AS gap
          FROM (
            (
              SELECT b.event_start FROM timed_belief b
              WHERE b.sensor_id = s.sensor AND b.event_start <= m.moment
                AND b.event_start >= %(start)s AND {_MEASURED}
              ORDER BY b.event_start DESC LIMIT %(around)s
            )
            UNION ALL
            (
              SELECT b.event_start FROM timed_belief b
              WHERE b.sensor_id = s.sensor AND b.event_start > m.moment
                AND b.event_start <= %(end)s AND {_MEASURED}
              ORDER BY b.event_start LIMIT %(around)s
            )
          ) near
        ) gaps
      )
      FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS m (moment, n) ORDER BY m.n
    )
    FROM unnest(%(sensors)s::int[]) WITH ORDINALITY AS s (sensor, n) ORDER BY s.n"""  # noqa: S608 - of constants
AROUND = 3
"""Readings on either side that determine the usual time, so that one long step has no effect."""
REACH = timedelta(hours=1)
"""How far before and after a period they are searched."""


def at_moments(
    sensors: Sequence[int],
    moments: Sequence[datetime],
    look_back: ReadingGrid,
    sources: Collection[int],
) -> ReadingGrid:
    """Return each sensor's newest reading at each moment, an array of (sensor, moment).

    :param look_back: how old a reading may be at a moment [s], an array of (group, moment):
        the sensors are this many groups of equal size.
    :param sources: those whose readings count.
    """
    return _run(
        _AT_MOMENTS,
        sensors,
        moments,
        look_back=look_back.ravel().tolist(),
        each=max(1, len(sensors) // max(1, len(look_back))),
        width=len(moments),
        sources=list(sources),
    )


def usual_steps(
    sensors: Sequence[int], moments: Sequence[datetime], sources: Collection[int]
) -> ReadingGrid:
    """Return the usual time [s] between two readings around each moment, of each sensor.

    :param moments: in order of time.
    :returns: an array of (sensor, moment); NaN where there are no two readings.
    """
    return _run(
        _STEPS,
        sensors,
        moments,
        start=moments[0] - REACH,
        end=moments[-1] + REACH,
        around=AROUND,
        sources=list(sources),
    )


def _run(
    query: str, sensors: Sequence[int], moments: Sequence[datetime], **values: Any
) -> ReadingGrid:
    """Return the rows of a query, an array of (sensor, moment)."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(query, {"sensors": list(sensors), "moments": list(moments), **values})
    found = [row[0] for row in cursor.fetchall()]
    return np.array(found, dtype=np.float64).reshape(len(sensors), len(moments))
