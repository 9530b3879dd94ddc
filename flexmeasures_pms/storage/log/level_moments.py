"""The last readings of quarters of an hour of folded days, as their level has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.clock import DAY_MS, EPOCH, milliseconds
from flexmeasures_pms.storage.log.hot_moments import Grid

_QUARTER = 900_000  # ms
_SHAPES = """
    SELECT subject_id, device_id, day - date '1970-01-01', places, begins FROM pms_level
    WHERE minutes = 15 AND subject_id = ANY (%s::int[]) AND day = ANY (%s::date[])
    ORDER BY subject_id, day, device_id"""
# Only the places that are wanted, which mostly lie side by side.
_LAST = """
    SELECT k.n, substr(l.last, k.first * 8 + 1, k.length * 8),
      substr(l.newest, k.first * 4 + 1, k.length * 4)
    FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[])
      WITH ORDINALITY AS k (subject, device, day, first, length, n)
    JOIN pms_level l ON l.minutes = 15 AND l.subject_id = k.subject
      AND l.day = date '1970-01-01' + k.day AND l.device_id = k.device"""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A folded day by a device, as far as it has wanted places.

    :param begins: of its quarters [ms of the day].
    :param rows: where the stored values have those of the wanted places; -1 for none.
    """

    subject_id: int
    device_id: int
    day: int
    begins: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]

    @property
    def part(self) -> tuple[int, int]:
        """The first value that is wanted, and how many from there on."""
        known = self.rows[self.rows >= 0]
        first, last = int(known.min()), int(known.max())
        return first * len(self.begins), (last - first + 1) * len(self.begins)

    def table(self, field: bytes | None, kind: str) -> npt.NDArray[np.float64]:
        """Return that part as an array of (wanted place, quarter); NaN for none."""
        found = np.frombuffer(field or b"", kind).reshape(-1, len(self.begins))
        known = self.rows >= 0
        table = np.full((len(self.rows), len(self.begins)), np.nan)
        table[known] = found[self.rows[known] - self.rows[known].min()]
        return table


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
    quarters = np.array([milliseconds(moment) for moment in moments]) - _QUARTER
    ages = np.full((len(subject_ids), len(moments), len(places)), np.nan)
    readings = ages.copy()
    stored = [one for one in _stored(subject_ids, quarters // DAY_MS, places)
              if devices is None or one.device_id in devices]  # fmt: skip
    numbers = {subject: n for n, subject in enumerate(subject_ids)}
    for one, last, newest in _read(stored):
        inside = np.flatnonzero(quarters // DAY_MS == one.day)
        spot = np.searchsorted(one.begins, quarters[inside] % DAY_MS)
        there = one.begins[np.minimum(spot, len(one.begins) - 1)] == quarters[inside] % DAY_MS
        inside, spot = inside[there], spot[there]
        at = numbers[one.subject_id], inside
        values = last[:, spot].T
        age = np.where(np.isnan(values), np.nan, (_QUARTER - newest[:, spot].T) / 1000)
        # Of two devices at one moment, the one that was registered first.
        newer = np.isnan(ages[at]) | (age < ages[at])
        ages[at] = np.where(newer, age, ages[at])
        readings[at] = np.where(newer, values, readings[at])
    return ages, readings


def _stored(
    subject_ids: Sequence[int], days: npt.NDArray[np.int64], places: Sequence[int]
) -> Iterator[_Stored]:
    dates = array((EPOCH + timedelta(days=int(day))).date() for day in np.unique(days))
    for row in binary.rows(binary.copied(_SHAPES, (array(subject_ids), dates))):
        subject, device, day = (binary.whole(field or b"") for field in row[:3])
        known = np.frombuffer(row[3] or b"", "<i2")
        spot = np.searchsorted(known, places)
        there = known[np.minimum(spot, len(known) - 1)] == places
        if there.any():
            begins = np.frombuffer(row[4] or b"", "<i4")
            yield _Stored(subject, device, day, begins, np.where(there, spot, -1))


def _read(stored: Sequence[_Stored]) -> Iterator[tuple[_Stored, Grid, Grid]]:
    """Yield folded days with the last readings of their quarters, and when these were taken."""
    keys = [(one.subject_id, one.device_id, one.day, *one.part) for one in stored]
    columns = [array(column) for column in zip(*keys, strict=True)] or ["{}"] * 5
    for number, last, newest in binary.rows(binary.copied(_LAST, columns)):
        one = stored[binary.whole(number or b"") - 1]
        yield one, one.table(last, "<f8"), one.table(newest, "<i4")
