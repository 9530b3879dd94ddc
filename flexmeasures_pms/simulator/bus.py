"""How packs in parallel share a current: by their voltage, resistance and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RESTING = 52.0  # V shown by a bus on which no pack is docked


@dataclass(frozen=True, slots=True)
class BusBranch:
    """One pack on the bus.

    :param volts: at rest [V].
    :param resistance: up to the bus [ohm].
    :param lowest: most negative current it lets through [A], not above 0.
    :param highest: most positive current it lets through [A], not below 0.
    """

    volts: float
    resistance: float
    lowest: float
    highest: float


def share(total: float, branches: Sequence[BusBranch]) -> tuple[float, list[float]]:
    """Return the bus voltage [V] and each branch's current [A] for a total current.

    One voltage for all: I = (V - E) / R each, held within its limits, the sum being
    the total. Branches that reach a limit are fixed there and the others solved again.

    :param total: [A], charging positive, within the branches' limits together.
    """
    amps = [0.0] * len(branches)
    free = list(range(len(branches)))
    volts = max((b.volts for b in branches), default=RESTING)
    rest = total
    while free:
        conductance = sum(1 / branches[i].resistance for i in free)
        driven = sum(branches[i].volts / branches[i].resistance for i in free)
        volts = (rest + driven) / conductance
        for i in free:
            amps[i] = (volts - branches[i].volts) / branches[i].resistance
        held = _beyond(branches, amps, free)
        if not held:
            break
        for i in held:
            amps[i] = min(branches[i].highest, max(branches[i].lowest, amps[i]))
            rest -= amps[i]
        free = [i for i in free if i not in held]
    return volts, amps


def _beyond(branches: Sequence[BusBranch], amps: list[float], free: list[int]) -> list[int]:
    """Return those beyond a limit on the side where the excess is larger.

    Fixing both sides at once could fix a branch that is within its limits afterwards.
    """
    over = [i for i in free if amps[i] > branches[i].highest + 1e-9]
    under = [i for i in free if amps[i] < branches[i].lowest - 1e-9]
    too_much = sum(amps[i] - branches[i].highest for i in over)
    too_little = sum(branches[i].lowest - amps[i] for i in under)
    return over if too_much >= too_little else under


def accepted(ceiling: float, branches: Sequence[BusBranch]) -> float:
    """Return the current [A] that flows into the packs with the bus held at a voltage."""
    return sum(min(b.highest, max(b.lowest, (ceiling - b.volts) / b.resistance)) for b in branches)
