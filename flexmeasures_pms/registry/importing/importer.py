"""Importing a registry file (the seed's "twice a day through a data file").

An empty field changes nothing. Another part in a place than the file
has is swapped for the file's. The same file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.directory import Entry, RegistryQuery
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.changeset import Author, Change, Changeset
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.editing.writer import editing, tried
from flexmeasures_pms.registry.importing.importer_csv import (
    STRICT,
    CaseRow,
    FaultyLine,
    ImportRules,
    RegistryFile,
    read_rows,
)
from flexmeasures_pms.registry.importing.similar_lines import similar_lines
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
from flexmeasures_pms.registry.messages.message import CountText, Message, message
from flexmeasures_pms.registry.timeline import SINCE_EVER, row_at

PARTS_OF_A_CASE = 17

# Of which kinds the id in a column is looked up.
_KINDS = {
    "pack.id": (CASE, BOARD),
    "pms.id": (PMS,),
    "cabinet.id": (CABINET,),
    "ehub.id": (EHUB, BBC),
    "busbar.id": (BUSBAR,),
    "board.id": (BOARD,),
    "board.alias": (BOARD,),
    "fet.board.id": (FET_BOARD,),
}
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file.

    :param change: what was changed, or would be; nothing of it is written when there are
        faults that were not to be skipped, or in a dry run.
    """

    change: Change
    rows: int
    changed: int
    faults: tuple[FaultyLine, ...]
    written: bool

    @property
    def faulty_lines(self) -> int:
        """How many lines have faults."""
        return len({fault.line for fault in self.faults})

    @property
    def has_similar_ids(self) -> bool:
        """Whether lines were refused because their ids nearly equal others."""
        return any(fault.error.cure == "similar" for fault in self.faults)

    @property
    def same(self) -> int:
        """How many lines change nothing."""
        return self.rows - self.changed - self.faulty_lines


def of_file(author: Author, name: str) -> Author:
    """Return the author with the name of a file in front of the note."""
    return replace(author, note=f"{name}: {author.note}" if author.note else name)


def import_file(
    account_id: int,
    data: bytes,
    *,
    author: Author,
    dry_run: bool = False,
    rules: ImportRules = STRICT,
) -> Imported:
    """Make an organisation's registry as a file says.

    All or nothing, unless the rules are that faulty lines are skipped. Works in the caller's
    transaction. Of a dry run nobody else notices anything.

    :raises RegistryError: if the file is no registry file at all.
    """
    read = read_rows(data, rules)
    if dry_run:
        result = _compared(tried(account_id, author), read, rules)
        return replace(result, written=False)
    expected = PARTS_OF_A_CASE * len(read.rows) + 1
    with editing(account_id, author, expected=expected) as changeset:
        result = _compared(changeset, read, rules)
        changeset.discarded = not result.written
    return replace(result, change=changeset.change())


def import_rows(
    account_id: int, rows: Sequence[CaseRow], *, author: Author, rules: ImportRules = STRICT
) -> Imported:
    """Do as :func:`import_file`, with some of the lines that :func:`usable_rows` returned."""
    expected = PARTS_OF_A_CASE * len(rows) + 1
    with editing(account_id, author, expected=expected) as changeset:
        result = _imported(changeset, rows, (), rules)
        changeset.discarded = not result.written
    return replace(result, change=changeset.change())


def usable_rows(data: bytes, rules: ImportRules, faults: Iterable[FaultyLine]) -> list[CaseRow]:
    """Return the lines of a file without those that have faults, in the order of their times."""
    return _in_order(read_rows(data, rules).rows, faults)


def _in_order(rows: Iterable[CaseRow], faults: Iterable[FaultyLine]) -> list[CaseRow]:
    faulty = {fault.line for fault in faults}
    usable = (row for row in rows if row.line not in faulty)
    return sorted(usable, key=lambda row: (row.valid_from or SINCE_EVER, row.line))


def _compared(changeset: Changeset, read: RegistryFile, rules: ImportRules) -> Imported:
    similar = () if rules.similar_ids else similar_lines(changeset.account_id, read.rows)
    faults = (*read.faults, *similar)
    result = _imported(changeset, _in_order(read.rows, faults), faults, rules)
    count = len(read.rows) + len({f.line for f in result.faults} - {r.line for r in read.rows})
    return replace(result, rows=count)


def _imported(
    changeset: Changeset,
    rows: Sequence[CaseRow],
    faults: Iterable[FaultyLine],
    rules: ImportRules,
) -> Imported:
    """Change a changeset as lines say."""
    found, changed = list(faults), 0
    for row in _expected(changeset, rows):
        try:
            changed += _import_row(changeset, row, skip_faulty=rules.skip_faulty)
        except RegistryError as error:
            found.append(FaultyLine(row.line, error))
    ordered = tuple(sorted(found, key=lambda fault: fault.line))
    wanted = rules.skip_faulty or not found
    return Imported(changeset.change(), len(rows), changed, ordered, wanted)


def _expected(changeset: Changeset, rows: Sequence[CaseRow]) -> Iterator[CaseRow]:
    """Yield the rows; what is registered of some of them is read before the first of these."""
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        things = {thing for row in some for thing in _named(row)}
        changeset.base.expect(RegistryQuery(things=things, parts=True))
        yield from some


