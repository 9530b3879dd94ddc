"""The readings of things at some moments of a period, however many are stored.

The samples around each moment are looked up by the index: 48 packs at 60 moments take no longer
for a month than for an hour.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from flexmeasures_pms.storage.log import hot_moments
from flexmeasures_pms.storage.log.hot_moments import Grid

AROUND = 3
"""Samples on either side that determine the usual time, so that one long step has no effect."""
REACH = timedelta(hours=1)
"""How far before and after a period they are searched."""


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

    def newest(self, look_back: Grid) -> Grid:
        """Return each place's newest reading at each moment, (thing, place, moment).

        :param look_back: how old it may be [s], an array of (thing, moment).
        """
        there = self.ages < look_back[:, :, None]
        found = np.full_like(self.readings[:, :, 0], np.nan)
        for n in range(self.ages.shape[2] - 1, -1, -1):
            reading = self.readings[:, :, n]
            found = np.where(there[:, :, n, None] & ~np.isnan(reading), reading, found)
        return found.transpose(0, 2, 1)


def around(
    subject_ids: Sequence[int],
    moments: Sequence[datetime],
    places: Sequence[int],
    devices: Collection[int] | None = None,
) -> Around:
    """Return the samples of some things around some moments.

    :param moments: in order of time.
    :param devices: those that reported them; None for all.
    """
    if not subject_ids or not moments:
        shape = len(subject_ids), len(moments), AROUND
        none = np.full(shape, np.nan)
        return Around(none, np.full((*shape, len(places)), np.nan), none)
    period = moments[0] - REACH, moments[-1] + REACH
    wanted = hot_moments.Wanted(subject_ids, moments, period, devices, AROUND)
    ages, readings = hot_moments.before(wanted, places)
    return Around(ages, readings, hot_moments.after(wanted))
