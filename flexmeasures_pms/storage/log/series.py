"""What things read in the past: the one reader of the log, for pages, the API and exports.

A thing's day is either hot, in rows of ``pms_sample``, or folded. What is read of it is the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from flexmeasures.data import db

from flexmeasures_pms.storage.log import hot_rows
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import DAY_MS, EPOCH, begin_of, day_of, milliseconds
from flexmeasures_pms.storage.log.columns import MINUTES, Columns, columns_of, joined, level_of
from flexmeasures_pms.storage.log.days import folded_days, read_days
from flexmeasures_pms.storage.log.levels import Spans, in_spans, read_levels, reduce

_MS = timedelta(milliseconds=1)
TRIES = 5
"""How often a day is read again that was folded or thawed meanwhile."""

# In one statement: a day that is folded meanwhile would be in neither.
_NEXT = """
    SELECT least(
      (SELECT event_time FROM pms_sample
       WHERE subject_id = %(subject)s AND event_time >= %(begin)s AND event_time < %(end)s
       ORDER BY event_time LIMIT 1),
      (SELECT day::timestamp AT TIME ZONE 'UTC' FROM pms_day
       WHERE subject_id = %(subject)s AND day BETWEEN %(first)s AND %(last)s
       ORDER BY day LIMIT 1))"""
# A process of an earlier version may have folded a day without a level that is newer than it.
_WITHOUT = """
    SELECT DISTINCT day FROM pms_day d
    WHERE subject_id = %s AND day BETWEEN %s AND %s AND NOT EXISTS (
      SELECT FROM pms_level l WHERE l.subject_id = d.subject_id AND l.minutes = %s
      AND l.day = d.day AND l.device_id = d.device_id)"""
_BOUNDS = """
    SELECT
      least(
        (SELECT min(event_time) FROM pms_sample WHERE subject_id = %(subject)s),
        (SELECT min(day::timestamp AT TIME ZONE 'UTC' + gaps[1] * interval '1 ms') FROM (
           SELECT day, gaps FROM pms_day WHERE subject_id = %(subject)s
           ORDER BY day FETCH FIRST 1 ROW WITH TIES) d)),
      greatest(
        (SELECT max(event_time) FROM pms_sample WHERE subject_id = %(subject)s),
        (SELECT max(day::timestamp AT TIME ZONE 'UTC' + last * interval '1 ms') FROM (
           SELECT day, last FROM pms_day WHERE subject_id = %(subject)s
           ORDER BY day DESC FETCH FIRST 1 ROW WITH TIES) d))"""


@dataclass(frozen=True, slots=True)
class Readable:
    """What may be read of a thing.

    :param devices: what these reported; None for all.
    :param periods: in these, each until before its end; None for always.
    """

    devices: Collection[int] | None = None
    periods: Sequence[tuple[datetime, datetime]] | None = None

    def includes(self, device_id: int) -> bool:
        """Whether what a device reported may be read."""
        return self.devices is None or device_id in self.devices

    def of(self, chunk: Chunk) -> Chunk | None:
        """Return the samples of a run that may be read, if any."""
        if not self.includes(chunk.device_id):
            return None
        if self.periods is None:
            return chunk
        inside = np.zeros(len(chunk.times), dtype=bool)
        for begin, end in self.periods:
            inside |= (chunk.times >= milliseconds(begin)) & (chunk.times < milliseconds(end))
        if not inside.any():
            return None
        return replace(chunk, times=chunk.times[inside], readings=chunk.readings[:, inside])

    def whole(self, begin: datetime, end: datetime) -> bool:
        """Whether one of the periods includes all of another."""
        periods = [(begin, end)] if self.periods is None else self.periods
        return any(first <= begin and end <= last for first, last in periods)


ALL = Readable()


def chunks(
    subject_ids: Collection[int], begin: datetime, end: datetime, places: Sequence[int]
) -> Iterator[Chunk]:
    """Yield the samples of some things in a period: thing by thing, day by day of UTC.

    A day has a run for each device that reported, in the order of their numbers.

    :param begin: the first moment of the period; ``end`` is the first after it.
    :param places: of the readings that are wanted.
    """
    for subject_id in subject_ids:
        for first, last in _days(subject_id, begin, end):
            yield from _day(subject_id, first, last, places)


def summed(
    subject_id: int,
    begin: datetime,
    end: datetime,
    step: timedelta,
    places: Sequence[int],
    readable: Readable = ALL,
) -> dict[int, Columns]:
    """Return the readings of a thing in a period as columns, by device.

    :param begin: of the first column, and ``end`` of the last one.
    :param step: width of a column.
    """
    parts: dict[int, list[Spans]] = defaultdict(list)
    for level in _spans(subject_id, begin, end, step, places, readable) if places else ():
        parts[level.device_id].append(level)
    return {
        device: joined([columns_of(level) for level in parts[device]], step, len(places))
        for device in sorted(parts)
    }


def bounds(subject_id: int) -> tuple[datetime, datetime] | None:
    """Return when the first and the newest sample of a thing were taken, if any."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_BOUNDS, {"subject": subject_id})
    ((first, last),) = cursor.fetchall()
    return None if first is None else (first.astimezone(UTC), last.astimezone(UTC))


