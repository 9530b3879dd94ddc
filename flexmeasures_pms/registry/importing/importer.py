"""Bringing the registry to what a file says (the seed's "twice a day through a data file").

An empty field says nothing, so it changes nothing. Another part in a place than the file
has is swapped for the file's. The same file again finds everything as it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.directory import Entry, Wanted
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.book import Author, Book, Change
from flexmeasures_pms.registry.editing.ledger import editing
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.importing.importer_csv import CaseRow, FaultyLine, read_rows
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
from flexmeasures_pms.registry.messages.telling import Count, Told, tell
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
    def same(self) -> int:
        """How many lines say what the registry has."""
        return self.rows - self.changed - self.faulty_lines

    @property
    def refusal(self) -> str:
        """Why nothing was imported, for a file with faults that were not to be skipped."""
        return f"Nothing was imported: {self.faulty_lines} of {self.rows} lines are faulty."

    @property
    def summary(self) -> str:
        """What came of the file, in one sentence."""
        did = "changed" if self.written else "would change"
        more = f", {self.faulty_lines} skipped" if self.faults else ""
        changed = f"{self.changed} {did} the registry"
        return f"{self.rows} lines: {changed}, {self.same} say what it has{more}."


def of_file(author: Author, name: str) -> Author:
    """Return the author with the name of a file in front of the note."""
    return replace(author, note=f"{name}: {author.note}" if author.note else name)


def import_file(
    account_id: int,
    data: bytes,
    *,
    author: Author,
    dry_run: bool = False,
    skip_faulty: bool = False,
) -> Imported:
    """Bring an organisation's registry to what a file says.

    All or nothing, unless faulty lines are to be skipped. Works in the caller's
    transaction.

    :raises RegistryError: if the file is no registry file at all.
    """
    read = read_rows(data)
    faulty = {fault.line for fault in read.faults}
    rows = [row for row in read.rows if row.line not in faulty]
    faults, changed = list(read.faults), 0
    with editing(account_id, author, expected=PARTS_OF_A_CASE * len(rows) + 1) as book:
        ordered_rows = sorted(rows, key=lambda r: (r.valid_from or SINCE_EVER, r.line))
        for row in _expected(book, ordered_rows):
            try:
                changed += _import_row(book, row, skip_faulty=skip_faulty)
            except RegistryError as error:
                faults.append(FaultyLine(row.line, error))
        wanted = not dry_run and (skip_faulty or not faults)
        book.discarded = not wanted
    ordered = tuple(sorted(faults, key=lambda fault: fault.line))
    count = len(read.rows) + len({f.line for f in ordered} - {r.line for r in read.rows})
    return Imported(book.change(), count, changed, ordered, wanted)


def _expected(book: Book, rows: Sequence[CaseRow]) -> Iterator[CaseRow]:
    """Yield the rows; what is registered of some of them is read before the first of these."""
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        things = {thing for row in some for thing in _named(row)}
        book.base.expect(Wanted(things=things, parts=True))
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


def _import_row(book: Book, row: CaseRow, *, skip_faulty: bool) -> bool:
    """Import one line and tell if it changed anything; what it said is summed up."""
    undo = book.savepoint() if skip_faulty else None
    entered, lines = len(book.entered), len(book.lines)
    new = book.view.find(CASE, row.case) is None
    book.only_changes = True
    try:
        _apply(book, row)
    except RegistryError:
        if undo is not None:
            undo()
        del book.lines[lines:]
        raise
    said = book.lines[lines:]
    shown = _sum_up(said) if new else said
    book.lines[lines:] = [tell("Line {n}: {said}", n=row.line, said=line) for line in shown]
    return len(book.entered) > entered


def _sum_up(said: Sequence[Told]) -> list[Told]:
    """Return one sentence for a new case and its parts, and what else had to change."""
    first, *others = (line for line in said if line.form == registration.REGISTERED)
    if others:
        more = Count(len(others), "other thing")
        what = first.values["what"]
        first = tell("Registered {what} and {things} with it.", what=what, things=more)
    return [first, *filter(_is_move, said)]


def _is_move(line: Told) -> bool:
    what = line.values.get("what")
    docked = line.form == moves.INSTALLED and isinstance(what, Entry) and what.kind == CASE
    return docked or line.form in (moves.MOVED, moves.SWAPPED)


def _apply(book: Book, row: CaseRow) -> None:
    at, ids = row.valid_from, row.ids
    case = registration.register(book, CASE, row.case)
    pms = _registered(book, PMS, ids.get("pms.id"))
    cabinet = _registered(book, CABINET, ids.get("cabinet.id"))
    if cabinet is not None:
        if pms is not None:
            _fit(book, cabinet, pms, None, at)
        for kind, name in (
            (_controller(book, ids.get("ehub.id")), "ehub.id"),
            (BUSBAR, "busbar.id"),
        ):
            _fit(book, _registered(book, kind, ids.get(name)), cabinet, None, at)
    board = _registered(book, BOARD, ids.get("board.id"))
    if board is not None and "board.alias" in ids:
        registration.add_alias(book, board, ids["board.alias"])
    _fit(book, board, case, None, at)
    _fit(book, _registered(book, FET_BOARD, ids.get("fet.board.id")), case, None, at)
    for position, block in enumerate(row.cells, 1):
        _fit(book, _registered(book, CELL_BLOCK, block), case, position, at)
    if cabinet is not None:
        _fit(book, case, cabinet, row.dock, at)
    elif pms is not None and (
        row.dock is not None or book.view.pms_of(case.id, at or book.now) != pms
    ):
        _fit(book, case, pms, row.dock, at)


def _registered(book: Book, kind: str, ident: str | None) -> Entry | None:
    return None if ident is None else registration.register(book, kind, ident)


def _controller(book: Book, ident: str | None) -> str:
    return BBC if ident is not None and book.view.find(BBC, ident) is not None else EHUB


def _fit(
    book: Book, part: Entry | None, assembly: Entry, place: int | None, at: datetime | None
) -> None:
    """Make a part be in a place since a time, swapped for whatever else is there."""
    if part is None:
        return
    moment = at or book.now
    spot = spot_for(book, part, assembly, place, moment)
    row = row_at(book.rows(part.id), moment)
    if row is not None and row.spot == spot:
        return
    other = moves.occupant(book, spot, part.id, moment)
    if other is None:
        moves.install(book, part, assembly, place, at)
    else:
        moves.swap(book, other, part, at)
