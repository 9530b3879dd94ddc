"""Registering a cabinet or case together with the parts in it, as an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.orders import register
from flexmeasures_pms.registry.editing.packs import holds_packs, keep_packs
from flexmeasures_pms.registry.editing.parents import check_parent
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.kinds import (
    BOARD,
    BUSBAR,
    CABINET,
    CASE,
    CELL_BLOCK,
    EHUB,
    FET_BOARD,
    PMS,
    SITE,
)
from flexmeasures_pms.registry.messages.message import message, message_form, place_of
from flexmeasures_pms.registry.queries.search import find_one
from flexmeasures_pms.registry.timeline import Installation, iso


@dataclass(frozen=True, slots=True)
class CabinetParts:
    """What is known of a new cabinet besides its id and its PMS."""

    position: int | None = None
    docks: int | None = None
    ehub: str | None = None
    busbar: str | None = None


@dataclass(frozen=True, slots=True)
class CaseParts:
    """What is in a new case.

    :param cell_blocks: from position 1 on; empty ids for positions that are not known.
    """

    board: str | None = None
    board_aliases: tuple[str, ...] = ()
    fet_board: str | None = None
    cell_blocks: tuple[str, ...] = ()


def register_device(
    order: Order, kind: str, ident: str, details: Details, *, site: str | None = None
) -> Change:
    """Register a PMS, an MPPT or an inverter, in a site where one is given."""
    if site is None:
        return register(order, kind, ident, **details)
    found = find_one(site, kinds=[SITE], account_id=order.organisation)
    check_parent(order.organisation, details.get("parent_asset_id"))
    with editing(order.organisation, order.author) as changeset:
        device = registration.register(changeset, kind, ident, **details)
        moves.install(changeset, device, changeset.view.entry(found.id), at=order.at)
    return changeset.change()


def register_cabinet(
    order: Order, ident: str, pms: str, parts: CabinetParts, *, taking: bool = False
) -> Change:
    """Register a cabinet of a PMS, with its EHub and busbar.

    :param taking: whether it or they may leave another assembly, where the order says when.
    """
    found = find_one(pms, kinds=[PMS], account_id=order.account_id)
    with editing(found.account_id, order.author, expected=3) as changeset:
        cabinet = registration.register(changeset, CABINET, ident, docks=parts.docks)
        install = _Installing(changeset, order.at, taking)
        install(cabinet, changeset.view.entry(found.id), parts.position)
        for kind, part in ((EHUB, parts.ehub), (BUSBAR, parts.busbar)):
            if part is not None:
                entry = registration.register(changeset, kind, part)
                install(entry, cabinet)
        keep_packs(changeset, allowed=taking)
    return changeset.change()


def register_case(
    order: Order,
    ident: str,
    parts: CaseParts,
    *,
    cabinet: str | None = None,
    dock: int | None = None,
    exact: bool = False,
    taking: bool = False,
) -> Change:
    """Register a case with the parts in it, in a dock of a cabinet where one is given.

    :param dock: by either of its numbers, unless it is ``exact``: then as the cabinet counts.
    :param taking: whether it or its parts may leave another assembly, where the order says when.
    :raises RegistryError: for a cabinet without a dock and the like, and without a cabinet
        where the order names no organisation.
    """
    if (cabinet is None) != (dock is None):
        problem = message("A cabinet and a dock go together: give both or neither.")
        raise RegistryError(problem, cure="cabinet_and_dock")
    if parts.board_aliases and parts.board is None:
        problem = message("Another spelling needs the board that it is a spelling of.")
        raise RegistryError(problem)
    rack = find_one(cabinet, kinds=[CABINET], account_id=order.account_id) if cabinet else None
    account_id = rack.account_id if rack else order.organisation
    with editing(account_id, order.author, expected=17) as changeset:
        case = registration.register(changeset, CASE, ident)
        install = _Installing(changeset, order.at, taking)
        _fill_case(install, case, parts)
        if rack:
            install(case, changeset.view.entry(rack.id), dock, exact=exact)
    return changeset.change()


@dataclass(frozen=True, slots=True)
class _Installing:
    """Installs parts, but not what is elsewhere then, unless it may be taken from there."""

    changeset: Changeset
    at: datetime | None
    taking: bool

    def __call__(
        self, part: Entry, assembly: Entry, place: int | None = None, *, exact: bool = False
    ) -> None:
        """Install a part.

        :raises RegistryConflict: if it is in another assembly and may not be taken from there,
            or in another place and the order says no time.
        """
        row = self.changeset.view.installed(part.id, self.at or self.changeset.now)
        if row is not None and self._is_elsewhere(row, assembly, place, exact):
            self._leave(row, part, assembly, place)
        moves.install(self.changeset, part, assembly, place, self.at, exact=exact)

    def _is_elsewhere(
        self, row: Installation, assembly: Entry, place: int | None, exact: bool
    ) -> bool:
        """Whether a part that is in a place is to be in another."""
        if row.assembly_id != assembly.id or place is None:
            return row.assembly_id != assembly.id
        part, moment = self.changeset.view.entry(row.part_id), self.at or self.changeset.now
        return spot_for(self.changeset, part, assembly, place, moment, exact=exact) != row.spot

    def _leave(self, row: Installation, part: Entry, assembly: Entry, place: int | None) -> None:
        """Refuse that a part leaves its place, or note what it leaves."""
        within = row.assembly_id == assembly.id
        here = place_of(self.changeset.view, row, self.changeset.now)
        if self.at is None or not (within or self.taking):
            raise RegistryConflict(
                message("{what} is registered in {place}.", what=part, place=here),
                command=self._advice(part, assembly, place, within=within),
                cure="elsewhere",
            )
        if not within:
            form = message_form("{what} is in {place}, and would leave it.")
            self.changeset.leaving.append(message(form, what=part, place=here))

    def _advice(self, part: Entry, assembly: Entry, place: int | None, *, within: bool) -> str:
        """Return the commands that move a part there, as they work now."""
        named = f"{quote(part.ident)} --kind {part.kind}"
        when = "" if self.at is None else f" --at {iso(self.at)}"
        if self.changeset.is_new(assembly.id):  # it is not registered after this refusal
            return f"to take it out there, use `remove {named}{when}` first"
        where = f"--into {quote(assembly.ident)} --into-kind {assembly.kind}"
        dock = "" if place is None else f" --place {place}"
        packs = " --with-packs" if not within and holds_packs(self.changeset, part) else ""
        more = ", or say since when it is here with --at" if within else ""
        return f"to move it, use `install {named} {where}{dock}{packs}{when}`{more}"


def _fill_case(install: _Installing, case: Entry, parts: CaseParts) -> None:
    changeset = install.changeset
    if parts.board is not None:
        entry = registration.register(changeset, BOARD, parts.board)
        for alias in parts.board_aliases:
            registration.add_alias(changeset, entry, alias)
        install(entry, case)
    if parts.fet_board is not None:
        install(registration.register(changeset, FET_BOARD, parts.fet_board), case)
    for position, block in enumerate(parts.cell_blocks, 1):
        if block:
            install(registration.register(changeset, CELL_BLOCK, block), case, position)
