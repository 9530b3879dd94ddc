"""How often a device reported at each moment of a period, to recognise gaps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from flexmeasures_pms.storage.queries.history import HistoryColumn

USUAL = timedelta(minutes=1)
"""The assumed time between two samples if there is no data: the slowest known interval."""
_AROUND = 5
"""How many steps on either side determine the usual interval: more than a short outage."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """The usual time between two samples.

    :param at: moments, in order of time.
    :param usual: the usual time around each of them.
    :param shortest: the shortest of them.
    """

    at: Sequence[datetime]
    usual: Sequence[timedelta]
    shortest: timedelta

    def around(self, moment: datetime) -> timedelta:
        """Return the usual time at a moment."""
        return self.usual[max(0, bisect_right(self.at, moment) - 1)] if self.at else USUAL


def cadence(
    measured: Sequence[Sequence[HistoryColumn]],
    heard: Sequence[datetime],
    step: timedelta,
    *,
    exact: bool,
) -> Cadence:
    """Return how often a device reported, from its measurements: these have all samples.

    :param measured: the columns of each measurement.
    :param heard: when anything was read, in order.
    :param step: width of a column.
    :param exact: no column has more than one reading.
    """
    if not any(measured):
        return Cadence((), (), USUAL)
    if exact:
        at, steps = heard[1:], [b - a for a, b in pairwise(heard)]
    else:
        most: dict[datetime, int] = {}
        for column in (column for one in measured for column in one):
            most[column.begin] = max(column.readings, most.get(column.begin, 0))
        at = sorted(most)
        ends = [*at[1:], at[-1] + step]
        steps = [(end - begin) / most[begin] for begin, end in zip(at, ends, strict=True)]
    usual = list(_medians(steps))
    return Cadence(at, usual, min(usual, default=USUAL))


def _medians(steps: Sequence[timedelta]) -> Iterator[timedelta]:
    for i in range(len(steps)):
        near = sorted(steps[max(0, i - _AROUND) : i + _AROUND + 1])
        yield near[len(near) // 2]
