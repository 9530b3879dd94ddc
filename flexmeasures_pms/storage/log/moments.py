"""The readings of things at some moments of a period, however many are stored.

Hot samples around each moment are looked up by the index: 48 packs at 60 moments take no longer
for a month than for an hour. Of folded days, those of an hour or so are read; where moments are far
apart, they are the ends of quarters of an hour, and the last reading of each quarter is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.log import hot_moments, level_moments
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import EPOCH, milliseconds
from flexmeasures_pms.storage.log.days import folded_days, read_days
from flexmeasures_pms.storage.log.hot_moments import Grid, Wanted
from flexmeasures_pms.storage.log.series import TRIES, chunks

AROUND = 3
"""Samples on either side that determine the usual time, so that one long step has no effect."""
REACH = timedelta(hours=1)
"""How far before and after a period they are searched."""
QUARTER = timedelta(minutes=15)

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class NewestReadings:
    """Each place's newest reading at some moments; arrays of (thing, moment, place).

    :param ages: of the readings [s]; NaN for none.
    """

    ages: Grid
    readings: Grid

    def within(self, look_back: Grid) -> Grid:
        """Return those that are not too old, (thing, place, moment).

        :param look_back: how old they may be [s], an array of (thing, moment).
        """
        found = np.where(self.ages < look_back[:, :, None], self.readings, np.nan)
        return found.transpose(0, 2, 1)


@dataclass(frozen=True, slots=True)
class Around:
    """The samples around some moments; all arrays begin with (thing, moment).

    :param ages: of the newest samples at each moment, the newest first [s]; NaN for none.
    :param readings: of these, (thing, moment, sample, place); NaN for none.
    :param ahead: how long after each moment the next samples were taken [s]; NaN for none.
    """

    ages: Grid
    readings: Grid
    ahead: Grid

    def usual_steps(self) -> Grid:
        """Return the usual time between two samples around each moment [s].

        :returns: an array of (thing, moment); NaN where there are no two samples.
        """
        times = np.concatenate([-self.ages[:, :, ::-1], self.ahead], axis=2)
        gaps = np.sort(np.diff(times, axis=2), axis=2)  # what is not known comes last
        known = np.count_nonzero(~np.isnan(gaps), axis=2)
        middle = np.maximum(0, (known + 1) // 2 - 1)
        return np.take_along_axis(gaps, middle[:, :, None], axis=2)[:, :, 0]

    def newest(self) -> NewestReadings:
        """Return each place's newest reading at each moment."""
        found = np.full_like(self.readings[:, :, 0], np.nan)
        ages = found.copy()
        for n in range(self.ages.shape[2] - 1, -1, -1):
            there = ~np.isnan(self.readings[:, :, n])
            found = np.where(there, self.readings[:, :, n], found)
            ages = np.where(there, self.ages[:, :, n, None], ages)
        return NewestReadings(ages, found)


def around(
    subject_ids: Sequence[int],
    moments: Sequence[datetime],
    places: Sequence[int],
    devices: Collection[int] | None = None,
) -> Around:
    """Return the samples of some things around some moments, of a day or less.

    :param moments: in order of time.
    :param devices: those that reported them; None for all.
    """
    if not subject_ids:
        none = np.empty((0, len(moments), AROUND))
        return Around(none, np.empty((*none.shape, len(places))), none)
    period = moments[0] - REACH, moments[-1] + REACH
    wanted = Wanted(subject_ids, moments, period, period[1] - period[0], devices, AROUND)
    for _ in range(TRIES):
        folded = folded_days(subject_ids, *period)
        found = _hot(wanted, places)
        _add_folded(found, {day.subject_id for day in folded}, wanted, places)
        if folded_days(subject_ids, *period) == folded:
            break
    return found


