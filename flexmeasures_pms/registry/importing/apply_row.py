"""One line of a registry file, put into the registry."""

from __future__ import annotations

from collections.abc import Iterator

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import registration, sites
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.origins import OriginDetails, state_origin
from flexmeasures_pms.registry.importing.placements import Placements
from flexmeasures_pms.registry.importing.rows import FileRow
from flexmeasures_pms.registry.kinds import (
    BBC,
    BOARD,
    BUSBAR,
    CABINET,
    CASE,
    CELL_BLOCK,
    EHUB,
    FET_BOARD,
    PMS,
)


def apply_row(placements: Placements, row: FileRow) -> None:
    """Register what a line names, and put it where the line says.

    :raises RegistryError: for what does not fit.
    """
    changeset = placements.changeset
    case = _registered(changeset, CASE, row.case)
    pms = _registered_pms(changeset, row)
    _register_site(placements, row, pms)
    cabinet = _registered_cabinet(changeset, row)
    if cabinet is not None:
        _fill_cabinet(placements, row, cabinet, pms)
    if case is not None:
        _fill_case(placements, row, case)
        _dock_case(placements, row, case, cabinet, pms)
    if row.spare is not None:
        spare = registration.register(changeset, row.spare, row.ids["spare.id"])
        _add_aliases(changeset, row, spare)
    for thing, details in described(changeset, row):
        state_origin(changeset, thing, **details)


def described(changeset: Changeset, row: FileRow) -> Iterator[tuple[Entry, OriginDetails]]:
    """Yield the things of which a line says where they come from, as far as they are registered."""
    for kinds, ident, details in row.described():
        known = (changeset.view.find(kind, ident) for kind in kinds)
        if (thing := next(filter(None, known), None)) is not None:
            yield thing, details


def _registered(changeset: Changeset, kind: str, ident: str | None) -> Entry | None:
    return None if ident is None else registration.register(changeset, kind, ident)


def _registered_pms(changeset: Changeset, row: FileRow) -> Entry | None:
    ident = row.ids.get("pms.id")
    return None if ident is None else registration.register(changeset, PMS, ident, **row.of_pms)


def _register_site(placements: Placements, row: FileRow, pms: Entry | None) -> None:
    ident = row.ids.get("site.id")
    if ident is not None:
        site = sites.register_site(placements.changeset, ident, row.facts, row.of_site)
        placements.put(pms, site, None, row.valid_from)


def _registered_cabinet(changeset: Changeset, row: FileRow) -> Entry | None:
    ident = row.ids.get("cabinet.id")
    if ident is None:
        return None
    return registration.register(changeset, CABINET, ident, docks=row.docks)


def _fill_cabinet(placements: Placements, row: FileRow, cabinet: Entry, pms: Entry | None) -> None:
    changeset, at, ids = placements.changeset, row.valid_from, row.ids
    if pms is not None:
        placements.put(cabinet, pms, row.position, at)
    hub = ids.get("ehub.id")
    for kind, ident in (
        (_controller_kind(changeset, hub), hub),
        (BBC, ids.get("bbc.id")),
        (BUSBAR, ids.get("busbar.id")),
    ):
        placements.put(_registered(changeset, kind, ident), cabinet, None, at)


def _controller_kind(changeset: Changeset, ident: str | None) -> str:
    if ident is None or changeset.view.find(EHUB, ident) is not None:
        return EHUB
    return EHUB if changeset.view.find(BBC, ident) is None else BBC


def _fill_case(placements: Placements, row: FileRow, case: Entry) -> None:
    changeset, at, ids = placements.changeset, row.valid_from, row.ids
    board = _registered(changeset, BOARD, ids.get("board.id"))
    if board is not None:
        _add_aliases(changeset, row, board)
    placements.put(board, case, None, at)
    placements.put(_registered(changeset, FET_BOARD, ids.get("fet.board.id")), case, None, at)
    for position, ident in enumerate(row.cells, 1):
        placements.put(_registered(changeset, CELL_BLOCK, ident), case, position, at)


def _add_aliases(changeset: Changeset, row: FileRow, board: Entry) -> None:
    for alias in row.aliases:
        registration.add_alias(changeset, board, alias)


def _dock_case(
    placements: Placements, row: FileRow, case: Entry, cabinet: Entry | None, pms: Entry | None
) -> None:
    changeset, at = placements.changeset, row.valid_from
    if cabinet is not None:
        placements.put(case, cabinet, row.dock, at)
    elif pms is not None and (
        row.dock is not None or changeset.view.pms_of(case.id, at or changeset.now) != pms
    ):
        placements.put(case, pms, row.dock, at)
