"""Levels of folded days: what the readings of each quarter of an hour, hour and six hours come to.

The same is made of hot samples by :func:`reduce`, to the last bit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from flexmeasures.data import db

from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import DAY_MS, begin_of, day_of, milliseconds

MINUTES = (15, 60, 360)
"""Of a span, in each level."""

_MINUTE = 60_000  # ms

_READ = """
    SELECT subject_id, device_id, source_id, day - date '1970-01-01', places, begins,
      low, high, total, count, last, newest
    FROM pms_level
    WHERE subject_id = %s AND minutes = %s AND day BETWEEN %s AND %s
    ORDER BY day, device_id"""

_WRITE = """
    INSERT INTO pms_level (subject_id, day, device_id, source_id, minutes, places, begins,
      low, high, total, count, last, newest)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of one thing by one device, in order of time: those that have samples.

    All but ``begins`` are arrays of (place, span).

    :param begins: of the spans [ms since 1970-01-01 UTC].
    :param low: the lowest reading in SI units; NaN where there is none, as in ``high`` and
        ``last``.
    :param total: sum of the readings, one after the other in order of time; 0 of none.
    :param count: number of readings.
    :param last: the last reading.
    :param newest: its time [ms since 1970-01-01 UTC]; of no meaning where there is none.
    """

    subject_id: int
    device_id: int
    source_id: int
    begins: npt.NDArray[np.int64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    count: npt.NDArray[np.int32]
    last: npt.NDArray[np.float64]
    newest: npt.NDArray[np.int64]


def reduce(chunk: Chunk, minutes: int) -> Spans:
    """Return what samples come to in spans of a level, of the clock (UTC).

    Six hours are summed up from hours.

    :param minutes: one of :data:`MINUTES`.
    """
    if minutes > 60:
        return _wider(in_spans(chunk, 60 * _MINUTE), minutes * _MINUTE)
    return in_spans(chunk, minutes * _MINUTE)


def in_spans(chunk: Chunk, width: int) -> Spans:
    """Return what samples come to in spans of a width [ms] of which a day is a multiple."""
    spans = chunk.times // width
    starts = np.flatnonzero(np.diff(spans, prepend=spans[:1] - 1))
    readings, there = chunk.readings, ~np.isnan(chunk.readings)
    numbers = np.cumsum(np.diff(spans, prepend=spans[:1]) != 0)
    # One after the other: other sums of the same numbers differ in their last bits.
    total = [
        np.bincount(numbers, weights=row, minlength=len(starts))
        for row in np.where(there, readings, 0.0)
    ]
    count = np.add.reduceat(there, starts, axis=1, dtype=np.int32)
    positions = np.maximum.reduceat(np.where(there, np.arange(len(spans)), 0), starts, axis=1)
    return Spans(
        chunk.subject_id,
        chunk.device_id,
        chunk.source_id,
        begins=spans[starts] * width,
        low=np.fmin.reduceat(readings, starts, axis=1),
        high=np.fmax.reduceat(readings, starts, axis=1),
        total=np.array(total, dtype=np.float64).reshape(len(readings), len(starts)),
        count=count,
        last=np.where(count, np.take_along_axis(readings, positions, axis=1), np.nan),
        newest=chunk.times[positions],
    )


def _wider(level: Spans, width: int) -> Spans:
    """Return spans as some of a width [ms] that is a multiple of theirs."""
    spans = level.begins // width
    starts = np.flatnonzero(np.diff(spans, prepend=spans[:1] - 1))
    there = np.where(level.count > 0, np.arange(len(spans)), 0)
    positions = np.maximum.reduceat(there, starts, axis=1)
    count = np.add.reduceat(level.count, starts, axis=1, dtype=np.int32)
    return replace(
        level,
        begins=spans[starts] * width,
        low=np.fmin.reduceat(level.low, starts, axis=1),
        high=np.fmax.reduceat(level.high, starts, axis=1),
        total=np.add.reduceat(level.total, starts, axis=1),
        count=count,
        last=np.where(count, np.take_along_axis(level.last, positions, axis=1), np.nan),
        newest=np.take_along_axis(level.newest, positions, axis=1),
    )


def read_levels(
    subject_ids: Collection[int],
    begin: datetime,
    end: datetime,
    minutes: int,
    places: Sequence[int],
    without: Collection[int] = (),
) -> Iterator[Spans]:
    """Yield the levels of folded days of some things: by thing, day and device.

    Days of one device with the same spans, which most have, come together.

    :param end: not included; spans that begin in the period are taken.
    :param minutes: one of :data:`MINUTES`.
    :param places: of the readings that are wanted.
    :param without: days that are left out, by when they begin [ms since 1970-01-01 UTC].
    """
    last = day_of(end - timedelta(microseconds=1))
    bounds = milliseconds(begin), milliseconds(end)
    for subject in subject_ids:
        data = binary.copied(_READ, (subject, minutes, day_of(begin), last))
        found = ([field or b"" for field in row] for row in binary.rows(data))
        days = (row for row in found if binary.whole(row[3]) * DAY_MS not in without)
        for _, alike in groupby(days, key=lambda row: (*row[:3], *row[4:6])):
            if (inside := _inside(_level(list(alike), places), *bounds)) is not None:
                yield inside


def write_levels(chunk: Chunk, day: date, places: Sequence[int]) -> None:
    """Keep the levels of a day that is folded.

    :param places: of the chunk's readings.
    """
    cursor = db.session.connection().connection.cursor()
    for minutes in MINUTES:
        level = reduce(chunk, minutes)
        columns: list[tuple[npt.NDArray[Any], str]] = [
            (np.array(places), "<i2"),
            (level.begins - begin_of(day), "<i4"),
            *((values, "<f8") for values in (level.low, level.high, level.total)),
            (level.count, "<i4"),
            (level.last, "<f8"),
            (level.newest - level.begins, "<i4"),
        ]
        key = (chunk.subject_id, day, chunk.device_id, chunk.source_id, minutes)
        cursor.execute(_WRITE, (*key, *(values.astype(kind).tobytes() for values, kind in columns)))


def _level(rows: Sequence[Sequence[bytes]], places: Sequence[int]) -> Spans:
    """Return days that have all but their readings in common as one run of spans."""
    subject, device, source = map(binary.whole, rows[0][:3])
    spans = np.frombuffer(rows[0][5], dtype="<i4")
    days = np.array([binary.whole(row[3]) for row in rows], np.int64) * DAY_MS
    begins = (days[:, None] + spans).reshape(-1)
    order, is_whole = _order(rows[0][4], tuple(places))

    def table(column: int, kind: str, none: float) -> npt.NDArray[Any]:
        fields = b"".join([row[column] for row in rows])
        found = np.frombuffer(fields, dtype=kind).reshape(len(rows), -1, len(spans))
        if not is_whole:
            nothing = np.full((len(rows), 1, len(spans)), none, dtype=kind)
            found = np.concatenate([found, nothing], axis=1)
        return found[:, order].transpose(1, 0, 2).reshape(len(order), -1)

    return Spans(
        subject,
        device,
        source,
        begins,
        low=table(6, "<f8", np.nan),
        high=table(7, "<f8", np.nan),
        total=table(8, "<f8", 0.0),
        count=table(9, "<i4", 0),
        last=table(10, "<f8", np.nan),
        newest=table(11, "<i4", 0) + begins,
    )


@lru_cache(maxsize=256)
def _order(stored: bytes, places: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], bool]:
    """Return the rows that some places have, and whether all of them have one.

    The row after the last one, which has nothing, stands for what a day has no readings of.
    """
    rows = {place: n for n, place in enumerate(np.frombuffer(stored, dtype="<i2").tolist())}
    order = np.array([rows.get(place, len(rows)) for place in places], dtype=np.int64)
    return order, bool((order < len(rows)).all())


def _inside(level: Spans, first: int, until: int) -> Spans | None:
    """Return the spans that begin in a period, if there are any."""
    if first <= level.begins[0] and level.begins[-1] < until:
        return level
    inside = slice(*np.searchsorted(level.begins, [first, until]))
    if inside.start == inside.stop:
        return None
    names = ("low", "high", "total", "count", "last", "newest")
    cut = {name: getattr(level, name)[:, inside] for name in names}
    return replace(level, begins=level.begins[inside], **cut)
