"""Layouts of any size with made-up ids, the demo's among them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b

from flexmeasures_pms.simulator.cells import CELLS
from flexmeasures_pms.simulator.layout import CABINETS, DOCKS, Cabinet, Case, Layout, Move, System

DEMO_SWAP_AT = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


def demo_layout(swap_at: datetime | None = DEMO_SWAP_AT) -> Layout:
    """Return the demo's site: one PMS of two cabinets with six cases each.

    Case 0246 is taken from dock 6 of CAB-01-001 to dock 7 of CAB-01-002 (dock 19 of the
    PMS) at ``swap_at``, or never. Cell 5 of case 0244 is weak.
    """
    return fleet_layout(swap_at=swap_at)


def fleet_layout(
    pms: int = 1, cabinets: int = 2, packs: int = 6, *, swap_at: datetime | None = None
) -> Layout:
    """Return a layout of any size, which begins with the demo's.

    :param pms: number of PMSs.
    :param cabinets: per PMS, 1 to 4; each second one reports its packs by board id.
    :param packs: per cabinet, 1 to 12.
    :param swap_at: when the last case of the first cabinet moves to the next cabinet's
        first free dock; None, no second cabinet or no free dock: never.
    :raises ValueError: a number is out of range.
    """
    if pms < 1 or not 1 <= cabinets <= CABINETS or not 1 <= packs <= DOCKS:
        raise ValueError(
            f"A fleet has 1 or more PMSs of 1-{CABINETS} cabinets with 1-{DOCKS} packs, "
            f"not {pms} of {cabinets} with {packs}."
        )
    systems = tuple(_system(index, cabinets, packs) for index in range(pms))
    weak = tuple((s.cases()[min(3, len(s.cases()) - 1)].ident, 5) for s in systems)
    moves: tuple[Move, ...] = ()
    if swap_at is not None and cabinets > 1 and packs < DOCKS:
        first, second = systems[0].cabinets[:2]
        moves = (Move(first.cases[-1].ident, swap_at, second.ident, packs + 1),)
    return Layout(systems, moves, weak)


def _system(index: int, cabinets: int, packs: int) -> System:
    mppts = -(-cabinets * packs // 6)
    inverters = -(-cabinets * packs // 12)
    return System(
        f"PMS-01-{index + 1:03d}",
        tuple(_cabinet(index * cabinets + i, i, packs) for i in range(cabinets)),
        tuple(f"IT6415AD-01-{index * mppts + i + 1:03d}" for i in range(mppts)),
        tuple(f"SPI-B2-01-{index * inverters + i + 1:03d}" for i in range(inverters)),
    )


def _cabinet(number: int, position: int, packs: int) -> Cabinet:
    by_board = position % 2 == 1
    return Cabinet(
        f"CAB-01-{number + 1:03d}",
        f"EHUB-01-{number + 1:03d}",
        f"BUS-01-{number + 1:03d}",
        tuple(
            make_case(f"{241 + number * packs + i:04d}", i + 1, reports_board=by_board)
            for i in range(packs)
        ),
    )


def make_case(ident: str, dock: int, *, reports_board: bool = False) -> Case:
    """Return a case with made-up part ids that follow from its own id."""
    digest = int.from_bytes(blake2b(ident.encode(), digest_size=8).digest(), "big")
    serial = f"{digest % 100:02d}{int(ident):04d}" if ident.isdigit() else f"{digest % 10**6:06d}"
    return Case(
        ident,
        f"66{digest // 100 % 16:x}ff353734574e43{serial[-6:]}",
        f"FET-{ident}",
        tuple(f"CB-{ident}-{n:02d}" for n in range(1, CELLS + 1)),
        dock,
        reports_board,
    )
