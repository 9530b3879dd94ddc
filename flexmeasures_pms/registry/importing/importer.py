"""Importing a registry file (the seed's "twice a day through a data file").

An empty field changes nothing. Another part in a place than the file
has is swapped for the file's. The same file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.directory import RegistryQuery
from flexmeasures_pms.registry.editing import registration
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.writer import editing, tried
from flexmeasures_pms.registry.importing.apply_row import apply_row, described
from flexmeasures_pms.registry.importing.doubtful_lines import doubtful_lines
from flexmeasures_pms.registry.importing.import_summary import (
    NOTHING_NEW,
    ImportSummary,
    import_summary,
)
from flexmeasures_pms.registry.importing.importer_csv import read_rows
from flexmeasures_pms.registry.importing.line_messages import sum_up, together
from flexmeasures_pms.registry.importing.new_names import NewNames, no_new_names, with_newer
from flexmeasures_pms.registry.importing.placements import Leaving, Placements
from flexmeasures_pms.registry.importing.repeated_lines import REPEATED
from flexmeasures_pms.registry.importing.rows import (
    STRICT,
    FaultyLine,
    FileRow,
    ImportRules,
    RegistryFile,
)
from flexmeasures_pms.registry.kinds import BOARD, CASE
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.timeline import SINCE_EVER

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file.

    :param change: what was changed, or would be; nothing of it is written when there are
        faults that were not to be skipped, or in a dry run.
    :param ignored: columns that are unknown.
    :param version: of the registry that the file was compared with.
    :param leavings: what lines take from where, as :class:`Placements` has it.
    :param usable: the lines without faults, in the order of their times.
    :param names: what others have registered since.
    """

    change: Change
    rows: int
    changed: int
    faults: tuple[FaultyLine, ...]
    written: bool
    summary: ImportSummary = NOTHING_NEW
    ignored: tuple[str, ...] = ()
    version: int = 0
    leavings: Set[Leaving] = frozenset()
    usable: tuple[FileRow, ...] = ()
    names: NewNames = field(default_factory=NewNames)

    @property
    def faulty_lines(self) -> int:
        """How many lines have faults."""
        return len({fault.line for fault in self.faults})

    @property
    def cures(self) -> frozenset[str]:
        """What faults could be accepted, as the codes of their errors."""
        return frozenset(fault.error.cure for fault in self.faults)

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
        return replace(_compared(account_id, author, read, rules), written=False)
    with editing(account_id, author, expected=_number_named(read.rows)) as changeset:
        checked = _compared(account_id, author, read, rules)
        if not checked.written:
            changeset.discarded = True
            return checked
        done = _imported(changeset, _in_order(read.rows, checked.faults), rules, checked.faults)
        changeset.discarded = not done.wanted
    return replace(checked, change=changeset.change(), faults=done.faults, written=done.wanted)


class OutdatedCheck(RegistryConflict):
    """The registry was changed since a file was compared with it: compare it again."""


def import_rows(
    checked: Imported,
    rows: Sequence[FileRow],
    *,
    author: Author,
    rules: ImportRules = STRICT,
    as_checked: bool = False,
) -> Imported:
    """Do as :func:`import_file`, with some of the lines that can be imported.

    :param checked: what came of the comparison of the whole file; ``names`` are those of the
        lines before these, if there were any.
    :param as_checked: whether the registry has to be as it was then.
    :return: also not written where a line strips a case of what it has got since.
    :raises OutdatedCheck: if it has to be, and is not.
    """
    account_id = checked.change.account_id
    with editing(account_id, author, expected=_number_named(rows)) as changeset:
        if as_checked and changeset.base.version != checked.version:
            raise OutdatedCheck("The registry was changed since the file was checked.")
        names = with_newer(account_id, checked.names)
        # Only what others have registered since can make more ids doubtful.
        faults = tuple(doubtful_lines(account_id, rows, rules, names.kinds))
        placements = Placements(changeset, rules, checked.leavings)
        done = _imported(changeset, _in_order(rows, faults), rules, faults, placements)
        late = tuple(placements.faults())
        written = done.wanted and not late
        changeset.discarded = not written
    if changeset.transactions:
        names = replace(names, until=changeset.now)
    change = changeset.change()
    faults = late or done.faults
    return Imported(change, done.rows, done.changed, faults, written, names=names)


def _number_named(rows: Iterable[FileRow]) -> int:
    return len({named for row in rows for named in row.named()}) or 1


