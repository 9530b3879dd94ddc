"""A heat map as JSON for programs and scripts, with null for no reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from msgspec import Struct

from flexmeasures_pms.overview.cell_quantities import MAPPED, CellQuantity, MapUnit, as_shown
from flexmeasures_pms.overview.cell_ranking import RankedCell
from flexmeasures_pms.overview.cells import CellMap, PackCells
from flexmeasures_pms.storage.log.hot_moments import Grid

MOST_RANKED = 100


class CellsOfPack(Struct, frozen=True):
    """The cells of a pack while it was in one dock.

    :param case: id of the pack's case.
    :param dock: counted across the PMS; null where it is not known.
    :param cabinet: id of the cabinet; null in a PMS without cabinets.
    :param begin: when it was put there, or the begin of the time.
    :param end: when it was taken out, or the end of the time.
    :param cells: by sensor and column; null where there is no reading.
    """

    case: str
    dock: int | None
    cabinet: str | None
    begin: datetime
    end: datetime
    cells: list[list[float | None]]


class CellRank(Struct, frozen=True):
    """How long one stood out: a cell as the lowest of its pack, one that is open or too hot.

    :param case: id of the pack's case.
    :param dock: where the pack was last, counted across the PMS.
    :param cell: its place among the sensors, from 1: of cells its number.
    :param seconds: how long, as columns in which it stood out.
    :param share: of the columns that its pack was read in, above 0 and up to 1.
    :param weak_by: below the mean of its pack's other cells [mV]; null for what is no voltage.
    :param begin: of the longest time that it stood out without a break.
    :param end: of the same.
    """

    case: str
    dock: int | None
    cell: int
    seconds: float
    share: float
    weak_by: float | None
    begin: datetime
    end: datetime


class Cells(Struct, frozen=True):
    """What the cells, temperatures or FETs of a PMS read at the ends of some columns of time.

    :param pms: id of the PMS.
    :param unit: of the values.
    :param sensors: their names, in the order of the values of a pack.
    :param start: when the first column begins.
    :param end: when the last column ends.
    :param seconds: width of a column.
    :param columns: how many there are.
    :param look_back: how old a reading may be at most to stand for a column [s].
    :param packs: by dock and time.
    :param ranking: the cells that stood out, the longest first.
    """

    pms: str
    quantity: CellQuantity
    unit: MapUnit
    sensors: tuple[str, ...]
    start: datetime
    end: datetime
    seconds: float
    columns: int
    look_back: float
    packs: list[CellsOfPack]
    ranking: list[CellRank]


def record(ident: str, found: CellMap, ranked: Sequence[RankedCell]) -> Cells:
    """Return a map, with the first cells of the ranking.

    :param ident: of the PMS.
    :param ranked: the map's cells.
    """
    return Cells(
        pms=ident,
        quantity=found.quantity,
        unit=MAPPED[found.quantity].unit,
        sensors=MAPPED[found.quantity].sensors,
        start=found.start,
        end=found.end,
        seconds=found.width.total_seconds(),
        columns=found.columns,
        look_back=found.look_back[1].total_seconds(),
        packs=[_pack(found, row) for row in found.rows],
        ranking=[_ranked(one) for one in ranked[:MOST_RANKED]],
    )


def _pack(found: CellMap, row: PackCells) -> CellsOfPack:
    stay = row.stay
    cells = _short(as_shown(found.quantity, row.values))
    return CellsOfPack(stay.case.ident, stay.dock, stay.cabinet, stay.begin, stay.end, cells)


def _short(values: Grid) -> list[list[float | None]]:
    """Return values as JSON is to have them: null for none, and whole numbers as such."""
    none = np.isnan(values)
    known = np.where(none, 0, values)
    whole = (known == np.floor(known)).all()
    found: list[list[float | None]] = (known.astype(np.int64) if whole else known).tolist()
    for sensor, column in np.argwhere(none).tolist():
        found[sensor][column] = None
    return found


def _ranked(one: RankedCell) -> CellRank:
    return CellRank(
        case=one.case.ident,
        dock=one.dock,
        cell=one.cell,
        seconds=one.duration.total_seconds(),
        share=one.share,
        weak_by=one.weak_by,
        begin=one.begin,
        end=one.end,
    )
