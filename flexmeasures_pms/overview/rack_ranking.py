"""Rankings of the packs and cells of a PMS, those that need a look first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flexmeasures_pms.catalogue.limits import HOT, WEAK_CELL
from flexmeasures_pms.overview.docks import Occupant, Rack
from flexmeasures_pms.overview.packs import ShownCell
from flexmeasures_pms.overview.shading import age_of

MOST = 48
"""How many are listed: all packs of a PMS with four cabinets of 12."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A pack or cell in a ranking.

    :param cell: the cell that the figure is of; None for one of the whole pack.
    :param figure: below the mean of the pack's other cells [mV], the hottest temperature [°C], or
        the age of the newest reading [s]; None for a pack that has never reported.
    :param beyond: it is beyond its limit.
    """

    occupant: Occupant
    cell: ShownCell | None
    figure: float | None
    beyond: bool


def ranked(rack: Rack, by: str, now: datetime) -> tuple[Ranked, ...]:
    """Return the packs or cells of a PMS in order.

    :param by: one of :data:`RANKINGS`.
    """
    return tuple(RANKINGS[by](list(rack.occupants()), now)[:MOST])


def _heard(occupants: Iterable[Occupant]) -> list[Occupant]:
    return [o for o in occupants if o.pack.time and not o.pack.silent]


def _by_deviation(occupants: Iterable[Occupant], _now: datetime) -> list[Ranked]:
    found = [
        Ranked(o, o.pack.cells[o.pack.weakest - 1], o.pack.weak_by, o.pack.weak_by >= WEAK_CELL)
        for o in _heard(occupants)
        if o.pack.weakest is not None and o.pack.weak_by is not None
    ]
    return sorted(found, key=_worst_first)


def _cells(occupants: Iterable[Occupant], _now: datetime) -> list[Ranked]:
    found = [
        Ranked(o, cell, -cell.deviation, -cell.deviation >= WEAK_CELL)
        for o in _heard(occupants)
        for cell in o.pack.cells
        if cell.deviation is not None
    ]
    return sorted(found, key=_worst_first)


def _by_temperature(occupants: Iterable[Occupant], _now: datetime) -> list[Ranked]:
    heard = _heard(occupants)
    hottest = [(o, o.pack.hottest) for o in heard]
    found = [Ranked(o, None, heat, heat >= HOT) for o, heat in hottest if heat is not None]
    return sorted(found, key=_worst_first)


def _by_age(occupants: Iterable[Occupant], now: datetime) -> list[Ranked]:
    found = [Ranked(o, None, age_of(o.pack, now), o.pack.silent) for o in occupants]
    return sorted(found, key=lambda r: (r.figure is not None, *_worst_first(r)))


def _worst_first(one: Ranked) -> tuple[float, str]:
    return -(one.figure or 0.0), one.occupant.pack.ident


RANKINGS: Mapping[str, Callable[[list[Occupant], datetime], list[Ranked]]] = {
    "deviation": _by_deviation,
    "cells": _cells,
    "temperature": _by_temperature,
    "age": _by_age,
}
"""By their names in the address."""
