"""The last readings of quarters of an hour of folded days, as their levels have them.

Where all moments are full hours, the level of hours tells it with a quarter of the bytes: its last
reading is one of the last quarter, or that quarter has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.clock import DAY_MS, EPOCH, milliseconds
from flexmeasures_pms.storage.log.hot_moments import Grid

_QUARTER, _HOUR = 900_000, 3_600_000  # ms
_SHAPES = """
    SELECT subject_id, device_id, day - date '1970-01-01', places, begins FROM pms_level
    WHERE minutes = %s AND subject_id = ANY (%s::int[]) AND day = ANY (%s::date[])"""
# Only the places that are wanted, which mostly lie side by side.
_LAST = """
    SELECT k.n, substr(l.last, k.first * 8 + 1, k.length * 8),
      substr(l.newest, k.first * 4 + 1, k.length * 4)
    FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[])
      WITH ORDINALITY AS k (subject, device, day, first, length, n)
    JOIN pms_level l ON l.minutes = %s AND l.subject_id = k.subject
      AND l.day = date '1970-01-01' + k.day AND l.device_id = k.device"""


class _Shape(NamedTuple):
    """What many folded days have in common: the device, and the bytes of places and begins."""

    device_id: int
    places: bytes
    begins: bytes


class _Wanted(NamedTuple):
    """Where the values of a shape are.

    :param begins: of the spans [ms of the day].
    :param rows: of the wanted places, from the first that is stored; -1 for none.
    :param first: the first value that is wanted, and how many from there on.
    """

    begins: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    first: int
    length: int


class _Stored(NamedTuple):
    """Folded days of one shape.

    :param things: of each, and its ``days``.
    :param last: readings by day, stored place and span; ``newest`` when they were taken [ms since
        the span began].
    """

    wanted: _Wanted
    things: npt.NDArray[np.int64]
    days: npt.NDArray[np.int64]
    last: npt.NDArray[np.float64]
    newest: npt.NDArray[np.int32]


def ends(
    subject_ids: Sequence[int],
    moments: Sequence[datetime],
    places: Sequence[int],
    devices: Collection[int] | None,
) -> tuple[Grid, Grid]:
    """Return what each place read last in the quarter before each moment: ages [s] and readings.

    :param devices: those that reported; None for all.
    :returns: arrays of (thing, moment, place).
    """
    at = np.array([milliseconds(moment) for moment in moments])
    width = _QUARTER if (at % _HOUR).any() else _HOUR
    days, begins = np.divmod(at - width, DAY_MS)
    ages = np.full((len(subject_ids), len(moments), len(places)), np.nan)
    readings = ages.copy()
    for some in _stored(subject_ids, days, places, devices, width // 60_000):
        day, moment = np.nonzero(some.days[:, None] == days)
        spans = some.wanted.begins
        span = np.minimum(np.searchsorted(spans, begins[moment]), len(spans) - 1)
        there = spans[span] == begins[moment]
        day, moment, span = day[there], moment[there], span[there]
        value, newest = (
            values[day[:, None], some.wanted.rows, span[:, None]]
            for values in (some.last, some.newest)
        )
        age, spot = (width - newest) / 1000, (some.things[day], moment)
        known = ~np.isnan(value) & (age <= _QUARTER / 1000) & (some.wanted.rows >= 0)
        # Of two devices at one moment, the one that was registered first.
        newer = known & ~(ages[spot] <= age)
        ages[spot] = np.where(newer, age, ages[spot])
        readings[spot] = np.where(newer, value, readings[spot])
    return ages, readings


def _stored(
    subject_ids: Sequence[int],
    days: npt.NDArray[np.int64],
    places: Sequence[int],
    devices: Collection[int] | None,
    minutes: int,
) -> Iterator[_Stored]:
    """Yield what is folded of things on some days: shape by shape, in order of the devices."""
    numbers = {subject: n for n, subject in enumerate(subject_ids)}
    found: dict[_Shape, list[tuple[int, int]]] = defaultdict(list)
    dates = array((EPOCH + timedelta(days=int(day))).date() for day in np.unique(days))
    for row in binary.rows(binary.copied(_SHAPES, (minutes, array(subject_ids), dates))):
        subject, device, day = (binary.whole(field or b"") for field in row[:3])
        if devices is None or device in devices:
            found[_Shape(device, row[3] or b"", row[4] or b"")].append((subject, day))
    for shape in sorted(found):
        wanted = _wanted(shape, places)
        rows = list(_rows(shape.device_id, found[shape], wanted, minutes)) if wanted else []
        if wanted and rows:
            yield _Stored(
                wanted,
                np.array([numbers[subject] for subject, *_ in rows], np.int64),
                np.array([day for _, day, *_ in rows], np.int64),
                _table([last for *_, last, _ in rows], "<f8", wanted),
                _table([newest for *_, newest in rows], "<i4", wanted),
            )


def _wanted(shape: _Shape, places: Sequence[int]) -> _Wanted | None:
    known = np.frombuffer(shape.places, "<i2")
    row = np.searchsorted(known, places)
    there = known[np.minimum(row, len(known) - 1)] == places
    if not there.any():
        return None
    begins, first, last = np.frombuffer(shape.begins, "<i4"), row[there].min(), row[there].max()
    rows, spans = np.where(there, row - first, -1), len(begins)
    return _Wanted(begins, rows, int(first) * spans, int(last - first + 1) * spans)


def _rows(
    device: int, keys: Sequence[tuple[int, int]], wanted: _Wanted, minutes: int
) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield things, days, last readings and when these were taken; of those that are still so."""
    columns = [(subject, device, day, wanted.first, wanted.length) for subject, day in keys]
    values = [*(array(column) for column in zip(*columns, strict=True)), minutes]
    for number, last, newest in binary.rows(binary.copied(_LAST, values)):
        if last and len(last) == wanted.length * 8:
            yield *keys[binary.whole(number or b"") - 1], last, newest or b""


def _table(fields: Sequence[bytes], kind: str, wanted: _Wanted) -> npt.NDArray[Any]:
    found = np.frombuffer(b"".join(fields), kind)
    return found.reshape(len(fields), -1, len(wanted.begins))
