"""The last sample of things among their folded days."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import days
from flexmeasures_pms.storage.log.clock import EPOCH, day_of
from flexmeasures_pms.storage.log.whole_numbers import part_of, value_at

_AHEAD = """
    SELECT subject_id, array_agg(DISTINCT day) FROM pms_day
    WHERE subject_id = ANY (%s::int[]) AND day >= %s GROUP BY subject_id ORDER BY subject_id"""
_LAST = f"""
    SELECT k.id, d.day, d.device_id, d.last,
      ARRAY(SELECT place FROM pms_day_reading r
        WHERE (r.subject_id, r.day, r.device_id, r.first) = (k.id, d.day, d.device_id, part.first)
        ORDER BY place),
      ARRAY(SELECT {value_at("d.samples")} FROM pms_day_reading r
        WHERE (r.subject_id, r.day, r.device_id, r.first) = (k.id, d.day, d.device_id, part.first)
        ORDER BY place)
    FROM unnest(%s::int[]) AS k (id)
    CROSS JOIN LATERAL (
      SELECT day FROM pms_day WHERE subject_id = k.id ORDER BY day DESC LIMIT 1
    ) newest
    CROSS JOIN LATERAL (
      SELECT day, device_id, last, samples FROM pms_day
      WHERE subject_id = k.id AND day = newest.day ORDER BY last DESC, device_id LIMIT 1
    ) d
    CROSS JOIN LATERAL (
      SELECT {part_of("d.samples", "k.id, d.day, d.device_id")} AS first
    ) part"""  # noqa: S608 - of constants


class LastSample(NamedTuple):
    """The last sample of a thing among its folded days.

    :param readings: by place, NaN for none.
    """

    time: datetime
    device_id: int
    readings: list[float]


def last_folded(subject_ids: Collection[int], until: datetime) -> dict[int, LastSample]:
    """Return the last folded sample of those things that have any; they are locked.

    Of two devices that reported one moment, the first registered is taken.

    :param until: time of the last sample that is not ahead of the clock. Days with later ones,
        after the clock was set back, are thawed.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_AHEAD, (array(subject_ids), day_of(until)))
    for subject, ahead in list(cursor):
        days.thaw(subject, ahead)
    cursor.execute(_LAST, (array(subject_ids),))
    return {
        subject: LastSample(_time(day, last), device, _by_place(places, values))
        for subject, day, device, last, places, values in cursor
    }


def _time(day: date, milliseconds: int) -> datetime:
    return EPOCH + timedelta(days=(day - EPOCH.date()).days, milliseconds=milliseconds)


def _by_place(places: Collection[int], values: Collection[float]) -> list[float]:
    found: Mapping[int, float] = dict(zip(places, values, strict=True))
    return [found.get(place, float("nan")) for place in range(max(places, default=-1) + 1)]
