"""What a heat map can show of each pack: its cells, temperatures or FETs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.catalogue.limits import CELL_HIGH, HOT, HOT_FET, WEAK_CELL
from flexmeasures_pms.catalogue.quantities import CELLS, FETS
from flexmeasures_pms.storage.log.hot_moments import Grid

CellQuantity = Literal[
    "deviation", "voltage", "difference", "open", "temperature", "fet-temperature", "fet-open"
]
QUANTITIES: tuple[CellQuantity, ...] = get_args(CellQuantity)
MapUnit = Literal["mV", "°C", "dimensionless"]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a heat map reads of each pack.

    :param sensors: their names, in the order of a map's values.
    :param unit: of the values that a map shows.
    :param limit: from which value a warm sensor stands out, or down to which one a cell does;
        None where there is none.
    :param scale: the lowest and the highest value of a fixed scale; None for one that follows the
        values.
    """

    sensors: tuple[str, ...]
    unit: MapUnit
    limit: float | None = None
    scale: tuple[float, float] | None = None


_VOLTAGES = tuple(f"cell {n:02d} voltage" for n in range(1, CELLS + 1))
_OPEN = tuple(f"cell {n:02d} open" for n in range(1, CELLS + 1))
_FETS = range(1, FETS + 1)

MAPPED: Mapping[CellQuantity, Mapped] = {
    "deviation": Mapped(_VOLTAGES, "mV", -WEAK_CELL, (-2 * WEAK_CELL, 2 * WEAK_CELL)),
    "voltage": Mapped(_VOLTAGES, "mV"),
    "difference": Mapped(_VOLTAGES, "mV"),
    "open": Mapped(_OPEN, "dimensionless"),
    "temperature": Mapped(
        tuple(f"temperature {place}" for place in ("top", "middle", "bottom")),
        *("°C", HOT, (0.0, HOT + 10)),
    ),
    "fet-temperature": Mapped(
        tuple(f"FET {n} temperature" for n in _FETS), "°C", HOT_FET, (0.0, HOT_FET + 10)
    ),
    "fet-open": Mapped(tuple(f"FET {n} open" for n in _FETS), "dimensionless"),
}
"""What each quantity of a heat map is, in the order of a page."""


def below_others(values: Grid) -> Grid:
    """Return how far each cell is below the mean of the other cells of its column [V].

    As in :func:`~flexmeasures_pms.overview.states.deviations`: others that are too high are left
    out, unless all others are. NaN where it is the only one that was read.
    """
    read = ~np.isnan(values)
    total, others = _others(values, values <= CELL_HIGH)
    total_read, others_read = _others(values, read)
    total, others = np.where(others > 0, (total, others), (total_read, others_read))
    found: Grid = total / np.where(others > 0, others, np.nan) - values
    return found


def _others(values: Grid, among: npt.NDArray[np.bool_]) -> tuple[Grid, Grid]:
    """Return the sum of the other cells of a column among some, and how many they are."""
    volts = np.where(among, values, 0.0)
    return volts.sum(axis=0) - volts, among.sum(axis=0) - among.astype(float)


def as_shown(quantity: CellQuantity, values: Grid) -> Grid:
    """Return readings as a map shows them.

    :param values: of one pack, by sensor and column: V, °C, or 0 and 1 for open.
    :returns: whole mV: the voltage, above the pack's lowest cell, or the deviation from the mean
        of its other cells; tenths of °C; or 0 and 1.
    """
    unit = MAPPED[quantity].unit
    if unit == "dimensionless":
        return values
    if unit == "°C":
        return values.round(1)
    if quantity == "deviation":
        return _whole_deviations(-1000 * below_others(values))
    millivolts: Grid = np.round(values * 1000)
    if quantity == "voltage":
        return millivolts
    lowest = np.where(np.isnan(millivolts), np.inf, millivolts).min(axis=0)
    above: Grid = millivolts - lowest
    return above


def _whole_deviations(exact: Grid) -> Grid:
    """Return deviations in whole mV; rounding takes none over the limit that was short of it."""
    whole: Grid = np.round(exact) + 0.0
    short: Grid = np.where(np.round(exact, 3) > -WEAK_CELL, np.maximum(whole, 1 - WEAK_CELL), whole)
    return short
