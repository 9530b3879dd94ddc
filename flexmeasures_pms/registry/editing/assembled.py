"""Registering a cabinet or case together with the parts in it, as an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.changeset import Change, Changeset
from flexmeasures_pms.registry.editing.orders import Order
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
)
from flexmeasures_pms.registry.messages.message import message, place_of
from flexmeasures_pms.registry.queries.search import find_one
from flexmeasures_pms.registry.timeline import Installation


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


def register_cabinet(order: Order, ident: str, pms: str, parts: CabinetParts) -> Change:
    """Register a cabinet of a PMS, with its EHub and busbar."""
    found = find_one(pms, kinds=[PMS], account_id=order.account_id)
    with editing(found.account_id, order.author, expected=3) as changeset:
        cabinet = registration.register(changeset, CABINET, ident, docks=parts.docks)
        _install_unless_elsewhere(
            changeset, cabinet, changeset.view.entry(found.id), parts.position, order.at
        )
        for kind, part in ((EHUB, parts.ehub), (BUSBAR, parts.busbar)):
            if part is not None:
                entry = registration.register(changeset, kind, part)
                _install_unless_elsewhere(changeset, entry, cabinet, None, order.at)
    return changeset.change()


def register_case(
    order: Order,
    ident: str,
    parts: CaseParts,
    *,
    cabinet: str | None = None,
    dock: int | None = None,
    exact: bool = False,
) -> Change:
    """Register a case with the parts in it, in a dock of a cabinet where one is given.

    :param dock: by either of its numbers, unless it is ``exact``: then as the cabinet counts.
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
        _fill_case(changeset, case, order.at, parts)
        if rack:
            entry = changeset.view.entry(rack.id)
            _install_unless_elsewhere(changeset, case, entry, dock, order.at, exact=exact)
    return changeset.change()


def _fill_case(changeset: Changeset, case: Entry, at: datetime | None, parts: CaseParts) -> None:
    if parts.board is not None:
        entry = registration.register(changeset, BOARD, parts.board)
        for alias in parts.board_aliases:
            registration.add_alias(changeset, entry, alias)
        _install_unless_elsewhere(changeset, entry, case, None, at)
    if parts.fet_board is not None:
        _install_unless_elsewhere(
            changeset, registration.register(changeset, FET_BOARD, parts.fet_board), case, None, at
        )
    for position, block in enumerate(parts.cell_blocks, 1):
        if block:
            entry = registration.register(changeset, CELL_BLOCK, block)
            _install_unless_elsewhere(changeset, entry, case, position, at)


def _install_unless_elsewhere(
    changeset: Changeset,
    part: Entry,
    assembly: Entry,
    place: int | None,
    at: datetime | None,
    *,
    exact: bool = False,
) -> None:
    """Install a part.

    :raises RegistryConflict: if it is elsewhere already and the order says no time.
    """
    row = changeset.view.installed(part.id, changeset.now)
    if row is not None and at is None and _is_elsewhere(changeset, row, assembly, place, exact):
        here = place_of(changeset.view, row, changeset.now)
        raise RegistryConflict(
            message("{what} is registered in {place}.", what=part, place=here),
            command=_advice(changeset, part, assembly, place),
            cure="elsewhere",
        )
    moves.install(changeset, part, assembly, place, at, exact=exact)


def _is_elsewhere(
    changeset: Changeset, row: Installation, assembly: Entry, place: int | None, exact: bool
) -> bool:
    """Whether a part that is in a place is to be in another."""
    if row.assembly_id != assembly.id or place is None:
        return row.assembly_id != assembly.id
    part = changeset.view.entry(row.part_id)
    return spot_for(changeset, part, assembly, place, changeset.now, exact=exact) != row.spot


def _advice(changeset: Changeset, part: Entry, assembly: Entry, place: int | None) -> str:
    """Return the commands that move a part there, as they work now."""
    since = "say since when it is here with --at"
    if changeset.is_new(assembly.id):  # it is not registered after this refusal
        return since
    where = f"--into {quote(assembly.ident)} --into-kind {assembly.kind}"
    dock = "" if place is None else f" --place {place}"
    packs = " --with-packs" if moves.packs_in(changeset.view, part, changeset.now) else ""
    move = f"install {quote(part.ident)} --kind {part.kind} {where}{dock}{packs}"
    return f"to move it, use `{move}`, or {since}"
