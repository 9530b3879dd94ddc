"""The samples of a thing's day as arrays: taken from their rows, and written as a folded day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.binary import array_field, field
from flexmeasures_pms.storage.log.clock import EPOCH, PG_EPOCH, begin_of
from flexmeasures_pms.storage.log.whole_numbers import Numbers, fold

_TAKE = """
    DELETE FROM pms_sample
    WHERE subject_id = %s AND event_time >= %s::timestamp AT TIME ZONE 'UTC'
      AND event_time < (%s::timestamp + interval '24 hours') AT TIME ZONE 'UTC'
    RETURNING device_id, source_id, coalesce(board_id, 0), event_time, repeats, readings"""

_DAY = """
    pms_day (subject_id, day, device_id, source_id, samples, last, gaps, repeats, boards)"""
_READING = """
    pms_day_reading
      (subject_id, day, device_id, first, place, decimals, small, numbers, doubles)"""
PART = 4_320
"""Samples in a part of a day: six hours at 5 s. Smaller ones take more of the disk."""

_KINDS = ("int16", "int32", "float64")
"""Of the last three of these columns."""

_BEFORE = (
    ("fields", ">i2"),
    ("", ">i4"), ("device", ">i4"),
    ("", ">i4"), ("source", ">i4"),
    ("", ">i4"), ("board", ">i4"),
    ("", ">i4"), ("time", ">i8"),
    ("", ">i4"), ("repeats", ">i8"),
    ("", ">i4"), ("", "V20"),
)  # fmt: skip
"""A row until the elements of its readings; lengths, and the head of the array, have no name."""

_LENGTH_AT, _LENGTH = 50, Struct(">i")
_ELEMENT = np.dtype([("size", ">i4"), ("value", ">f8")])


@dataclass(frozen=True, slots=True)
class DaySamples:
    """Samples of one thing by one device, in order of time.

    :param sources: of each sample; ``boards`` likewise, 0 where it was sent under no board's id.
    :param times: [µs since 1970-01-01 UTC].
    :param readings: an array of (place, sample); NaN for none.
    """

    device_id: int
    sources: npt.NDArray[np.int64]
    boards: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    repeats: npt.NDArray[np.int64]
    readings: npt.NDArray[np.float64]

    def is_same(self, other: DaySamples) -> bool:
        """Whether all is the same, readings to the last bit."""
        names = ("sources", "boards", "times", "repeats")
        same = all(np.array_equal(getattr(self, n), getattr(other, n)) for n in names)
        return same and np.array_equal(_bits(self.readings), _bits(other.readings))


def _bits(readings: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return what tells 0 from -0; any NaN is none."""
    return np.where(np.isnan(readings), np.nan, readings).view(np.int64)


def take_day(subject_id: int, day: date) -> list[DaySamples]:
    """Delete the hot samples of a thing's day, and return them by device."""
    data = binary.copied(_TAKE, (subject_id, day, day))
    groups = list(_groups(data))
    if not groups:
        return []
    columns = {name: np.concatenate([g[name] for g in groups]) for name in _NAMES}
    most = max(g["readings"].shape[1] for g in groups)
    # Rows of before a quantity came are shorter.
    readings = np.full((len(columns["time"]), most), np.nan)
    at = 0
    for group in groups:
        found = group["readings"]["value"]
        readings[at : at + len(found), : found.shape[1]] = found
        at += len(found)
    order = np.lexsort((columns["time"], columns["device"]))
    devices = columns["device"][order]
    return [
        _of_device(columns, readings, some)
        for some in np.split(order, np.flatnonzero(np.diff(devices)) + 1)
    ]


_NAMES = ("device", "source", "board", "time", "repeats")


def _of_device(
    columns: dict[str, npt.NDArray[Any]],
    readings: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
) -> DaySamples:
    return DaySamples(
        int(columns["device"][order[0]]),
        columns["source"][order].astype(np.int64),
        columns["board"][order].astype(np.int64),
        columns["time"][order].astype(np.int64) + (PG_EPOCH - EPOCH) // timedelta(microseconds=1),
        columns["repeats"][order].astype(np.int64),
        np.ascontiguousarray(readings[order].T),
    )


def _groups(data: bytes) -> Iterator[npt.NDArray[Any]]:
    """Yield the rows of each length as an array."""
    rows: dict[int, list[bytes]] = {}
    at, end = binary.FIRST_ROW, len(data) - 2
    while at < end:
        length = _LENGTH.unpack_from(data, at + _LENGTH_AT)[0]
        after = at + _LENGTH_AT + _LENGTH.size + length
        rows.setdefault(length, []).append(data[at:after])
        at = after
    names = [name or f"_{n}" for n, (name, _) in enumerate(_BEFORE)]
    fields = list(zip(names, [kind for _, kind in _BEFORE], strict=True))
    for length, found in rows.items():
        elements = ((length - 20) // _ELEMENT.itemsize,)
        yield np.frombuffer(b"".join(found), dtype=[*fields, ("readings", _ELEMENT, elements)])


def write_day(subject_id: int, day: date, samples: DaySamples, places: Sequence[int]) -> None:
    """Write the samples of a day as a folded one.

    :param samples: at least one, all at whole milliseconds and of one source.
    :param places: of the readings.
    """
    key = (field(subject_id), field((day - PG_EPOCH.date()).days), field(samples.device_id))
    times = samples.times // 1000 - begin_of(day)
    row = [
        *key,
        field(int(samples.sources[0])),
        field(len(times)),
        field(int(times[-1])),
        array_field(np.diff(times, prepend=0).astype(np.int32)),
        array_field(samples.repeats) if samples.repeats.any() else None,
        array_field(samples.boards.astype(np.int32)) if samples.boards.any() else None,
    ]
    binary.put(_DAY, [row])
    rows = (
        [*key, field(first + 1), field(place, 2), *_columns(fold(readings[first : first + PART]))]
        for first in range(0, len(times), PART)
        for place, readings in zip(places, samples.readings, strict=True)
    )
    binary.put(_READING, rows)


def _columns(numbers: Numbers) -> list[bytes | None]:
    decimals = None if numbers.decimals is None else field(numbers.decimals, 2)
    name, values = numbers.values.dtype.name, array_field(numbers.values)
    return [decimals, *(values if name == kind else None for kind in _KINDS)]


def numbers_of(
    decimals: bytes | None, small: bytes | None, numbers: bytes | None, doubles: bytes | None
) -> Numbers:
    """Return the readings of a day at one place, from the fields of their row."""
    if decimals is None:
        return Numbers(None, binary.doubles(doubles or b""))
    whole = binary.integers(small, 2) if small else binary.integers(numbers or b"", 4)
    return Numbers(binary.whole(decimals), whole)
