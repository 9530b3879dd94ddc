"""How many samples the log has of things in a period, and where it goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.clock import EPOCH
from flexmeasures_pms.storage.log.days import folded_days, read_days

_HOT = """
    SELECT subject_id, count(*) FROM pms_sample
    WHERE subject_id = ANY (%s::int[]) AND event_time >= %s AND event_time < %s
      AND (%s IS NULL OR device_id = %s)
    GROUP BY subject_id"""
_NEXT_HOT = """
    SELECT min(event_time) FROM pms_sample
    WHERE subject_id = %s AND event_time >= %s AND event_time < %s
      AND (%s IS NULL OR device_id = %s)"""


def counted_samples(
    subject_ids: Collection[int], begin: datetime, end: datetime, device_id: int | None
) -> dict[int, int]:
    """Return how many samples there are of each thing that has any, hot or folded.

    :param end: not included.
    :param device_id: of those that one device reported; None for all.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_HOT, (array(subject_ids), begin, end, device_id, device_id))
    found: dict[int, int] = dict(cursor.fetchall())
    for chunk in read_days(subject_ids, begin, end, ()):
        if device_id in (None, chunk.device_id):
            found[chunk.subject_id] = found.get(chunk.subject_id, 0) + len(chunk.times)
    return found


def next_sample(
    subject_id: int, begin: datetime, end: datetime, device_id: int | None
) -> datetime | None:
    """Return a time at or before which the first sample of a thing in a period is, if any.

    Of a folded day it may be earlier than that sample.
    """
    if begin >= end:
        return None
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_NEXT_HOT, (subject_id, begin, end, device_id, device_id))
    ((hot,),) = cursor.fetchall()
    times = [hot.astimezone(UTC)] if hot else []
    for day in folded_days([subject_id], begin, end):
        first = EPOCH + timedelta(milliseconds=day.begin)
        last = first + timedelta(milliseconds=day.last)
        if device_id in (None, day.device_id) and last >= begin:
            times.append(max(first, begin))
    return min(times, default=None)
