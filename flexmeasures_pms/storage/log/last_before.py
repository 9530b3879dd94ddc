"""The last sample of each of many things up to a moment, however long ago that was.

Of hot samples it is looked up by the index. Of a folded day, the sums of its hours tell where in
the day the sample is, and what it has of quantities that did not change in that hour: only the
others are unpacked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from math import nan
from typing import NamedTuple

from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.clock import EPOCH, PG_EPOCH, day_of
from flexmeasures_pms.storage.log.days import FoldedDay
from flexmeasures_pms.storage.log.hot_rows import rows, selected
from flexmeasures_pms.storage.log.last_folded import LastSample
from flexmeasures_pms.storage.log.positions import FoldedSpot, spots_of
from flexmeasures_pms.storage.log.series import TRIES
from flexmeasures_pms.storage.log.whole_numbers import part_of, value_at

_HOT = """
    SELECT b.event_time, b.device_id, s.id, {readings}
    FROM unnest(%s::int[]) AS s (id)
    CROSS JOIN LATERAL (
      SELECT event_time, device_id, readings FROM pms_sample
      WHERE subject_id = s.id AND event_time <= %s
      ORDER BY event_time DESC, device_id LIMIT 1
    ) b"""
# The day of the moment, and the last one before it.
_FOLDED = """
    SELECT d.subject_id, d.day, d.device_id, d.source_id, d.samples, d.last, d.xmin::text::bigint
    FROM unnest(%(things)s::int[]) AS k (id)
    CROSS JOIN LATERAL (
      SELECT %(day)s::date AS day UNION ALL
      (SELECT day FROM pms_day WHERE subject_id = k.id AND day < %(day)s ORDER BY day DESC LIMIT 1)
    ) n
    JOIN pms_day d ON d.subject_id = k.id AND d.day = n.day
    ORDER BY d.subject_id, d.day, d.device_id"""
_READINGS = f"""
    SELECT k.n, r.place, {value_at("k.position")}
    FROM (
      SELECT *, {part_of("u.position", "u.subject, u.day, u.device")} AS first
      FROM unnest(%s::int[], %s::int[], %s::date[], %s::int[], %s::int[], %s::text[])
        AS u (n, subject, day, device, position, places)
    ) k
    JOIN pms_day_reading r ON r.subject_id = k.subject AND r.day = k.day
      AND r.device_id = k.device AND r.first = k.first
      AND r.place = ANY (k.places::int[])"""  # noqa: S608 - of constants
_US = timedelta(microseconds=1)


class _Folded(NamedTuple):
    time: datetime
    day: FoldedDay
    spot: FoldedSpot


def last_before(
    subject_ids: Collection[int], at: datetime, since: datetime, places: Sequence[int]
) -> dict[int, LastSample]:
    """Return the last sample of each thing at or before a moment, of those that have one.

    Of two devices that reported one moment, the first registered is taken.

    :param since: of samples before that only the time is read, and who sent them.
    :param places: of the readings that are wanted; these are returned in their order.
    """
    for _ in range(TRIES):
        days = _folded_days(subject_ids, at)
        found = _hot(subject_ids, at, places)
        folded = _newest([d for d in days if _may_be_newer(d, found.get(d.subject_id))], at, since)
        chosen = [f for f in folded.values() if _is_newer(f, found.get(f.day.subject_id))]
        found |= _unpacked(chosen, since, places)
        if not days or _folded_days(subject_ids, at) == days:
            break
    return {n: s if s.time >= since else s._replace(readings=[]) for n, s in found.items()}


def _hot(
    subject_ids: Collection[int], at: datetime, places: Sequence[int]
) -> dict[int, LastSample]:
    wanted = selected(places)
    found = rows(_HOT, wanted, (array(subject_ids), at))
    # The third column, which elsewhere is the source, is the thing.
    keys = zip(*(found[name].tolist() for name in ("source", "time", "device")), strict=True)
    return {
        subject: LastSample(PG_EPOCH + time * _US, device, readings)
        for (subject, time, device), readings in zip(keys, wanted.of(found).tolist(), strict=True)
    }


def _folded_days(subject_ids: Collection[int], at: datetime) -> list[FoldedDay]:
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_FOLDED, {"things": array(subject_ids), "day": day_of(at)})
    return [FoldedDay(*row) for row in cursor]


def _newest(days: Sequence[FoldedDay], at: datetime, since: datetime) -> dict[int, _Folded]:
    """Return the newest folded sample of each thing: of its last day that has one.

    :param days: of one time in order of their devices.
    """
    found = _newest_of([day for day in days if day.day == day_of(at)], at, since)
    earlier = [d for d in days if d.day != day_of(at) and d.subject_id not in found]
    return found | _newest_of(earlier, at, since)


def _newest_of(days: Sequence[FoldedDay], at: datetime, since: datetime) -> dict[int, _Folded]:
    found: dict[int, _Folded] = {}
    for day, spot in zip(days, spots_of(days, at, since), strict=True):
        if spot is not None:
            time = EPOCH + timedelta(milliseconds=day.begin + spot.time)
            known = found.get(day.subject_id)
            if known is None or time > known.time:
                found[day.subject_id] = _Folded(time, day, spot)
    return found


def _may_be_newer(day: FoldedDay, hot: LastSample | None) -> bool:
    return hot is None or EPOCH + timedelta(milliseconds=day.begin + day.last) >= hot.time


def _is_newer(folded: _Folded, hot: LastSample | None) -> bool:
    if hot is None:
        return True
    return (folded.time, -folded.day.device_id) > (hot.time, -hot.device_id)


def _unpacked(
    chosen: Sequence[_Folded], since: datetime, places: Sequence[int]
) -> dict[int, LastSample]:
    """Return folded samples with their readings."""
    known: list[dict[int, float]] = [f.spot.readings if f.time >= since else {} for f in chosen]
    asked = [
        (n, *one.day[:3], one.spot.position, f'"{array(wanted)}"')
        for n, one in enumerate(chosen)
        if one.time >= since and (wanted := [p for p in places if p not in known[n]])
    ]
    if asked:
        cursor = db.session.connection().connection.cursor()
        cursor.execute(_READINGS, [array(column) for column in zip(*asked, strict=True)])
        for n, place, value in cursor:
            known[n][place] = value
    return {
        one.day.subject_id: LastSample(
            one.time, one.day.device_id, [known[n].get(place, nan) for place in places]
        )
        for n, one in enumerate(chosen)
    }
