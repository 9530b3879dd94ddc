"""How often a device reported at each moment of a period, to recognise gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from flexmeasures_pms.storage.log.columns import Columns, TimeArray

_MS = timedelta(milliseconds=1)
USUAL = timedelta(minutes=1) // _MS
"""The assumed time between two samples if there is no data: the slowest known interval [ms]."""
_AROUND = 5
"""How many steps on either side determine the usual interval: more than a short outage."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """The usual time between two samples [ms].

    :param at: moments, in order of time [ms since 1970-01-01 UTC].
    :param usual: the usual time around each of them.
    """

    at: TimeArray
    usual: TimeArray

    def around(self, moments: TimeArray) -> TimeArray:
        """Return the usual time at some moments."""
        if not len(self.at):
            return np.full(len(moments), USUAL)
        position = np.searchsorted(self.at, moments, side="right") - 1
        found: TimeArray = self.usual[np.maximum(0, position)]
        return found


def cadence(read: Columns, step: timedelta, *, exact: bool) -> Cadence:
    """Return how often a device reported.

    :param read: what it reported of all quantities.
    :param step: width of a column.
    :param exact: no column has more than one reading.
    """
    there = read.count > 0
    if exact:
        heard = np.unique(read.newest[there])
        at, steps = heard[1:], np.diff(heard)
    else:
        most = read.count.max(axis=0, initial=0)
        at = read.begins[most > 0]
        steps = np.diff(at, append=at[-1:] + step // _MS) // most[most > 0]
    return Cadence(at, np.fromiter(_medians(steps.tolist()), np.int64, len(steps)))


def _medians(steps: Sequence[int]) -> Iterator[int]:
    for i in range(len(steps)):
        near = sorted(steps[max(0, i - _AROUND) : i + _AROUND + 1])
        yield near[len(near) // 2]
