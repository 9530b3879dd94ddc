"""The cells of a PMS over a period: the reading of each cell at some moments.

A month of 48 packs has hundreds of millions of readings. So a period is divided into columns
of equal length, and each column has the reading of each cell at its end: the newest one, if
it is not too old by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from flexmeasures_pms.beliefs.resolve import EARLIEST
from flexmeasures_pms.catalogue.quantities import CELLS
from flexmeasures_pms.gateways.reading import ReadingScope
from flexmeasures_pms.overview.cell_quantities import MAPPED, CellQuantity
from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.registry.queries.dock_stays import DockStay, dock_stays
from flexmeasures_pms.storage.log.columns import EPOCH
from flexmeasures_pms.storage.log.hot_moments import Grid
from flexmeasures_pms.storage.log.moments import QUARTER, around, ends_of_quarters
from flexmeasures_pms.storage.log.places import places_of

HOUR = timedelta(hours=1)
MOST_COLUMNS = 240
MOST_LOOKUPS = 60 * 48 * CELLS
"""Cells times columns of one map: 60 columns of 48 packs, 240 of 12."""
FEWEST_COLUMNS = 12
LONG = timedelta(hours=12)
"""In a period as long as this, a column has the newest reading of the last full quarter."""
WIDE = timedelta(hours=4)
"""With columns as wide as this, it is the last quarter of a full hour."""
MISSED = 3
"""How many missed readings make a gap."""
_A_MOMENT = timedelta(microseconds=1)
LONGEST = timedelta(minutes=20)
"""How old a reading may be where no pack has two."""


@dataclass(frozen=True, slots=True)
class PackCells:
    """A pack in one dock.

    :param values: by sensor and column, in V or °C, or 0 and 1 for open; NaN where there is no
        reading, or where the pack was not there.
    """

    stay: DockStay
    values: Grid


@dataclass(frozen=True, slots=True)
class CellMap:
    """The readings of all cells of a PMS at some moments.

    :param start: when the first column begins.
    :param end: when the last one ends. The reading of a column is the one at its end.
    :param look_back: how old a reading may be at a moment: the shortest age, where they come most
        often, and the longest.
    :param rows: by dock and time.
    """

    quantity: CellQuantity
    start: datetime
    end: datetime
    columns: int
    look_back: tuple[timedelta, timedelta]
    rows: tuple[PackCells, ...]

    @property
    def width(self) -> timedelta:
        """Of a column."""
        return (self.end - self.start) / self.columns

    @property
    def moments(self) -> list[datetime]:
        """The ends of the columns."""
        return ends_of_columns(self.start, self.end, self.columns)

    @property
    def read_at(self) -> list[datetime]:
        """When the readings of the columns were the newest: the ends of full quarters or hours."""
        full = _full(self.start, self.end, self.columns)
        return _floored(self.moments, full) if full else self.moments


def ends_of_columns(start: datetime, end: datetime, columns: int) -> list[datetime]:
    """Return when each of some columns of a period ends: the last with the period."""
    # Rounded widths would add up to another time.
    return [start + (end - start) * n / columns for n in range(1, columns + 1)]


def period(
    start: datetime | None, end: datetime | None, newest: datetime
) -> tuple[datetime, datetime] | None:
    """Return the requested period: by default an hour; nothing before 2010.

    :param newest: the last moment that may have readings.
    :returns: None for an empty period.
    """
    last = min(end or newest, newest)
    if last <= EARLIEST:
        return None
    first = max(start or last - HOUR, EARLIEST)
    return (first, last) if first < last else None


def columns_for(packs: int, wanted: int | None = None) -> int:
    """Return how many columns a map of some packs has: at most as many as wanted."""
    most = MOST_LOOKUPS // (max(1, packs) * CELLS)
    return min(wanted or MOST_COLUMNS, MOST_COLUMNS, max(FEWEST_COLUMNS, most))


def cell_map(
    registered: Directory,
    pms_id: int,
    start: datetime,
    end: datetime,
    *,
    quantity: CellQuantity = "voltage",
    columns: int | None = None,
    scope: ReadingScope | None = None,
) -> CellMap:
    """Return the readings of the cells of a PMS over a period.

    :param columns: most columns; there are fewer for many packs.
    :param scope: only what may be read with a key; None for all.
    """
    there = dock_stays(registered, pms_id, start, end)
    cases = list(dict.fromkeys(stay.case.id for stay in there if stay.case.asset_id is not None))
    number = columns_for(len(cases), columns)
    moments = ends_of_columns(start, end, number)
    full = _full(start, end, number)
    if full:
        moments = _floored(moments, full)
    names = places_of(CASE)
    places = [names[sensor] for sensor in MAPPED[quantity].sensors]
    devices = None if scope is None else scope.devices
    if not full:
        near = around(cases, moments, places, devices)
        newest, look_back = near.newest(), _look_back(near.usual_steps())
    else:
        newest = ends_of_quarters(cases, moments, places, devices)
        look_back = np.full((len(cases), number), (QUARTER + _A_MOMENT).total_seconds())
    if scope is not None:
        look_back = np.minimum(look_back, _since(cases, moments, scope))
    read = dict(zip(cases, newest.within(look_back), strict=True))
    rows = (
        PackCells(stay, _while_there(read[stay.case.id], stay, moments))
        for stay in there
        if stay.case.id in read
    )
    if full:  # the quarter that ended at most another one, or an hour, before
        look_back += full.total_seconds()
    return CellMap(quantity, start, end, number, _range(look_back), tuple(rows))


def _full(start: datetime, end: datetime, columns: int) -> timedelta | None:
    """Return the length whose full ones a map shows: a quarter or an hour; None for any moment."""
    if end - start < LONG:
        return None
    return HOUR if (end - start) / columns >= WIDE else QUARTER


def _floored(moments: Sequence[datetime], full: timedelta) -> list[datetime]:
    return [moment - (moment - EPOCH) % full for moment in moments]


def _look_back(steps: Grid) -> Grid:
    """Return how old a reading may be at each moment [s].

    :param steps: the usual time between two around each moment, by pack [s]. A pack without two
        readings has what is usual of the others.
    """
    known = steps[~np.isnan(steps)]
    usual = MISSED * float(np.median(known)) if known.size else LONGEST.total_seconds()
    return np.where(np.isnan(steps), usual, MISSED * steps)


def _since(cases: Sequence[int], moments: Sequence[datetime], scope: ReadingScope) -> Grid:
    """Return for how long cases have been in a key's scope at some moments [s], 0 if not."""
    since = np.zeros((len(cases), len(moments)))
    for i, case in enumerate(cases):
        for j, moment in enumerate(moments):
            if period := scope.period_at(case, moment):
                since[i, j] = (moment - period[0] + _A_MOMENT).total_seconds()
    return since


def _range(look_back: Grid) -> tuple[timedelta, timedelta]:
    if not look_back.size:
        return LONGEST, LONGEST
    shortest, longest = (look_back.min(), look_back.max())
    return timedelta(seconds=round(shortest, 3)), timedelta(seconds=round(longest, 3))


def _while_there(values: Grid, stay: DockStay, moments: Sequence[datetime]) -> Grid:
    inside = np.array([stay.begin < moment <= stay.end for moment in moments], dtype=bool)
    return np.where(inside, values, np.nan)
