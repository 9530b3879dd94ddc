"""What was stored of a thing before the log: its beliefs, and the marks of readings that repeat.

A reading that was not written has a mark, and repeats the last one written of its sensor by the
same source, within 15 minutes. The log's rule is another: within the same quarter of an hour of
the clock. So a reading that repeats one of the quarter before has to be written now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from flexmeasures.data import db

from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.storage.adoption.things import AdoptedThing
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.quarters import LAST_PLACE, ORIGIN, QUARTER

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_BELIEFS = """
    COPY (
      SELECT b.event_start, b.sensor_id, b.source_id, b.event_value
      FROM unnest(%s::int[]) AS k (sensor)
      CROSS JOIN LATERAL (
        SELECT event_start, sensor_id, source_id, event_value FROM timed_belief
        WHERE sensor_id = k.sensor AND source_id = ANY (%s::int[])
          AND event_start >= %s AND event_start < %s
          AND belief_horizon = '0' AND cumulative_probability = 0.5 AND event_value <> 'NaN'
        OFFSET 0
      ) b
    ) TO STDOUT (FORMAT binary)"""
_REPEATS = """
    SELECT r.source_id, r.event_time, r.mask FROM unnest(%s::int[]) AS k (source)
    JOIN pms_repeat r ON r.subject_id = %s AND r.source_id = k.source
      AND r.event_time >= %s AND r.event_time < %s"""
_HEADER, _TRAILER = 19, 2
# As PostgreSQL sends a row: times are microseconds since 2000, and each field has its length.
_ROW = np.dtype([
    ("fields", ">i2"),
    ("_1", ">i4"), ("time", ">i8"),
    ("_2", ">i4"), ("sensor", ">i4"),
    ("_3", ">i4"), ("source", ">i4"),
    ("_4", ">i4"), ("value", ">f8"),
])  # fmt: skip
_MICROSECOND = timedelta(microseconds=1)
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class EarlierReadings:
    """What was stored of a thing by one source.

    :param times: in order [µs since 2000-01-01 UTC].
    :param written: an array of (time, place); NaN where nothing was written.
    :param marked: in the same way, whether a reading was not written because it repeats.
    """

    times: Times
    written: Values
    marked: Flags


@dataclass(frozen=True, slots=True)
class ToldReadings:
    """What the log is to have of it, in arrays of (time, place).

    :param readings: NaN for none.
    :param repeats: whether a reading repeats one that was written in its quarter of an hour.
    :param anew: whether it has to be written, since it repeats one of the quarter before.
    """

    readings: Values
    repeats: Flags
    anew: Flags


def told(found: EarlierReadings) -> ToldReadings:
    """Return the readings that were not written too, and which of all are to be written."""
    times, written = found.times, ~np.isnan(found.written)
    last = np.maximum.accumulate(np.where(written, np.arange(len(times))[:, None], -1), axis=0)
    is_near = (last >= 0) & (times[:, None] - times[last] < SNAPSHOT // _MICROSECOND)
    repeats = found.marked & ~written & is_near
    filled = np.take_along_axis(found.written, last.clip(0), axis=0)
    readings = np.where(written | repeats, filled, np.nan) + 0.0  # no negative zero
    anew = _anew(times // (QUARTER // _MICROSECOND), last, repeats)
    return ToldReadings(readings, repeats & ~anew, anew)


def _anew(quarters: Times, last: npt.NDArray[np.intp], repeats: Flags) -> Flags:
    """Return which are the first of their quarter that repeat one of another."""
    far = repeats & (quarters[last] != quarters[:, None])
    so_far = np.maximum.accumulate(np.where(far, quarters[:, None], _NEVER), axis=0)
    before = np.roll(so_far, 1, axis=0)
    before[:1] = _NEVER
    first: Flags = far & (before != quarters[:, None])
    first[:, LAST_PLACE + 1 :] |= repeats[:, LAST_PLACE + 1 :]
    return first


def read(
    thing: AdoptedThing, begin: datetime, end: datetime, places: int
) -> Iterator[tuple[int, EarlierReadings]]:
    """Yield what was stored of a thing by each source.

    :param places: number of places in a sample.
    """
    sources = array(thing.sources)
    beliefs = _beliefs(array(thing.places), sources, begin, end)
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_REPEATS, (sources, thing.id, begin, end))
    marks: dict[int, list[tuple[int, int]]] = {}
    for source, time, mask in cursor:
        marks.setdefault(source, []).append((to_number(time), mask))
    place_of = np.zeros(max(thing.places, default=0) + 1, dtype=np.intp)
    place_of[list(thing.places)] = list(thing.places.values())
    for source in sorted({*map(int, np.unique(beliefs["source"])), *marks}):
        own = beliefs[beliefs["source"] == source]
        found = np.array(marks.get(source, []), dtype=np.int64).reshape(-1, 2)
        times = np.union1d(own["time"].astype(np.int64), found[:, 0])
        written = np.full((len(times), places), np.nan)
        written[np.searchsorted(times, own["time"]), place_of[own["sensor"]]] = own["value"]
        marked = np.zeros(written.shape, dtype=np.bool_)
        rows = np.searchsorted(times, found[:, 0])
        for bit, place in thing.bits.items():
            marked[rows, place] = found[:, 1] >> bit & 1
        yield source, EarlierReadings(times, written, marked)


def _beliefs(sensors: str, sources: str, begin: datetime, end: datetime) -> npt.NDArray[Any]:
    cursor = db.session.connection().connection.cursor()
    buffer = BytesIO()
    statement = cursor.mogrify(_BELIEFS, (sensors, sources, begin, end))
    cursor.copy_expert(statement.decode(), buffer)
    rows = buffer.getbuffer()[_HEADER:-_TRAILER]
    return np.frombuffer(rows, dtype=_ROW)


def to_number(time: datetime) -> int:
    """Return a time in microseconds since 2000."""
    return (time - ORIGIN) // _MICROSECOND


def to_time(number: int) -> datetime:
    """Return the time of a number of microseconds since 2000."""
    return (ORIGIN + number * _MICROSECOND).astimezone(UTC)
