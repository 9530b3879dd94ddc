"""Rows of ``pms_sample`` around some moments, looked up by the index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.columns import EPOCH
from flexmeasures_pms.storage.log.hot_rows import RowArray, Selected, rows, selected

Grid = npt.NDArray[np.float64]

_AROUND = """
    SELECT b.event_time, b.device_id, ((s.n - 1) * %s + m.n - 1)::int, {readings}
    FROM unnest(%s::int[]) WITH ORDINALITY AS s (subject, n)
    CROSS JOIN unnest(%s::timestamptz[]) WITH ORDINALITY AS m (moment, n)
    CROSS JOIN LATERAL (
      SELECT event_time, device_id, readings FROM pms_sample
      WHERE subject_id = s.subject AND{side}
      LIMIT %s
    ) b"""
_BEFORE = """
          event_time <= m.moment AND event_time >= greatest(%s, m.moment - %s) {devices}
        ORDER BY event_time DESC, device_id"""
_AFTER = """
          event_time > m.moment AND event_time <= least(%s, m.moment + %s) {devices}
        ORDER BY event_time"""
_DEVICES = "AND device_id = ANY (%s::int[])"
_NONE = Selected("ARRAY[0::float8]", 1, [])
_US = timedelta(microseconds=1)


class Wanted(NamedTuple):
    """What is looked up.

    :param period: nothing before or after it is.
    :param reach: nothing further from a moment is.
    :param devices: those that reported; None for all.
    :param most: how many samples on either side of a moment.
    """

    subject_ids: Sequence[int]
    moments: Sequence[datetime]
    period: tuple[datetime, datetime]
    reach: timedelta
    devices: Collection[int] | None
    most: int


def before(wanted: Wanted, places: Sequence[int]) -> tuple[Grid, Grid]:
    """Return the newest samples at each moment, the newest first: ages [s] and readings.

    :returns: arrays of (thing, moment, sample) and (thing, moment, sample, place).
    """
    readings_of = selected(places)
    found = _rows(wanted, _BEFORE, wanted.period[0], readings_of)
    ages, spots = _placed(wanted, found, newest_first=True)
    readings = np.full((ages.size, len(places)), np.nan)
    readings[spots] = readings_of.of(found)
    return -ages, readings.reshape(*ages.shape, len(places))


def after(wanted: Wanted) -> Grid:
    """Return how long after each moment the next samples were taken [s], the first one first.

    :returns: an array of (thing, moment, sample).
    """
    found = _rows(wanted, _AFTER, wanted.period[1], _NONE)
    return _placed(wanted, found, newest_first=False)[0]


def _rows(wanted: Wanted, side: str, limit: datetime, readings: Selected) -> RowArray:
    chosen = wanted.devices is not None
    side = side.format(devices=_DEVICES if chosen else "")
    values: list[Any] = [
        len(wanted.moments),
        array(wanted.subject_ids),
        array(moment.isoformat() for moment in wanted.moments),
        limit,
        wanted.reach,
        *([array(wanted.devices)] if wanted.devices is not None else []),
        wanted.most,
    ]
    return rows(_AROUND.replace("{side}", side), readings, values)


def _placed(
    wanted: Wanted, rows: RowArray, *, newest_first: bool
) -> tuple[Grid, npt.NDArray[np.int64]]:
    """Return when rows were taken after their moments [s], and where in that array each is."""
    number, time = rows["source"].astype(np.int64), rows["time"].astype(np.int64)
    order = np.lexsort((rows["device"], -time if newest_first else time, number))
    first = np.searchsorted(number[order], number[order])
    spots = np.empty(len(rows), np.int64)
    spots[order] = number[order] * wanted.most + np.arange(len(rows)) - first
    moments = np.array([(moment - EPOCH) // _US for moment in wanted.moments], np.int64)
    found = np.full(len(wanted.subject_ids) * len(moments) * wanted.most, np.nan)
    found[spots] = (time - moments[number % len(moments)]) / 1e6
    return found.reshape(len(wanted.subject_ids), len(moments), wanted.most), spots