def _named(row: CaseRow) -> Iterator[tuple[str, str]]:
    """Yield all that is looked up for a row, by kind and id."""
    for column, kinds in _KINDS.items():
        if column in row.ids:
            yield from ((kind, row.ids[column]) for kind in kinds)
    for column in ("board.id", "board.alias"):
        if column in row.ids:
            yield from ((CASE, text) for text in registration.spellings(row.ids[column]))
    yield from ((CELL_BLOCK, block) for block in row.cells if block)


def _import_row(changeset: Changeset, row: CaseRow, *, skip_faulty: bool) -> bool:
    """Import one line and return whether it changed anything; its messages are summed up."""
    undo = changeset.savepoint() if skip_faulty else None
    transactions, lines = len(changeset.transactions), len(changeset.lines)
    new = changeset.view.find(CASE, row.case) is None
    changeset.only_changes = True
    try:
        _apply(changeset, row)
    except RegistryError:
        if undo is not None:
            undo()
        del changeset.lines[lines:]
        raise
    added = changeset.lines[lines:]
    shown = _sum_up(added) if new else added
    changeset.lines[lines:] = [message("Line {n}: {said}", n=row.line, said=line) for line in shown]
    return len(changeset.transactions) > transactions


def _sum_up(added: Sequence[Message]) -> list[Message]:
    """Return one message for a new case and its parts, and what else had to change."""
    first, *others = (line for line in added if line.form == registration.REGISTERED)
    if others:
        more = CountText(len(others), "other thing")
        what = first.values["what"]
        first = message("Registered {what} and {things} with it.", what=what, things=more)
    return [first, *filter(_is_move, added)]


def _is_move(line: Message) -> bool:
    what = line.values.get("what")
    docked = line.form == moves.INSTALLED and isinstance(what, Entry) and what.kind == CASE
    return docked or line.form in (moves.MOVED, moves.SWAPPED, moves.SWAPPED_FROM)


def _apply(changeset: Changeset, row: CaseRow) -> None:
    case = registration.register(changeset, CASE, row.case)
    pms = _registered(changeset, PMS, row.ids.get("pms.id"))
    cabinet = _registered(changeset, CABINET, row.ids.get("cabinet.id"))
    if cabinet is not None:
        _fill_cabinet(changeset, row, cabinet, pms)
    _fill_case(changeset, row, case)
    _dock_case(changeset, row, case, cabinet, pms)


def _fill_cabinet(changeset: Changeset, row: CaseRow, cabinet: Entry, pms: Entry | None) -> None:
    at, ids = row.valid_from, row.ids
    if pms is not None:
        _install_or_swap(changeset, cabinet, pms, None, at)
    hub, busbar = ids.get("ehub.id"), ids.get("busbar.id")
    for kind, ident in ((_controller_kind(changeset, hub), hub), (BUSBAR, busbar)):
        _install_or_swap(changeset, _registered(changeset, kind, ident), cabinet, None, at)


def _fill_case(changeset: Changeset, row: CaseRow, case: Entry) -> None:
    at, ids = row.valid_from, row.ids
    board = _registered(changeset, BOARD, ids.get("board.id"))
    if board is not None and "board.alias" in ids:
        registration.add_alias(changeset, board, ids["board.alias"])
    _install_or_swap(changeset, board, case, None, at)
    fet_board = _registered(changeset, FET_BOARD, ids.get("fet.board.id"))
    _install_or_swap(changeset, fet_board, case, None, at)
    for position, ident in enumerate(row.cells, 1):
        block = _registered(changeset, CELL_BLOCK, ident)
        _install_or_swap(changeset, block, case, position, at)


def _dock_case(
    changeset: Changeset, row: CaseRow, case: Entry, cabinet: Entry | None, pms: Entry | None
) -> None:
    at = row.valid_from
    if cabinet is not None:
        _install_or_swap(changeset, case, cabinet, row.dock, at)
    elif pms is not None and (
        row.dock is not None or changeset.view.pms_of(case.id, at or changeset.now) != pms
    ):
        _install_or_swap(changeset, case, pms, row.dock, at)


def _registered(changeset: Changeset, kind: str, ident: str | None) -> Entry | None:
    return None if ident is None else registration.register(changeset, kind, ident)


def _controller_kind(changeset: Changeset, ident: str | None) -> str:
    return BBC if ident is not None and changeset.view.find(BBC, ident) is not None else EHUB


def _install_or_swap(
    changeset: Changeset,
    part: Entry | None,
    assembly: Entry,
    place: int | None,
    at: datetime | None,
) -> None:
    """Install a part in a place since a time, swapped for whatever else is there."""
    if part is None:
        return
    moment = at or changeset.now
    spot = spot_for(changeset, part, assembly, place, moment)
    row = row_at(changeset.rows(part.id), moment)
    if row is not None and row.spot == spot:
        return
    other = moves.occupant(changeset, spot, part.id, moment)
    if other is None:
        moves.install(changeset, part, assembly, place, at)
    else:
        moves.swap(changeset, other, part, at)
