"""From which docks packs were reported lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import NamedTuple

from flexmeasures.data import db

from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.clock import EPOCH
from flexmeasures_pms.storage.log.days import folded_days, read_days
from flexmeasures_pms.storage.log.places import places_of

# A pack that flaps has thousands of readings in an hour: the newest say that it does. All of the
# time that it takes to settle are needed, also where each reading is written.
_MOST_READ = 4096
_MOST = 64
_READINGS = f"""
    SELECT k.subject, b.event_time, b.source_id, b.dock
    FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[]) AS k (subject, first, last)
    CROSS JOIN LATERAL (
      WITH reported AS MATERIALIZED (
        SELECT event_time, source_id, readings[%s] AS dock FROM pms_sample
        WHERE subject_id = k.subject AND event_time >= k.first AND event_time <= k.last
        ORDER BY event_time DESC LIMIT {_MOST_READ}
      ), places AS (
        SELECT *, lag(source_id) OVER in_order IS DISTINCT FROM source_id
            OR lag(dock) OVER in_order IS DISTINCT FROM dock AS changed
        FROM reported WHERE dock <> 'NaN' WINDOW in_order AS (ORDER BY event_time, source_id)
      )
      SELECT event_time, source_id, dock FROM places WHERE changed
      ORDER BY event_time DESC, source_id DESC LIMIT {_MOST}
    ) b
    ORDER BY b.event_time, b.source_id"""  # noqa: S608 - of constants


class DockReading(NamedTuple):
    """A reading of a pack's dock.

    :param source: of the PMS that reported it.
    """

    time: datetime
    source: int
    dock: int


def dock_readings(
    periods: Collection[tuple[int, datetime, datetime]],
) -> dict[int, list[DockReading]]:
    """Return where cases were reported in a period each: the first reading of each stay in a dock.

    The newest stays are returned, in order of time.

    :param periods: number of the case, first time, last time.
    """
    found: dict[int, list[DockReading]] = defaultdict(list)
    if periods:
        cursor = db.session.connection().connection.cursor()
        columns = map(array, zip(*periods, strict=True))
        cursor.execute(_READINGS, (*columns, places_of(CASE)["dock"] + 1))
        for case, time, source, value in cursor:
            found[case].append(DockReading(time.astimezone(UTC), source, int(value)))
        begin, end = min(first for _, first, _ in periods), max(last for *_, last in periods)
        folded = {day.subject_id for day in folded_days([c for c, *_ in periods], begin, end)}
        for case, first, last in periods:
            if case in folded:
                # What is hot of a folded day is newer than what is folded.
                found[case] = _stays([*_folded(case, first, last), *found[case]])
    return found


def _folded(case: int, first: datetime, last: datetime) -> list[DockReading]:
    place = places_of(CASE)["dock"]
    readings = [
        DockReading(EPOCH + timedelta(milliseconds=time), chunk.source_id, int(dock))
        for chunk in read_days([case], first, last + timedelta(milliseconds=1), [place])
        for time, dock in zip(chunk.times.tolist(), chunk.readings[0].tolist(), strict=True)
        if not isnan(dock)
    ]
    return sorted(readings)[-_MOST_READ:]


def _stays(readings: Iterable[DockReading]) -> list[DockReading]:
    """Return the first reading of each stay in a dock, the newest of them."""
    stays: list[DockReading] = []
    for reading in readings:
        if not stays or stays[-1][1:] != reading[1:]:
            stays.append(reading)
    return stays[-_MOST:]