def _in_order(rows: Iterable[FileRow], faults: Iterable[FaultyLine]) -> list[FileRow]:
    faulty = {fault.line for fault in faults}
    usable = (row for row in rows if row.line not in faulty)
    return sorted(usable, key=lambda row: (row.valid_from or SINCE_EVER, row.line))


def _compared(account_id: int, author: Author, read: RegistryFile, rules: ImportRules) -> Imported:
    """Find out what a file would do, without the lines whose faults only all of it shows."""
    names = no_new_names(account_id)
    faults = _faults(account_id, read, rules)
    while True:
        changeset = tried(account_id, author)
        placements = Placements(changeset, rules)
        rows = _in_order(read.rows, faults)
        done = _imported(changeset, rows, rules, faults, placements)
        checkable = rules.skip_faulty or not done.faults
        late = tuple(placements.faults()) if checkable else ()
        faults = (*faults, *late)
        if not late or not rules.skip_faulty:
            break
    found = _by_line((*done.faults, *late))
    return Imported(
        changeset.change(),
        rows=len({row.line for row in read.rows} | {fault.line for fault in found}),
        changed=done.changed,
        faults=found,
        written=rules.skip_faulty or not found,
        summary=import_summary(changeset),
        ignored=read.ignored,
        version=changeset.base.version,
        leavings=frozenset(placements.leavings()),
        usable=tuple(_in_order(read.rows, found)),
        names=names,
    )


def _faults(account_id: int, read: RegistryFile, rules: ImportRules) -> tuple[FaultyLine, ...]:
    """Return what is wrong with single lines: that one placeholder comes twice is not told."""
    doubtful = tuple(doubtful_lines(account_id, read.rows, rules))
    lines = {fault.line for fault in doubtful}
    told = (f for f in read.faults if f.error.cure != REPEATED or f.line not in lines)
    return (*told, *doubtful)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of lines: how many changed something, and whether all of it is wanted."""

    rows: int
    changed: int
    faults: tuple[FaultyLine, ...]
    wanted: bool


def _imported(
    changeset: Changeset,
    rows: Sequence[FileRow],
    rules: ImportRules,
    faults: Iterable[FaultyLine] = (),
    placements: Placements | None = None,
) -> _Done:
    """Change a changeset as lines say; those with faults have been left out."""
    found, changed = list(faults), 0
    placements = placements or Placements(changeset, rules)
    for row in _expected(changeset, rows):
        try:
            changed += _import_row(placements, row)
        except RegistryError as error:
            found.append(FaultyLine(row.line, error))
    wanted = rules.skip_faulty or not found
    return _Done(len(rows), changed, _by_line(found), wanted)


def _by_line(faults: Iterable[FaultyLine]) -> tuple[FaultyLine, ...]:
    return tuple(sorted(faults, key=lambda fault: fault.line))


def _expected(changeset: Changeset, rows: Sequence[FileRow]) -> Iterator[FileRow]:
    """Yield the rows; what is registered of some of them is read before the first of these."""
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        things = {thing for row in some for thing in _looked_up(row)}
        changeset.base.expect(RegistryQuery(things=things, parts=True))
        of_things = [thing.id for row in some for thing, _ in described(changeset, row)]
        changeset.master.registered_origins.expect(of_things)
        yield from some


def _looked_up(row: FileRow) -> Iterator[tuple[str, str]]:
    """Yield all that is looked up for a row, by kind and id."""
    for kinds, ident in row.named():
        yield from ((kind, ident) for kind in kinds)
        if kinds == (BOARD,):
            yield from ((CASE, text) for text in registration.spellings(ident))
        elif kinds == (CASE,):
            yield BOARD, ident


def _import_row(placements: Placements, row: FileRow) -> bool:
    """Import one line and return whether it changed anything; its messages are summed up."""
    changeset = placements.changeset
    undo = changeset.savepoint() if placements.rules.skip_faulty else None
    transactions, lines = _recorded(changeset), len(changeset.lines)
    new = row.case is not None and changeset.view.find(CASE, row.case) is None
    changeset.only_changes, placements.line = True, row.line
    try:
        apply_row(placements, row)
    except RegistryError:
        if undo is not None:
            undo()
            placements.forget()
        del changeset.lines[lines:]
        raise
    added = changeset.lines[lines:]
    shown = sum_up(added) if new else together(added)
    changeset.lines[lines:] = [message("Line {n}: {said}", n=row.line, said=line) for line in shown]
    return _recorded(changeset) > transactions


def _recorded(changeset: Changeset) -> int:
    return len(changeset.transactions) + len(changeset.master.transactions)
