"""From which docks packs were reported lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array

# A pack that flaps has thousands of readings in an hour: the newest say that it does. All of the
# time that it takes to settle are needed, also where each reading is written.
_MOST_READ = 4096
_MOST = 64
_READINGS = f"""
    SELECT k.sensor, b.event_start, b.source_id, b.event_value
    FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[]) AS k (sensor, first, last)
    CROSS JOIN LATERAL (
      SELECT event_start, source_id, event_value
      FROM (
        SELECT event_start, source_id, event_value,
          lag(source_id) OVER in_order IS DISTINCT FROM source_id
            OR lag(event_value) OVER in_order IS DISTINCT FROM event_value AS changed
        FROM (
          SELECT event_start, source_id, event_value FROM timed_belief
          WHERE sensor_id = k.sensor AND event_start >= k.first AND event_start <= k.last
            AND belief_horizon = '0' AND cumulative_probability = 0.5
          ORDER BY event_start DESC LIMIT {_MOST_READ}
        ) readings
        WINDOW in_order AS (ORDER BY event_start, source_id)
      ) places
      WHERE changed
      ORDER BY event_start DESC, source_id DESC LIMIT {_MOST}
    ) b
    ORDER BY b.event_start, b.source_id"""  # noqa: S608 - of constants


class DockReading(NamedTuple):
    """A written reading of a pack's dock.

    :param source: of the PMS that reported it.
    """

    time: datetime
    source: int
    dock: int


def dock_readings(
    periods: Collection[tuple[int, datetime, datetime]],
) -> dict[int, list[DockReading]]:
    """Return where packs were reported in a period each: the first reading of each stay in a dock.

    The newest stays are returned, in order of time.

    :param periods: dock sensor, first time, last time.
    """
    found: dict[int, list[DockReading]] = defaultdict(list)
    if periods:
        cursor = db.session.connection().connection.cursor()
        cursor.execute(_READINGS, [array(column) for column in zip(*periods, strict=True)])
        for sensor, time, source, value in cursor:
            found[sensor].append(DockReading(time.astimezone(UTC), source, int(value)))
    return found
