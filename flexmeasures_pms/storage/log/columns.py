"""Readings of a period summed up in columns of time: the lowest, the mean and the highest of each.

Columns as wide as a quarter of an hour, an hour or six hours, or a multiple, are summed up from
those of each quarter, hour or six hours: so they are the same, to the last bit, whether these were
stored when their day was folded, or are computed now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.log import levels
from flexmeasures_pms.storage.log.clock import milliseconds

LevelName = Literal["samples", "quarter", "hour", "six_hours"]
TimeArray = npt.NDArray[np.int64]
ReadingArray = npt.NDArray[np.float64]

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Columns of every width are aligned to this time."""

MINUTES: dict[LevelName, int] = {"six_hours": 360, "hour": 60, "quarter": 15}
"""How wide the columns of a level are, the widest first; those of samples have any width."""

NEVER = -1
"""Stands for the time of a reading where there is none."""

_MS = timedelta(milliseconds=1)
_EPOCH_MS = milliseconds(EPOCH)


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings of some places in columns of time; all arrays but the first are (place, column).

    :param begins: of those columns that have samples, in order of time [ms since 1970-01-01
        UTC].
    :param low: the least of each; NaN where nothing was read, as in ``high`` and ``last``.
    :param total: the sum of its readings.
    :param newest: when the last of them was taken [ms since 1970-01-01 UTC].
    :param last: that reading.
    """

    begins: TimeArray
    low: ReadingArray
    high: ReadingArray
    total: ReadingArray
    count: TimeArray
    newest: TimeArray
    last: ReadingArray

    @property
    def means(self) -> ReadingArray:
        """The mean of each, never outside its readings by rounding."""
        with np.errstate(invalid="ignore"):
            return np.clip(self.total / self.count, self.low, self.high)


def level_of(step: timedelta) -> LevelName:
    """Return what columns of a width are summed up from."""
    for level, minutes in MINUTES.items():
        if not step % timedelta(minutes=minutes):
            return level
    return "samples"


def columns_of(level: levels.Spans) -> Columns:
    """Return spans of samples as columns."""
    return Columns(
        begins=level.begins,
        low=level.low,
        high=level.high,
        total=level.total,
        count=level.count.astype(np.int64),
        newest=np.where(level.count > 0, level.newest, NEVER),
        last=level.last,
    )


def joined(parts: Sequence[Columns], step: timedelta, places: int) -> Columns:
    """Return columns as some that are as wide or wider.

    Of two devices that reported one moment, the one whose columns come first is taken.

    :param parts: of several times or devices.
    :param places: how many there are.
    """
    if not parts:
        return _nothing(places)
    begins = np.concatenate([part.begins for part in parts])
    order = np.argsort(begins, kind="stable")
    begins, starts = _groups(begins[order], step)
    low, high, total, count, newest, last = (
        np.concatenate([getattr(part, name) for part in parts], axis=1)[:, order]
        for name in ("low", "high", "total", "count", "newest", "last")
    )
    latest = np.maximum.reduceat(newest, starts, axis=1)
    sizes = np.diff(starts, append=len(order))
    is_latest = newest == np.repeat(latest, sizes, axis=1)
    position = np.where(is_latest, np.arange(len(order)), len(order))
    chosen = np.minimum.reduceat(position, starts, axis=1)
    return Columns(
        begins=begins,
        low=np.fmin.reduceat(low, starts, axis=1),
        high=np.fmax.reduceat(high, starts, axis=1),
        total=np.add.reduceat(total, starts, axis=1),
        count=np.add.reduceat(count, starts, axis=1),
        newest=latest,
        last=np.take_along_axis(last, chosen, axis=1),
    )


def _numbers(times: TimeArray, step: timedelta) -> TimeArray:
    return (times - _EPOCH_MS) // (step // _MS)


def _groups(times: TimeArray, step: timedelta) -> tuple[TimeArray, npt.NDArray[np.intp]]:
    """Return when the columns of some times in order begin, and where their times start."""
    numbers = _numbers(times, step)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    return numbers[starts] * (step // _MS) + _EPOCH_MS, starts


def _nothing(places: int) -> Columns:
    none, times = np.empty((places, 0)), np.empty((places, 0), np.int64)
    return Columns(np.empty(0, np.int64), none, none, none, times, times, none)
