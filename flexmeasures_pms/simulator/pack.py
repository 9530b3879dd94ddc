"""A pack: fourteen cells in series behind two FETs, with its heat and its protection.

Currents are positive when they charge. A :class:`SimulatedPack` never changes; what changes
is its frozen :class:`PackState`, created again by each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from flexmeasures_pms.simulator.cells import (
    BALANCED_WITHIN,
    CELLS,
    SimulatedCell,
    make_cells,
    open_circuit,
    state_of_charge,
    stored_energy,
)

CEILING = 4.05 * CELLS  # V: the bus is never charged above this
MOST_AMPS = 15.0  # A, in either direction, enforced by the FETs
LEADS = 0.010  # ohm: FETs, shunt and leads to the first dock
PER_DOCK = 0.0008  # ohm of busbar between two docks

POLARISATION = 2.0  # of a cell's resistance, built up by a lasting current
RELAXATION = 1_200.0  # s
BLEED = 0.4  # A around a cell that balancing bypasses
BALANCED_ABOVE = 3.97  # V: mean cell above which balancing works

HEAT_CAPACITY = 27_000.0  # J/K
COOLING = 5.0  # W/K to the air of the cabinet
THERMAL_LAG = HEAT_CAPACITY / COOLING

_EMPTY, _EMPTY_OVER = 3.05, 3.45  # V of the lowest cell: opens, closes the discharge FET
_FULL, _FULL_OVER = 4.16, 4.06  # V of the highest cell: opens, closes the charge FET


@dataclass(frozen=True, slots=True)
class SimulatedPack:
    """The constant properties of a pack.

    :param case: case id.
    :param cells: its fourteen cells in order.
    :param resistance: of all cells together [ohm].
    """

    case: str
    cells: tuple[SimulatedCell, ...]
    resistance: float


@dataclass(frozen=True, slots=True)
class PackState:
    """The state of a pack at a moment.

    :param soc: state of charge of each cell, 0 to 1.
    :param lasting: current that the polarisation has followed so far [A].
    :param temperature: [°C].
    :param bypassed: numbers (1-14) of the cells that balancing bypasses.
    :param no_charge: the charge FET (1) is open.
    :param no_discharge: the discharge FET (2) is open.
    """

    soc: tuple[float, ...]
    lasting: float
    temperature: float
    bypassed: tuple[int, ...] = ()
    no_charge: bool = False
    no_discharge: bool = False


def make_pack(seed: int, case: str, weak: int | None = None) -> SimulatedPack:
    """Return the pack of a case; ``weak`` is the number of its aged cell, if it has one."""
    cells = make_cells(seed, case, weak)
    return SimulatedPack(case, cells, sum(cell.resistance for cell in cells))


def full(pack: SimulatedPack, temperature: float) -> PackState:
    """Return a pack at rest after a complete and balanced charge."""
    top = CEILING / CELLS + sum(c.settles for c in pack.cells) / CELLS
    soc = tuple(state_of_charge(top - c.settles) for c in pack.cells)
    return PackState(soc, 0.0, temperature)


def at_rest(pack: SimulatedPack, state: PackState) -> float:
    """Return the pack's voltage without current [V], its polarisation included."""
    volts = sum(map(open_circuit, state.soc))
    return volts + POLARISATION * pack.resistance * state.lasting


def cell_volts(pack: SimulatedPack, state: PackState, amps: float) -> list[float]:
    """Return the voltage of each cell [V] under a current [A]."""
    effective = amps + POLARISATION * state.lasting
    return [
        open_circuit(s) + c.resistance * effective
        for s, c in zip(state.soc, pack.cells, strict=True)
    ]


def limits(state: PackState) -> tuple[float, float]:
    """Return the lowest and the highest current [A] that the FETs let through."""
    return (
        0.0 if state.no_discharge else -MOST_AMPS,
        0.0 if state.no_charge else MOST_AMPS,
    )


def energy(pack: SimulatedPack, state: PackState) -> float:
    """Return the energy in the pack's cells above empty [Wh]."""
    return sum(stored_energy(c, s) for c, s in zip(pack.cells, state.soc, strict=True))


def heating(pack: SimulatedPack, state: PackState, amps: float) -> float:
    """Return the power that warms the cells [W]: what their resistance loses."""
    at_once = amps * amps * (pack.resistance + LEADS)
    return at_once + state.lasting * state.lasting * POLARISATION * pack.resistance


def bled(state: PackState) -> float:
    """Return the power that balancing dissipates [W], on the acquisition board atop the cells."""
    return BLEED * sum(open_circuit(state.soc[n - 1]) for n in state.bypassed)


def advance(
    pack: SimulatedPack, state: PackState, amps: float, seconds: float, air: float
) -> PackState:
    """Return the state after a time under a constant current.

    :param amps: [A], charging positive.
    :param seconds: length of the step [s], at most a few minutes.
    :param air: temperature in the cabinet [°C].
    """
    hours = seconds / 3600
    soc = [
        s + (amps - c.leakage) * hours / c.capacity
        for s, c in zip(state.soc, pack.cells, strict=True)
    ]
    for n in state.bypassed:
        soc[n - 1] -= BLEED * hours / pack.cells[n - 1].capacity
    relaxed = 1 - math.exp(-seconds / RELAXATION)
    lasting = state.lasting + (amps - state.lasting) * relaxed
    goal = air + heating(pack, state, amps) / COOLING
    cooled = 1 - math.exp(-seconds / THERMAL_LAG)
    return PackState(
        tuple([0.0 if s < 0.0 else 1.0 if s > 1.0 else s for s in soc]),
        lasting,
        state.temperature + (goal - state.temperature) * cooled,
        state.bypassed,
        state.no_charge,
        state.no_discharge,
    )


def supervise(pack: SimulatedPack, state: PackState, amps: float) -> PackState:
    """Return the state after the acquisition board looked at it.

    It bypasses the cells above most others while a nearly full pack is charged, and opens a FET
    when a cell is too low or too high, until that cell has clearly recovered.
    """
    volts = cell_volts(pack, state, amps)
    lowest, highest = min(volts), max(volts)
    bypassed: tuple[int, ...] = ()
    if amps > 0.01 and sum(volts) > BALANCED_ABOVE * CELLS:
        bar = sorted(volts)[CELLS // 2] + BALANCED_WITHIN
        bypassed = tuple(n for n, v in enumerate(volts, 1) if v > bar)
    no_discharge = lowest < (_EMPTY_OVER if state.no_discharge else _EMPTY)
    no_charge = highest > (_FULL_OVER if state.no_charge else _FULL)
    if (bypassed, no_charge, no_discharge) == (
        state.bypassed,
        state.no_charge,
        state.no_discharge,
    ):
        return state
    return replace(state, bypassed=bypassed, no_charge=no_charge, no_discharge=no_discharge)
