"""Reading a registry file: CSV lines into rows, each fault with its line (B12)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.message import Message, Renderer, message, message_form
from flexmeasures_pms.registry.messages.moments import EVENTS, PLANNED, accepted, read_moment

CELL_COLUMNS = tuple(f"cell.id.{n}" for n in range(1, 15))
REQUIRED = ("pack.id", "board.id", "fet.board.id", *CELL_COLUMNS)
OPTIONAL = (
    "pms.id",
    "cabinet.id",
    "ehub.id",
    "busbar.id",
    "dock",
    "board.alias",
    "valid_from",
)


LACKS = message_form("The header lacks columns: {columns}.")
UNKNOWN = message_form("The header has unknown columns: {columns}.")
REPEATS = message_form("The header repeats columns: {columns}.")


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What is accepted in a file that would otherwise be refused.

    :param skip_faulty: lines with faults, which are left out.
    :param planned: a ``valid_from`` of up to a year ahead.
    :param similar_ids: new ids that differ from others only by leading zeros.
    :param short_lines: lines without their last fields, which then count as empty.
    """

    skip_faulty: bool = False
    planned: bool = False
    similar_ids: bool = False
    short_lines: bool = False


STRICT = ImportRules()


@dataclass(frozen=True, slots=True)
class FaultyLine:
    """A line that can't be imported, and why."""

    line: int
    error: RegistryError

    @property
    def message(self) -> str:
        """Why, as the command line prints it."""
        return str(self.error)

    def __str__(self) -> str:
        """Return it as it is reported."""
        return f"Line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line: a case and what is in it. An empty field is None or left out."""

    line: int
    ids: dict[str, str] = field(default_factory=dict)
    cells: tuple[str | None, ...] = ()
    dock: int | None = None
    valid_from: datetime | None = None

    @property
    def case(self) -> str:
        """The case's id."""
        return self.ids["pack.id"]


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """A registry file as read.

    :param rows: the lines without a fault.
    :param faults: the lines with one.
    """

    rows: tuple[CaseRow, ...]
    faults: tuple[FaultyLine, ...]


