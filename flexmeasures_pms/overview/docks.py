"""The data of the rack page: cabinets, docks, and the packs in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flexmeasures_pms.overview.packs import ShownCell, ShownPack
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.overview.states import Finding


class Scale(PublicStruct, frozen=True):
    """The voltages that the bars of all cells are drawn between.

    :param low: [V].
    :param high: [V].
    """

    low: float
    high: float

    def height(self, volts: float) -> float:
        """Return how high a bar is, from 0 to 1."""
        return min(1.0, max(0.0, (volts - self.low) / (self.high - self.low)))


class Occupant(PublicStruct, frozen=True):
    """A pack where it is registered.

    :param dock: counted across the PMS; None if unknown.
    :param since: when it was installed there; None if unknown.
    :param home: id of the cabinet or PMS where a pack of another PMS is registered.
    :param findings: its health states, the worst first; at least ``ok``.
    """

    pack: ShownPack
    dock: int | None
    since: datetime | None
    findings: tuple[Finding, ...]
    home: str | None = None


class UnknownPack(PublicStruct, frozen=True):
    """A pack with an id that is not registered: its samples wait in quarantine.

    :param dock: as reported last, counted across the PMS.
    :param samples: how many samples wait.
    :param time: of the newest of them.
    """

    ident: str
    dock: int | None
    time: datetime | None
    samples: int


class Dock(PublicStruct, frozen=True):
    """One dock.

    :param number: counted across the PMS.
    :param own: counted in its cabinet.
    :param occupant: the case that is registered there.
    :param unknown_pack: the unknown pack that reports from there.
    """

    number: int
    own: int
    occupant: Occupant | None = None
    unknown_pack: UnknownPack | None = None


class Ehub(PublicStruct, frozen=True):
    """The newest reading of an EHub.

    :param time: of the reading.
    :param temperature: its own [°C].
    :param silent: it has not been heard of for too long.
    :param findings: its health states, the worst first.
    """

    time: datetime
    temperature: float | None
    silent: bool
    findings: tuple[Finding, ...]


class CabinetSeen(PublicStruct, frozen=True):
    """One cabinet with its docks in order.

    :param position: in the PMS, from 1.
    :param docks: in order of their number.
    :param ident: None where the cabinet of these docks is not registered.
    :param ehub: its EHub's; the PMS's if there is only one cabinet.
    """

    position: int
    ident: str | None
    docks: tuple[Dock, ...]
    ehub: Ehub | None = None


class WorstCell(PublicStruct, frozen=True):
    """The weakest cell of a pack, if it is among the worst of the PMS.

    :param below: the mean of the pack's other cells [mV].
    """

    occupant: Occupant
    cell: ShownCell
    below: float


class Rack(PublicStruct, frozen=True):
    """A PMS with its cabinets, docks and packs.

    :param newest: when its newest reading was.
    :param registered: how many packs are registered in it.
    :param reporting: how many of these report.
    :param scale: to draw all cells by; None where no cell was read.
    :param cabinets: in order of their position.
    :param undocked: packs of the PMS whose dock is not known.
    :param reported_here: packs that it reported last, which are registered elsewhere.
    :param unknown_packs: unknown packs that report to it; those with a dock are in their dock too.
    :param power: of all packs that report [W], charging positive.
    :param worst_cells: the weakest cells of its packs, the worst first.
    :param findings: health states, the worst first, each once with the pack that is worst.
    :param at: the moment in the past that it is shown at; None for now.
    """

    ident: str
    asset_id: int | None
    timezone: str | None
    newest: datetime | None
    registered: int
    reporting: int
    power: float | None
    scale: Scale | None
    cabinets: tuple[CabinetSeen, ...]
    undocked: tuple[Occupant, ...]
    reported_here: tuple[Occupant, ...]
    unknown_packs: tuple[UnknownPack, ...]
    worst_cells: tuple[WorstCell, ...]
    findings: tuple[Finding, ...]
    at: datetime | None = None

    def occupants(self) -> Iterator[Occupant]:
        """Yield the packs that are registered in it."""
        docks = (dock for cabinet in self.cabinets for dock in cabinet.docks)
        yield from (dock.occupant for dock in docks if dock.occupant)
        yield from self.undocked

    def unplaced(self) -> Iterator[UnknownPack]:
        """Yield the unknown packs that are in no dock: they report none, or not now."""
        docks = [dock for cabinet in self.cabinets for dock in cabinet.docks]
        placed = {dock.unknown_pack.ident for dock in docks if dock.unknown_pack}
        yield from (one for one in self.unknown_packs if one.ident not in placed)
