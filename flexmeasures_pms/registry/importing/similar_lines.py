"""Lines of a registry file whose new ids nearly equal others: a spreadsheet drops zeros."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Name, ident_key
from flexmeasures_pms.registry.editing.similar import near_ids, nearly_equal
from flexmeasures_pms.registry.importing.importer_csv import CaseRow, FaultyLine
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
from flexmeasures_pms.registry.messages.message import Message

# What an id in a column may be of; a controller is an EHub unless a BBC has the id.
_KINDS = {
    "pack.id": (CASE,),
    "pms.id": (PMS,),
    "cabinet.id": (CABINET,),
    "ehub.id": (EHUB, BBC),
    "busbar.id": (BUSBAR,),
    "board.id": (BOARD,),
    "board.alias": (BOARD,),
    "fet.board.id": (FET_BOARD,),
}


NearIds = dict[Name, dict[str, str]]


def similar_lines(account_id: int, rows: Sequence[CaseRow]) -> list[FaultyLine]:
    """Return a fault for each new id that nearly equals a known one, or one of a line before."""
    named = {
        (kind, ident_key(kind, ident)) for row in rows for kinds, ident in _ids(row)
        for kind in kinds
    }  # fmt: skip
    known = near_ids(account_id, named)
    return [
        FaultyLine(row.line, RegistryConflict(said, cure="similar"))
        for row in rows
        for kinds, ident in _ids(row)
        if (said := _nearly_equal(kinds, ident, known)) is not None
    ]


def _ids(row: CaseRow) -> Iterator[tuple[tuple[str, ...], str]]:
    for column, kinds in _KINDS.items():
        if column in row.ids:
            yield kinds, row.ids[column]
    yield from (((CELL_BLOCK,), block) for block in row.cells if block)


def _nearly_equal(kinds: tuple[str, ...], ident: str, known: NearIds) -> Message | None:
    """Return what to say of an id; one that equals no other is known to the lines after it."""
    key = ident_key(kinds[0], ident)
    near = [known.setdefault((kind, identifiers.without_zeros(key)), {}) for kind in kinds]
    if any(key in some for some in near):
        return None
    for kind, some in zip(kinds, near, strict=True):
        if some:
            return nearly_equal(kind, ident, some[min(some)])
    near[0][key] = ident
    return None
