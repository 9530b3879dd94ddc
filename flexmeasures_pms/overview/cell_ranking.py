"""Ranking in a heat map: how long each cell was the lowest of its pack, or open, or too hot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.overview.cell_quantities import MAPPED, CellQuantity, below_others
from flexmeasures_pms.overview.cells import CellMap, PackCells
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.log.hot_moments import Grid

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RankedCell:
    """How long a cell was the lowest of its pack, a cell or FET open, or a sensor hot.

    :param dock: the last dock of its pack, counted across the PMS.
    :param cell: its place among the sensors of the map, from 1: of cells its number.
    :param duration: of the columns in which it stood out.
    :param share: of the columns that its pack was read in, above 0 and up to 1.
    :param weak_by: how far it was below the mean of the other cells of its pack in these
        columns [mV], on average; None for what is no voltage.
    :param begin: of the longest uninterrupted time, until ``end``.
    """

    case: Entry
    dock: int | None
    cell: int
    duration: timedelta
    share: float
    weak_by: float | None
    begin: datetime
    end: datetime


def ranking(found: CellMap) -> list[RankedCell]:
    """Return the cells that stood out, the longest first.

    Several cells can be the lowest together, but not if all cells read the same. For equal
    durations the weakest comes first.
    """
    ranked = [one for rows in _by_case(found) for one in _of_case(found, rows)]
    return sorted(
        ranked, key=lambda r: (-r.duration, -(r.weak_by or 0), -r.share, r.case.ident, r.cell)
    )


def _by_case(found: CellMap) -> Iterator[list[PackCells]]:
    rows: dict[int, list[PackCells]] = {}
    for row in found.rows:
        rows.setdefault(row.stay.case.id, []).append(row)
    for of_case in rows.values():
        yield sorted(of_case, key=lambda row: row.stay.begin)


def _of_case(found: CellMap, rows: list[PackCells]) -> Iterator[RankedCell]:
    # A pack is in one dock at a time: no column has readings of two of its rows.
    values = np.fmax.reduce([row.values for row in rows])
    out = standing_out(found.quantity, values)
    read = int(np.count_nonzero(~np.isnan(values).all(axis=0)))
    last = rows[-1].stay
    depths = below_others(values) if MAPPED[found.quantity].unit == "mV" else None
    moments = [found.start, *found.moments]
    for cell in np.flatnonzero(out.any(axis=1)):
        mask = out[cell]
        first, after = longest_run(mask)
        weak_by = None if depths is None else round(float(depths[cell][mask].mean()) * 1000, 3)
        yield RankedCell(
            case=last.case,
            dock=last.dock,
            cell=int(cell) + 1,
            duration=int(mask.sum()) * found.width,
            share=round(float(mask.sum()) / read, 4),
            weak_by=weak_by,
            begin=moments[first],
            end=moments[after],
        )


def standing_out(quantity: CellQuantity, values: Grid) -> Mask:
    """Return which values stand out: the lowest of each column, open ones, or those too hot."""
    mapped = MAPPED[quantity]
    if mapped.unit == "mV":
        return lowest(values)
    found: Mask = values == 1 if mapped.limit is None else values >= mapped.limit
    return found


def lowest(values: Grid) -> Mask:
    """Return which cells are the lowest of their column; none where all read the same."""
    least = np.where(np.isnan(values), np.inf, values).min(axis=0)
    most = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    found: Mask = (values == least) & (least < most)
    return found


def longest_run(mask: Mask) -> tuple[int, int]:
    """Return where the longest run of a mask begins, and the first column after it."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    begins, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - begins))
    return int(begins[longest]), int(ends[longest])