def ends_of_quarters(
    subject_ids: Sequence[int],
    moments: Sequence[datetime],
    places: Sequence[int],
    devices: Collection[int] | None = None,
) -> NewestReadings:
    """Return what each place read last in the quarter of an hour before each moment.

    :param moments: in order of time; each ends a quarter of an hour of the clock (UTC).
    :param devices: those that reported; None for all.
    """
    if not subject_ids:
        none = np.empty((0, len(moments), len(places)))
        return NewestReadings(none, none)
    before, period = [moment - _MS for moment in moments], (moments[0] - QUARTER, moments[-1])
    wanted = Wanted(subject_ids, before, period, QUARTER, devices, AROUND)
    for _ in range(TRIES):
        folded_before = folded_days(subject_ids, *period)
        hot = _hot(wanted, places, after=False).newest()
        ages, readings = level_moments.ends(subject_ids, moments, places, devices)
        if folded_days(subject_ids, *period) == folded_before:
            break
    of_hot = hot.ages + _MS.total_seconds()
    of_hot = np.where(of_hot <= QUARTER.total_seconds(), of_hot, np.nan)
    # Of one that is not known neither is less.
    folded = np.isnan(of_hot) | (ages < of_hot)
    return NewestReadings(np.where(folded, ages, of_hot), np.where(folded, readings, hot.readings))


def _hot(wanted: Wanted, places: Sequence[int], *, after: bool = True) -> Around:
    ages, readings = hot_moments.before(wanted, places)
    ahead = hot_moments.after(wanted) if after else np.full_like(ages, np.nan)
    return Around(ages, readings, ahead)


def _add_folded(
    found: Around, folded: Collection[int], wanted: Wanted, places: Sequence[int]
) -> None:
    """Add what is folded of things to what is hot around moments.

    All that is hot in the period is around one of its moments: most things have nothing, and are
    read at once.
    """
    numbers = {subject: n for n, subject in enumerate(wanted.subject_ids) if subject in folded}
    of_thing: dict[int, list[Chunk]] = {
        n: list(chunks([subject], *wanted.period, places))
        for subject, n in numbers.items()
        if not (np.isnan(found.ages[n]).all() and np.isnan(found.ahead[n]).all())
    }
    rest = [subject for subject, n in numbers.items() if n not in of_thing]
    for chunk in read_days(rest, *wanted.period, places, partial(_near, wanted)):
        of_thing.setdefault(numbers[chunk.subject_id], []).append(chunk)
    for n, parts in of_thing.items():
        own = _of_chunks(parts, wanted, places)
        found.ages[n], found.readings[n], found.ahead[n] = own.ages, own.readings, own.ahead


def _near(wanted: Wanted, times: npt.NDArray[np.int64]) -> slice:
    """Return which samples of a day may be around a moment: a few before the first to the last."""
    first, last = ((wanted.moments[n] - EPOCH) / _MS for n in (0, -1))
    begin, end = np.searchsorted(times, [milliseconds(time) for time in wanted.period])
    before, after = np.searchsorted(times, [first, last], side="right")
    start = max(begin, before - wanted.most)
    return slice(start, max(start, min(end, after + wanted.most)))


def _of_chunks(parts: Sequence[Chunk], wanted: Wanted, places: Sequence[int]) -> Around:
    """Return the samples of one thing around some moments; arrays without the thing."""
    moments, devices = wanted.moments, wanted.devices
    at = np.array([(moment - EPOCH) / _MS for moment in moments])
    ages, ahead = np.full((2, len(at), AROUND), np.nan)
    readings = np.full((len(at), AROUND, len(places)), np.nan)
    found = [part for part in parts if devices is None or part.device_id in devices]
    if not found:
        return Around(ages, readings, ahead)
    times = np.concatenate([chunk.times for chunk in found])
    # Of two devices at one moment, the one that was registered first is the newest.
    numbers = np.concatenate([np.full(len(chunk.times), -chunk.device_id) for chunk in found])
    order = np.lexsort((numbers, times))
    times = times[order]
    read = np.concatenate([chunk.readings for chunk in found], axis=1)[:, order]
    following = np.searchsorted(times, at, side="right")
    for n in range(AROUND):
        before = following - 1 - n
        there = before >= 0
        ages[there, n] = (at[there] - times[before[there]]) / 1000
        readings[there, n] = read[:, before[there]].T
        later = following + n
        there = later < len(times)
        ahead[there, n] = (times[later[there]] - at[there]) / 1000
    return Around(ages, readings, ahead)
