"""The layout of a simulated site: what is where, and its ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DOCKS = 12
CABINETS = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A case with its parts and its first dock.

    :param ident: case id.
    :param board: id of its acquisition board.
    :param fet_board: id of its FET board.
    :param cell_blocks: ids of its fourteen cell blocks, in order.
    :param dock: dock of its cabinet (1-12), not counted across the PMS.
    :param reports_board: it reports by the id of its board instead of its own.
    """

    ident: str
    board: str
    fet_board: str
    cell_blocks: tuple[str, ...]
    dock: int
    reports_board: bool = False

    @property
    def pack_id(self) -> str:
        """The id in its telemetry."""
        return self.board if self.reports_board else self.ident


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A cabinet with its EHub, its busbar and the cases docked at first."""

    ident: str
    ehub: str
    busbar: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class System:
    """A PMS with the devices on its bus.

    :param pms: PMS id, shared by its cabinets.
    :param cabinets: one to four, in order of their position.
    :param mppts: ids of its MPPTs.
    :param inverters: ids of its inverters.
    """

    pms: str
    cabinets: tuple[Cabinet, ...]
    mppts: tuple[str, ...]
    inverters: tuple[str, ...]

    def cases(self) -> tuple[Case, ...]:
        """Return the cases in order of their first docks."""
        return tuple(case for cabinet in self.cabinets for case in cabinet.cases)


@dataclass(frozen=True, slots=True)
class Move:
    """A case taken out of its dock and put into another of the same PMS.

    :param case: case id.
    :param at: when it is back on the bus.
    :param cabinet: id of the cabinet it is in from then on.
    :param dock: dock of that cabinet (1-12).
    :param away: how long before ``at`` it was taken out.
    """

    case: str
    at: datetime
    cabinet: str
    dock: int
    away: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DockPosition:
    """Where a case is: position of the cabinet in the PMS (1-4) and its dock there."""

    position: int
    dock: int

    @property
    def across(self) -> int:
        """The dock counted across the PMS, 1 to 48, as telemetry has it."""
        return (self.position - 1) * DOCKS + self.dock


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything a simulated site consists of.

    :param systems: its PMSs.
    :param moves: cases moved between docks, in order of time.
    :param weak: (case id, cell number) of each aged cell.
    :param latitude: [degrees north].
    :param longitude: [degrees east].
    :param timezone: IANA name; telemetry carries its local time.
    """

    systems: tuple[System, ...]
    moves: tuple[Move, ...] = ()
    weak: tuple[tuple[str, int], ...] = ()
    latitude: float = -6.2
    longitude: float = 106.8
    timezone: str = "Asia/Jakarta"

    def __post_init__(self) -> None:
        """Refuse an impossible layout.

        :raises ValueError: saying what is wrong.
        """
        for fault in _faults(self):
            raise ValueError(fault)

    @property
    def zone(self) -> ZoneInfo:
        """The site's timezone."""
        return ZoneInfo(self.timezone)

    def place(self, system: System, case: Case, at: datetime) -> DockPosition | None:
        """Return where a case is at a moment; None while it is carried."""
        for move in reversed(self.moves):
            if move.case == case.ident and at >= move.at - move.away:
                if at < move.at:
                    return None
                return DockPosition(_position(system, move.cabinet), move.dock)
        for position, cabinet in enumerate(system.cabinets, 1):
            if case in cabinet.cases:
                return DockPosition(position, case.dock)
        raise ValueError(f"Case {case.ident} is not one of {system.pms}.")


def _position(system: System, cabinet: str) -> int:
    return [c.ident for c in system.cabinets].index(cabinet) + 1


def _faults(layout: Layout) -> Iterator[str]:
    cases = [case.ident for system in layout.systems for case in system.cases()]
    if len(set(cases)) != len(cases):
        yield "A case id is used twice in the layout."
    for system in layout.systems:
        yield from _system_faults(system)
    if any(move.at.tzinfo is None for move in layout.moves):
        yield "The moves of a layout need times with an offset."
    elif list(layout.moves) != sorted(layout.moves, key=lambda move: move.at):
        yield "The moves of a layout are listed in order of time."
    else:
        for move in layout.moves:
            yield from _move_faults(layout, move)


def _system_faults(system: System) -> Iterator[str]:
    if not 1 <= len(system.cabinets) <= CABINETS:
        yield f"{system.pms} has {len(system.cabinets)} cabinets; a PMS has 1 to {CABINETS}."
    if not system.mppts or not system.inverters:
        yield f"{system.pms} needs at least one MPPT and one inverter."
    for cabinet in system.cabinets:
        docks = {case.dock for case in cabinet.cases}
        if len(docks) != len(cabinet.cases) or not docks <= set(range(1, DOCKS + 1)):
            yield f"{cabinet.ident} has a dock outside 1-{DOCKS}, or two cases in one dock."


def _move_faults(layout: Layout, move: Move) -> Iterator[str]:
    system = next((s for s in layout.systems if move.case in [c.ident for c in s.cases()]), None)
    if system is None:
        yield f"Case {move.case} is to move, but is not in the layout."
    elif move.cabinet not in [cabinet.ident for cabinet in system.cabinets]:
        yield f"Case {move.case} can't move to {move.cabinet}: not a cabinet of {system.pms}."
    elif not 1 <= move.dock <= DOCKS:
        yield f"Case {move.case} can't move to dock {move.dock}: a cabinet has docks 1-{DOCKS}."
    else:
        places = [layout.place(system, case, move.at) for case in system.cases()]
        if places.count(DockPosition(_position(system, move.cabinet), move.dock)) > 1:
            yield f"Dock {move.dock} of {move.cabinet} is taken when case {move.case} moves there."