def _spans(
    subject_id: int,
    begin: datetime,
    end: datetime,
    step: timedelta,
    places: Sequence[int],
    readable: Readable,
) -> list[Spans]:
    """Return a period in the spans that columns are made of, in order of time."""
    level = level_of(step)
    if level == "samples":
        found = chunks([subject_id], begin, end, places)
        return [in_spans(chunk, step // _MS) for chunk in _readable(found, readable)]
    return _levels(subject_id, begin, end, MINUTES[level], places, readable)


def _readable(found: Iterable[Chunk], readable: Readable) -> Iterator[Chunk]:
    seen = (readable.of(chunk) for chunk in found)
    yield from (chunk for chunk in seen if chunk is not None)


def _reduced(found: Iterable[Chunk], minutes: int, readable: Readable) -> Iterator[Spans]:
    yield from (reduce(chunk, minutes) for chunk in _readable(found, readable))


def _levels(
    subject_id: int,
    begin: datetime,
    end: datetime,
    minutes: int,
    places: Sequence[int],
    readable: Readable,
) -> list[Spans]:
    """Return the spans of a level: those of folded days are stored, others are made of samples."""
    for _ in range(TRIES):
        folded = folded_days([subject_id], begin, end)
        found = []
        cut = {
            d.begin
            for d in folded
            if not readable.whole(_moment(d.begin), _moment(d.begin + DAY_MS))
        } | _without_level(subject_id, begin, end, minutes)
        for level in read_levels([subject_id], begin, end, minutes, places, cut):
            if readable.includes(level.device_id):
                found.append(level)
        for day in sorted(cut):
            first, last = max(begin, _moment(day)), min(end, _moment(day + DAY_MS))
            found += _reduced(read_days([subject_id], first, last, places), minutes, readable)
        for first, last in _days(subject_id, begin, end, folded=False):
            found += _reduced(hot_rows.samples(subject_id, first, last, places), minutes, readable)
        if folded_days([subject_id], begin, end) == folded:
            break
    return sorted(found, key=lambda one: int(one.begins[0]))


def _without_level(subject_id: int, begin: datetime, end: datetime, minutes: int) -> set[int]:
    """Return when the folded days begin that lack a level [ms since 1970-01-01 UTC]."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_WITHOUT, (subject_id, day_of(begin), day_of(end - _MS), minutes))
    return {begin_of(day) for (day,) in cursor}


def _day(subject_id: int, begin: datetime, end: datetime, places: Sequence[int]) -> Iterator[Chunk]:
    """Yield the samples of a part of one day, by device."""
    for _ in range(TRIES):
        folded = folded_days([subject_id], begin, end)
        found = list(hot_rows.samples(subject_id, begin, end, places))
        if folded:
            found += read_days([subject_id], begin, end, places)
        if folded_days([subject_id], begin, end) == folded:
            break
    by_device: dict[int, list[Chunk]] = defaultdict(list)
    for chunk in found:
        by_device[chunk.device_id].append(chunk)
    for device in sorted(by_device):
        yield _in_order(by_device[device])


def _in_order(parts: Sequence[Chunk]) -> Chunk:
    """Return samples by one device as one run: a day that is folded may have new ones."""
    if len(parts) == 1:
        return parts[0]
    times = np.concatenate([part.times for part in parts])
    order = np.argsort(times, kind="stable")
    readings = np.concatenate([part.readings for part in parts], axis=1)
    return replace(parts[0], times=times[order], readings=readings[:, order])


def _days(
    subject_id: int, begin: datetime, end: datetime, *, folded: bool = True
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of a period that are in one day of UTC each, and have samples.

    :param folded: also those of folded days.
    """
    cursor = db.session.connection().connection.cursor()
    last = day_of(end - _MS) if folded else None
    while begin < end:
        values = {"subject": subject_id, "begin": begin, "end": end, "last": last}
        cursor.execute(_NEXT, values | {"first": day_of(begin)})
        ((found,),) = cursor.fetchall()
        if found is None:
            return
        begin = max(begin, found.astimezone(UTC))
        midnight = _moment(begin_of(day_of(begin)) + DAY_MS)
        yield begin, min(midnight, end)
        begin = midnight


def _moment(ms: int) -> datetime:
    return EPOCH + ms * _MS
