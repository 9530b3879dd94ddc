"""Read the stored readings around the times of late readings, in three queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures.data import db

from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.readings.late import StoredStream
from flexmeasures_pms.storage.readings.newest import Bits

_REPEATS = """
    SELECT r.subject_id, r.source_id, r.event_time, r.mask
    FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::timestamptz[])
      AS k (subject, source, first, last)
    JOIN pms_repeat r ON r.subject_id = k.subject AND r.source_id = k.source
      AND r.event_time >= k.first AND r.event_time < k.last + %s"""

# Of each sensor the rows of a window, and the one before and the one after it: rows that
# are further away than a snapshot do not affect any reading in it.
_WINDOWS = """
    SELECT k.sensor, k.source, b.event_start, b.event_value
    FROM unnest(%s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[])
      AS k (sensor, source, first, last)
    JOIN LATERAL (
      (SELECT event_start, event_value FROM timed_belief
       WHERE sensor_id = k.sensor AND source_id = k.source AND belief_horizon = '0'
         AND cumulative_probability = 0.5
         AND event_start < k.first AND event_start > k.first - %s
       ORDER BY event_start DESC LIMIT 1)
      UNION ALL
      (SELECT event_start, event_value FROM timed_belief
       WHERE sensor_id = k.sensor AND source_id = k.source AND belief_horizon = '0'
         AND cumulative_probability = 0.5
         AND event_start >= k.first AND event_start <= k.last)
      UNION ALL
      (SELECT event_start, event_value FROM timed_belief
       WHERE sensor_id = k.sensor AND source_id = k.source AND belief_horizon = '0'
         AND cumulative_probability = 0.5
         AND event_start > k.last AND event_start < k.last + %s
       ORDER BY event_start LIMIT 1)
    ) b ON true"""

# OFFSET 0 has each looked up by the key: a table of beliefs that was not analysed yet would be
# read as a whole.
_MOMENTS = """
    SELECT b.sensor_id, b.source_id, b.event_start, b.event_value
    FROM unnest(%s::int[], %s::int[], %s::timestamptz[]) AS k (sensor, source, t)
    CROSS JOIN LATERAL (
      SELECT sensor_id, source_id, event_start, event_value FROM timed_belief
      WHERE event_start = k.t AND sensor_id = k.sensor AND source_id = k.source
        AND belief_horizon = '0' AND cumulative_probability = 0.5
      OFFSET 0
    ) b"""

StreamKey = tuple[int, int]
"""(subject, source)."""


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Readings of one thing by one source that are to be read.

    :param sensors: sensor id by name.
    :param times: their times.
    :param on_change: names of those that may rely on the previous reading.
    """

    subject_id: int
    source_id: int
    sensors: Mapping[str, int]
    times: Collection[datetime]
    on_change: Collection[str]


def load(wanted: Sequence[StreamQuery], bits: Bits) -> dict[StreamKey, StoredStream]:
    """Read the stored readings at and around the times of some readings.

    :param bits: of the asset type that all of them have.
    """
    streams = {(w.subject_id, w.source_id): StoredStream() for w in wanted}
    masks: dict[StreamKey, int] = dict.fromkeys(streams, 0)
    cursor = db.session.connection().connection.cursor()
    windows = [(w, *window) for w in wanted for window in _windows(w.times)]
    columns = zip(*((w.subject_id, w.source_id, t0, t1) for w, t0, t1 in windows), strict=True)
    cursor.execute(_REPEATS, (*map(array, columns), SNAPSHOT))
    for subject, source, time, mask in cursor:
        streams[subject, source].repeat(time, mask)
        masks[subject, source] |= mask
    near, exact = [], []
    for w, first, last in windows:
        mask = masks[w.subject_id, w.source_id]
        for name, sensor in w.sensors.items():
            if name in w.on_change or mask & bits.get(name, 0):
                near.append((sensor, w.source_id, first, last))
            else:
                exact += [(sensor, w.source_id, t) for t in w.times if first <= t <= last]
    names = {s: (w.subject_id, name) for w in wanted for name, s in w.sensors.items()}
    for sensor, source, time, value in _rows(cursor, near, exact):
        subject, name = names[sensor]
        streams[subject, source].track(name).put(time, value)
    return streams


def _rows(cursor: Any, near: Sequence[Any], exact: Sequence[Any]) -> Iterator[Any]:
    if near:
        columns = map(array, zip(*near, strict=True))
        cursor.execute(_WINDOWS, (*columns, SNAPSHOT, SNAPSHOT))
        yield from cursor
    if exact:
        cursor.execute(_MOMENTS, [array(column) for column in zip(*exact, strict=True)])
        yield from cursor


def _windows(times: Iterable[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the first and last of times that are no further apart than a snapshot."""
    first: datetime | None = None
    last: datetime | None = None
    for time in sorted(times):
        if first is None or last is None:
            first = time
        elif time - last > SNAPSHOT:
            yield first, last
            first = time
        last = time
    if first is not None and last is not None:
        yield first, last
