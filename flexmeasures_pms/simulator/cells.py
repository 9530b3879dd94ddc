"""Cell blocks: open-circuit voltage, and the differences between the fourteen of a pack."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise

from flexmeasures_pms.simulator.noise import between

CELLS = 14
CAPACITY = 54.0  # Ah
RESISTANCE = 0.0023  # ohm, at once
BALANCED_WITHIN = 0.003  # V: balancing ignores smaller differences
BEHIND = 0.072  # V of a weak cell below the others of a full pack

# State of charge and volts at rest of an NMC/LMO block: flat in the middle, where a
# weak cell shows least, and steep below a tenth.
_CURVE = (
    (0.00, 3.000), (0.02, 3.260), (0.05, 3.395), (0.10, 3.462), (0.15, 3.508), (0.20, 3.548),
    (0.30, 3.596), (0.40, 3.628), (0.50, 3.659), (0.60, 3.706), (0.70, 3.781), (0.80, 3.878),
    (0.90, 3.978), (1.00, 4.120),
)  # fmt: skip
_STEPS = 1_000


def _slopes(points: tuple[tuple[float, float], ...]) -> list[float]:
    """Return slopes at the points that keep a cubic through them monotone (harmonic mean)."""
    chords = [(v1 - v0) / (s1 - s0) for (s0, v0), (s1, v1) in pairwise(points)]
    inner = [2 * a * b / (a + b) for a, b in pairwise(chords)]
    return [chords[0], *inner, chords[-1]]


def _tabulate(points: tuple[tuple[float, float], ...]) -> tuple[float, ...]:
    slopes = _slopes(points)
    starts = [s for s, _ in points[:-1]]

    def volts(soc: float) -> float:
        i = bisect_right(starts, soc) - 1
        (s0, v0), (s1, v1) = points[i], points[i + 1]
        width = s1 - s0
        t = (soc - s0) / width
        return (
            v0 * (1 + 2 * t) * (1 - t) ** 2
            + v1 * t * t * (3 - 2 * t)
            + width * t * (1 - t) * (slopes[i] * (1 - t) - slopes[i + 1] * t)
        )

    return tuple(volts(i / _STEPS) for i in range(_STEPS + 1))


_VOLTS = _tabulate(_CURVE)
_RISES = (*(b - a for a, b in pairwise(_VOLTS)), 0.0)
_ENERGY = tuple(accumulate(((a + b) / 2 / _STEPS for a, b in pairwise(_VOLTS)), initial=0.0))


@dataclass(frozen=True, slots=True)
class SimulatedCell:
    """One cell block.

    :param capacity: [Ah].
    :param resistance: [ohm].
    :param leakage: self-discharge [A].
    :param settles: how far below the balancing target it ends a full charge [V].
    """

    capacity: float
    resistance: float
    leakage: float
    settles: float


def open_circuit(soc: float) -> float:
    """Return the voltage at rest [V] of a cell.

    :param soc: state of charge, 0 to 1.
    """
    place = soc * _STEPS
    i = int(place)
    return _VOLTS[i] + _RISES[i] * (place - i)


def state_of_charge(volts: float) -> float:
    """Return the state of charge at which a cell rests at a voltage [V]."""
    if volts <= _VOLTS[0]:
        return 0.0
    if volts >= _VOLTS[-1]:
        return 1.0
    i = bisect_right(_VOLTS, volts) - 1
    return (i + (volts - _VOLTS[i]) / _RISES[i]) / _STEPS


def stored_energy(cell: SimulatedCell, soc: float) -> float:
    """Return the energy [Wh] that a cell holds above empty: the area under its curve."""
    i = int(soc * _STEPS)
    part = soc - i / _STEPS
    return cell.capacity * (_ENERGY[i] + part * (_VOLTS[i] + open_circuit(soc)) / 2)


def make_cells(seed: int, case: str, weak: int | None = None) -> tuple[SimulatedCell, ...]:
    """Return the fourteen cells of a case, alike but not equal.

    :param case: case id.
    :param weak: number (1-14) of an aged cell: its capacity is lower, its self-discharge is more
        than balancing can compensate, so it is the lowest at any state of charge.
    """
    return tuple(_make_cell(seed, f"{case} cell {n}", n == weak) for n in range(1, CELLS + 1))


def _make_cell(seed: int, name: str, weak: bool) -> SimulatedCell:
    capacity = CAPACITY * between(0.985, 1.015, seed, f"{name} capacity")
    resistance = RESISTANCE * between(0.9, 1.1, seed, f"{name} resistance")
    leakage = between(0.0005, 0.003, seed, f"{name} leakage")
    settles = BALANCED_WITHIN * between(0.0, 1.0, seed, f"{name} settles")
    if weak:
        return SimulatedCell(capacity * 0.86, resistance * 1.1, leakage + 0.006, settles + BEHIND)
    return SimulatedCell(capacity, resistance, leakage, settles)
