"""The cells of a PMS over a period: the reading of each cell at some moments.

A month of 48 packs has hundreds of millions of readings. So a period is divided into columns
of equal length, and each column has the reading of each cell at its end: the newest one, if
it is not too old by then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import numpy as np

from flexmeasures_pms.beliefs.resolve import EARLIEST
from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.beliefs.sources import reporters
from flexmeasures_pms.catalogue.quantities import CELLS
from flexmeasures_pms.catalogue.recording import SNAPSHOT, bands
from flexmeasures_pms.config import settings
from flexmeasures_pms.gateways.reading import ReadingScope
from flexmeasures_pms.overview.dock_stays import DockStay, dock_stays
from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.storage.queries.cells import (
    ReadingGrid,
    at_moments,
    usual_steps,
)
from flexmeasures_pms.storage.readings.recordings import policies_of

CellQuantity = Literal["voltage", "difference", "open"]
QUANTITIES: tuple[CellQuantity, ...] = get_args(CellQuantity)

HOUR = timedelta(hours=1)
MOST_COLUMNS = 240
MOST_LOOKUPS = 60 * 48 * CELLS
"""Cells times columns of one map: 60 columns of 48 packs, 240 of 12."""
FEWEST_COLUMNS = 12
MISSED = 3
"""How many missed readings make a gap."""
_A_MOMENT = timedelta(microseconds=1)
LONGEST_HELD = SNAPSHOT + timedelta(minutes=5)
"""How old a reading recorded on change may be: it may be written again late."""


@dataclass(frozen=True, slots=True)
class PackCells:
    """A pack in one dock.

    :param values: by cell and column, in volts, or 0 and 1 for open; NaN where there is no
        reading, or where the pack was not there.
    """

    stay: DockStay
    values: ReadingGrid


@dataclass(frozen=True, slots=True)
class CellMap:
    """The readings of all cells of a PMS at some moments.

    :param start: when the first column begins.
    :param width: of a column; its reading is the one at its end.
    :param look_back: how old a reading may be at a moment: the shortest age, where they come most
        often, and the longest.
    :param rows: by dock and time.
    """

    quantity: CellQuantity
    start: datetime
    width: timedelta
    columns: int
    look_back: tuple[timedelta, timedelta]
    rows: tuple[PackCells, ...]

    @property
    def moments(self) -> list[datetime]:
        """The ends of the columns."""
        return [self.start + (i + 1) * self.width for i in range(self.columns)]

    @property
    def end(self) -> datetime:
        """The last moment."""
        return self.start + self.columns * self.width


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
    assets = list(dict.fromkeys(t.case.asset_id for t in there if t.case.asset_id is not None))
    number = columns_for(len(assets), columns)
    width = (end - start) / number
    moments = [start + (i + 1) * width for i in range(number)]
    sensors = _sensors(assets, quantity)
    known = reporters(registered.account_id)
    sources = list(known if scope is None else scope.sources(known))
    if _held([t.case.id for t in there], quantity):
        look_back = np.full((len(assets), number), LONGEST_HELD.total_seconds())
    else:
        look_back = _look_back(usual_steps(sensors[::CELLS], moments, sources))
    if scope is not None:
        cases = {t.case.asset_id: t.case.id for t in there}
        look_back = np.minimum(look_back, _since([cases[a] for a in assets], moments, scope))
    values = at_moments(sensors, moments, look_back, sources)
    values = values.reshape(len(assets), CELLS, number)
    read = dict(zip(assets, values, strict=True))
    rows = (
        PackCells(stay, _while_there(read[stay.case.asset_id], stay, moments))
        for stay in there
        if stay.case.asset_id is not None
    )
    return CellMap(quantity, start, width, number, _range(look_back), tuple(rows))


def shown(found: CellMap, row: PackCells) -> ReadingGrid:
    """Return a row as the map shows it: mV, mV above the pack's lowest cell, or 0 and 1."""
    if found.quantity == "open":
        return row.values
    millivolts = np.round(row.values * 1000)
    if found.quantity == "voltage":
        return millivolts
    lowest = np.where(np.isnan(millivolts), np.inf, millivolts).min(axis=0)
    above: ReadingGrid = millivolts - lowest
    return above


def sensor_name(cell: int, quantity: CellQuantity) -> str:
    """Return the name of the sensor that a map of a quantity reads of a cell, from 1."""
    return f"cell {cell:02d} {'open' if quantity == 'open' else 'voltage'}"


def _sensors(assets: Sequence[int], quantity: CellQuantity) -> list[int]:
    """Return the sensors of all cells, pack by pack; 0, which reads nothing, for one missing."""
    known = sensor_ids(assets)
    names = [sensor_name(n, quantity) for n in range(1, CELLS + 1)]
    return [known[asset].get(name, 0) for asset in assets for name in names]


def _held(cases: Collection[int], quantity: CellQuantity) -> bool:
    """Whether a reading is valid until the next one is written: always for states."""
    if quantity == "open":
        return True
    sensor = sensor_name(1, quantity)
    host, own = settings().recording, policies_of(cases)
    return any(sensor in bands("case", host, own.get(case, ())) for case in cases)


def _look_back(steps: ReadingGrid) -> ReadingGrid:
    """Return how old a reading may be at each moment [s].

    :param steps: the usual time between two around each moment, by pack [s]. A pack without two
        readings has what is usual of the others.
    """
    known = steps[~np.isnan(steps)]
    usual = MISSED * float(np.median(known)) if known.size else LONGEST_HELD.total_seconds()
    return np.where(np.isnan(steps), usual, MISSED * steps)


def _since(cases: Sequence[int], moments: Sequence[datetime], scope: ReadingScope) -> ReadingGrid:
    """Return for how long cases have been in a key's scope at some moments [s], 0 if not."""
    since = np.zeros((len(cases), len(moments)))
    for i, case in enumerate(cases):
        for j, moment in enumerate(moments):
            if period := scope.period_at(case, moment):
                since[i, j] = (moment - period[0] + _A_MOMENT).total_seconds()
    return since


def _range(look_back: ReadingGrid) -> tuple[timedelta, timedelta]:
    if not look_back.size:
        return LONGEST_HELD, LONGEST_HELD
    return timedelta(seconds=look_back.min()), timedelta(seconds=look_back.max())


def _while_there(values: ReadingGrid, stay: DockStay, moments: Sequence[datetime]) -> ReadingGrid:
    inside = np.array([stay.begin < moment <= stay.end for moment in moments], dtype=bool)
    return np.where(inside, values, np.nan)
