"""From which docks packs were reported lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from flexmeasures.data import db

from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.storage.arrays import array

# A pack that flaps has thousands of readings in an hour: the newest say that it does. All of the
# time that it takes to settle are needed, also where each reading is written.
_MOST_READ = 4096
_MOST = 64
# What repeats the previous reading of a source is not written, and shows that the pack was there.
_READINGS = f"""
    SELECT k.sensor, b.event_start, b.source_id, b.dock
    FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
      AS k (sensor, subject, first, last)
    CROSS JOIN LATERAL (
      WITH written AS MATERIALIZED (
        SELECT event_start, source_id, event_value FROM timed_belief
        WHERE sensor_id = k.sensor AND event_start >= k.first - %s AND event_start <= k.last
          AND belief_horizon = '0' AND cumulative_probability = 0.5
        ORDER BY event_start DESC LIMIT {_MOST_READ}
      ), reported AS (
        SELECT * FROM written
        UNION ALL
        SELECT r.event_time, s.source_id, NULL
        FROM (SELECT DISTINCT source_id FROM written) s
        CROSS JOIN LATERAL (
          SELECT event_time FROM pms_repeat
          WHERE subject_id = k.subject AND source_id = s.source_id
            AND event_time >= k.first AND event_time <= k.last
          ORDER BY event_time DESC LIMIT {_MOST_READ}
        ) r
      ), numbered AS (
        SELECT *, count(event_value) OVER (
          PARTITION BY source_id ORDER BY event_start, event_value) AS group_number
        FROM reported
      ), filled AS (
        SELECT event_start, source_id,
          max(event_value) OVER (PARTITION BY source_id, group_number) AS dock
        FROM numbered WHERE group_number > 0
      ), places AS (
        SELECT *, lag(source_id) OVER in_order IS DISTINCT FROM source_id
            OR lag(dock) OVER in_order IS DISTINCT FROM dock AS changed
        FROM filled WINDOW in_order AS (ORDER BY event_start, source_id)
      )
      SELECT event_start, source_id, dock FROM places WHERE changed
      ORDER BY event_start DESC, source_id DESC LIMIT {_MOST}
    ) b
    ORDER BY b.event_start, b.source_id"""  # noqa: S608 - of constants


class DockReading(NamedTuple):
    """A reading of a pack's dock.

    :param source: of the PMS that reported it.
    """

    time: datetime
    source: int
    dock: int


def dock_readings(
    periods: Collection[tuple[int, int, datetime, datetime]],
) -> dict[int, list[DockReading]]:
    """Return where packs were reported in a period each: the first reading of each stay in a dock.

    The newest stays are returned, in order of time.

    :param periods: dock sensor, number of the case, first time, last time.
    """
    found: dict[int, list[DockReading]] = defaultdict(list)
    if periods:
        cursor = db.session.connection().connection.cursor()
        columns = map(array, zip(*periods, strict=True))
        cursor.execute(_READINGS, (*columns, SNAPSHOT))
        for sensor, time, source, value in cursor:
            found[sensor].append(DockReading(time.astimezone(UTC), source, int(value)))
    return found