def read_rows(data: bytes, rules: ImportRules = STRICT) -> RegistryFile:
    """Read a registry file: UTF-8, with commas or semicolons, columns in any order.

    :raises RegistryError: if it is not such a file at all.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RegistryError(
            message("The file is not UTF-8 text: save it as CSV (UTF-8).")
        ) from error
    lines = _lines(text)
    header = _header(*next(lines, (1, [])))
    rows: list[CaseRow] = []
    faults: list[FaultyLine] = []
    for number, fields in lines:
        try:
            rows.append(_row(number, header, fields, rules))
        except RegistryError as error:
            faults.append(FaultyLine(number, error))
    twice = list(_repeated(rows))
    return RegistryFile(tuple(rows), tuple(sorted((*faults, *twice), key=lambda f: f.line)))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            if any(text.strip() for text in fields):
                yield reader.line_num, fields
    except csv.Error as error:
        raise RegistryError(
            message("Line {n} is not CSV: {fault}.", n=reader.line_num, fault=str(error))
        ) from error


def _header(number: int, fields: Sequence[str]) -> list[str]:
    for position, text in enumerate(fields, 1):
        if character := identifiers.control_character(text):
            form = message_form("Line {n}, column {column} has the control character {character}.")
            raise RegistryError(message(form, n=number, column=position, character=character))
    names = [identifiers.clean(name).lower() for name in fields]
    while names and not names[-1]:
        names.pop()
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name and name not in (*REQUIRED, *OPTIONAL)]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    for form, columns in ((LACKS, missing), (UNKNOWN, unknown), (REPEATS, twice)):
        if columns:
            raise RegistryError(message(form, columns=", ".join(columns)))
    return names


def _given(header: list[str], fields: list[str], rules: ImportRules) -> dict[str, str]:
    """Return the fields of a line that are not empty, by their columns."""
    if any(text.strip() for text in fields[len(header) :]):
        form = message_form("has {n} fields, the header {header}.")
        raise RegistryError(message(form, n=len(fields), header=len(header)))
    if len(fields) < len(header) and not rules.short_lines:
        form = message_form("{n} fields of {header}: the line is incomplete.")
        raise RegistryError(message(form, n=len(fields), header=len(header)))
    for name, text in zip(header, fields, strict=False):
        if character := identifiers.control_character(text):
            form = message_form("{column} has the control character {character}.")
            raise RegistryError(message(form, column=name, character=character))
    cleaned = ((name, identifiers.clean(text)) for name, text in zip(header, fields, strict=False))
    return {name: text for name, text in cleaned if name and text}


def _row(number: int, header: list[str], fields: list[str], rules: ImportRules) -> CaseRow:
    given = _given(header, fields, rules)
    if "pack.id" not in given:
        raise RegistryError(message("pack.id is empty: each line is about a case."))
    for name, text in given.items():
        if fault := identifiers.fault(text):
            raise RegistryError(f"{name} {fault}.")
    for name in ("ehub.id", "busbar.id"):
        if name in given and "cabinet.id" not in given:
            raise RegistryError(
                message("{name} needs the cabinet.id that it belongs to.", name=name)
            )
    if "board.alias" in given and "board.id" not in given:
        raise RegistryError(message("board.alias needs the board.id that it is a spelling of."))
    dock = _dock(given.pop("dock", None))
    if dock is not None and not {"cabinet.id", "pms.id"} & given.keys():
        raise RegistryError(message("dock needs the cabinet.id or pms.id that it is in."))
    valid_from = _moment("valid_from", given.pop("valid_from", None), rules)
    cells = tuple(given.pop(name, None) for name in CELL_COLUMNS)
    return CaseRow(number, given, cells, dock, valid_from)


def _moment(column: str, text: str | None, rules: ImportRules) -> datetime | None:
    if text is None:
        return None
    try:
        return accepted(read_moment(text), PLANNED if rules.planned else EVENTS)
    except RegistryError as error:
        said = error.what if isinstance(error.what, Message) else str(error.what)
        problem = message("{column}: {said}", column=column, said=said)
        raise RegistryError(problem, cure=error.cure) from error


def _dock(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise RegistryError(message("dock '{text}' is not a number.", text=text))
    return int(text)


def _repeated(rows: Sequence[CaseRow]) -> Iterator[FaultyLine]:
    """Yield the lines that contradict another line about the same thing.

    A thing may be on several lines if each has a ``valid_from``: then they are its history.
    """
    seen: dict[_NamedThing, list[CaseRow]] = {}
    for row in rows:
        for thing, count in Counter(_things(row)).items():
            if count > 1:
                yield _fault(row, message("{what} is on this line twice.", what=thing))
            seen.setdefault(thing, []).append(row)
    for thing, group in seen.items():
        first: dict[datetime | None, CaseRow] = {}
        for row in group:
            if row.valid_from in first:
                form = message_form("{what} is on line {n} already.")
                yield _fault(row, message(form, what=thing, n=first[row.valid_from].line))
            elif row.valid_from is None and any(r.valid_from for r in group):
                form = message_form("{what} is on other lines too: say since when in valid_from.")
                yield _fault(row, message(form, what=thing))
            first.setdefault(row.valid_from, row)


def _fault(row: CaseRow, why: Message) -> FaultyLine:
    return FaultyLine(row.line, RegistryError(why))


@dataclass(frozen=True, slots=True)
class _NamedThing:
    """A thing that a line names, or a dock of the cabinet or PMS of that id."""

    words: str
    ident: str
    dock: int | None = None

    def render(self, renderer: Renderer) -> str:
        """Return such as ``case 269`` and ``dock 3 of CAB-01-001``."""
        if self.dock is None:
            return f"{renderer.word(self.words)} {self.ident}"
        place = f"{renderer.word(self.words)} {self.dock}"
        return renderer.word("{place} of {assembly}").format(place=place, assembly=self.ident)


def _things(row: CaseRow) -> Iterator[_NamedThing]:
    for kind, name in (("case", "pack.id"), ("FET board", "fet.board.id")):
        if name in row.ids:
            yield _NamedThing(kind, identifiers.key(row.ids[name]))
    boards = (row.ids.get(name) for name in ("board.id", "board.alias"))
    for board in {identifiers.board_key(text) for text in boards if text}:
        yield _NamedThing("acquisition board", board)
    for cell in filter(None, row.cells):
        yield _NamedThing("cell block", identifiers.key(cell))
    if row.dock is not None:
        rack = row.ids.get("cabinet.id") or row.ids["pms.id"]
        yield _NamedThing("dock", identifiers.key(rack), row.dock)
