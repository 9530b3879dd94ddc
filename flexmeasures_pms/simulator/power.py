"""Power dispatch: MPPTs, inverter and grid around the bus of the packs."""

from __future__ import annotations

from dataclasses import dataclass

MPPT_EFFICIENCY = 0.97
INVERTER_EFFICIENCY = 0.95
STRING_EFFICIENCY = 0.97  # the inverter's own MPP trackers


@dataclass(frozen=True, slots=True)
class Supply:
    """What sun and loads offer and need at a moment, all [W] and positive.

    :param mppt: what the MPPTs could put out.
    :param inverter: what the inverter's strings could put out on its DC side.
    :param dc_load: on the MPPTs' load terminals.
    :param ac_load: on the inverter.
    """

    mppt: float
    inverter: float
    dc_load: float
    ac_load: float


@dataclass(frozen=True, slots=True)
class PowerBounds:
    """What the packs can take [W], charging positive.

    :param least: the strongest discharge (negative or 0).
    :param most: the strongest charge (0 or positive).
    :param wanted: what the grid has to ensure; None leaves it to sun and loads.
    """

    least: float
    most: float
    wanted: float | None = None


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The power of each device [W].

    :param mppt: put out by the MPPTs after throttling.
    :param inverter: into the packs by the inverter (negative: out of them).
    :param grid: into the grid (negative: out of it).
    :param bus: into the packs by all devices together.
    """

    mppt: float
    inverter: float
    grid: float
    bus: float


def dispatch(supply: Supply, bounds: PowerBounds) -> Dispatch:
    """Return the flows: sun first, then packs, the grid for what is missing or left over.

    A surplus that the packs can't take is fed into the grid as far as it is the
    inverter's; what then remains throttles the MPPTs. Packs never feed the grid.
    """
    inverter = supply.inverter - supply.ac_load / INVERTER_EFFICIENCY
    natural = supply.mppt - supply.dc_load + inverter
    lowest = bounds.least if bounds.wanted is None else max(bounds.least, bounds.wanted)
    goal = min(bounds.most, max(lowest, natural))
    mppt = supply.mppt
    if goal < natural:
        inverter = max(inverter - (natural - goal), min(inverter, 0.0))
        mppt -= min(mppt, max(0.0, mppt - supply.dc_load + inverter - goal))
    inverter += goal - (mppt - supply.dc_load + inverter)
    surplus = supply.inverter - inverter
    converted = surplus * INVERTER_EFFICIENCY if surplus >= 0 else surplus / INVERTER_EFFICIENCY
    grid = converted - supply.ac_load
    return Dispatch(mppt, inverter, 0.0 if abs(grid) < 1e-6 else grid, goal)
