"""Reading a registry file: CSV lines into rows, each fault with its line (B12)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.importing.columns import (
    ALIAS,
    CELL_COLUMNS,
    DETAILS_OF_PMS,
    DETAILS_OF_SITE,
    FACTS_OF_SITE,
    PARTS_OF_CABINET,
    PARTS_OF_CASE,
    FileHeader,
    read_header,
)
from flexmeasures_pms.registry.importing.origin_columns import taken_origins
from flexmeasures_pms.registry.importing.repeated_lines import repeated_lines
from flexmeasures_pms.registry.importing.rows import (
    STRICT,
    FaultyLine,
    FileRow,
    ImportRules,
    RegistryFile,
)
from flexmeasures_pms.registry.importing.spreadsheets import unprotected
from flexmeasures_pms.registry.kinds import BOARD, BUILT_IN
from flexmeasures_pms.registry.messages.message import Message, message, message_form
from flexmeasures_pms.registry.messages.moments import EVENTS, PLANNED, accepted, read_moment
from flexmeasures_pms.registry.queries.sites import SiteFacts

GivenFields = dict[str, str]
"""The fields of a line that are not empty, by their columns."""

# What needs the column that says what it belongs to.
_NUMBERS = ("dock", "cabinet.position", "cabinet.docks")
_NEEDS = (
    *((name, "cabinet.id") for name in PARTS_OF_CABINET),
    *((name, "pms.id") for name in ("cabinet.position", *DETAILS_OF_PMS)),
    *((name, "site.id") for name in (*DETAILS_OF_SITE, *FACTS_OF_SITE)),
)


def read_rows(data: bytes, rules: ImportRules = STRICT) -> RegistryFile:
    """Read a registry file: UTF-8, with commas or semicolons, columns in any order.

    :raises RegistryError: if it is not such a file at all.
    """
    lines = csv_lines(decoded(data))
    header = read_header(*next(lines, (1, [])))
    rows: list[FileRow] = []
    faults: list[FaultyLine] = []
    nameless: set[int] = set()
    for number, fields in lines:
        nameless.update(n for n in header.nameless if n < len(fields) and fields[n].strip())
        try:
            rows.append(_row(number, _given(header, fields, rules), rules))
        except RegistryError as error:
            faults.append(FaultyLine(number, error))
    found = sorted((*faults, *repeated_lines(rows)), key=lambda fault: fault.line)
    ignored = (*header.ignored, *(f"#{n + 1}" for n in sorted(nameless)))
    return RegistryFile(tuple(rows), tuple(found), ignored)


def decoded(data: bytes) -> str:
    """Return the text of a file.

    :raises RegistryError: if it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RegistryError(
            message("The file is not UTF-8 text: save it as CSV (UTF-8).")
        ) from error


def csv_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a CSV file that are not empty, with their numbers.

    :raises RegistryError: if it is not CSV.
    """
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


def _given(header: FileHeader, fields: Sequence[str], rules: ImportRules) -> GivenFields:
    """Return the fields of a line that are not empty, without those that are ignored."""
    names = header.names
    if any(text.strip() for text in fields[len(names) :]):
        form = message_form("has {n} fields, the header {header}.")
        raise RegistryError(message(form, n=len(fields), header=len(names)))
    if len(fields) < len(names) and not rules.short_lines:
        form = message_form("{n} fields of {header}: the line is incomplete.")
        raise RegistryError(message(form, n=len(fields), header=len(names)), cure="short")
    known = [(name, text) for name, text in zip(names, fields, strict=False) if name]
    for name, text in known:
        if character := identifiers.control_character(text):
            form = message_form("{column} has the control character {character}.")
            raise RegistryError(message(form, column=name, character=character))
    cleaned = ((name, unprotected(identifiers.clean(text))) for name, text in known)
    return {name: text for name, text in cleaned if text}


def _row(number: int, given: GivenFields, rules: ImportRules) -> FileRow:
    for name, text in given.items():
        if text.lower() == name:
            raise RegistryError(message("This is the header once more: delete the line."))
        if name in FACTS_OF_SITE:
            continue
        if len(text) > identifiers.MAX_LENGTH:
            form = message_form("{column} is longer than {n} characters.")
            raise RegistryError(message(form, column=name, n=identifiers.MAX_LENGTH))
        if identifiers.fault(text):
            form = message_form("{column} has control characters.")
            raise RegistryError(message(form, column=name))
    origins = taken_origins(given)
    _check_subject(given)
    _check_needs(given)
    dock, position, docks = (
        _number(name, given.pop(name, None))
        for name in ("dock", "cabinet.position", "cabinet.docks")
    )
    valid_from = _moment("valid_from", given.pop("valid_from", None), rules)
    return FileRow(
        number,
        cells=tuple(given.pop(name, None) for name in CELL_COLUMNS),
        aliases=tuple(given.pop(name) for name in _aliases(given)),
        dock=dock,
        position=position,
        docks=docks,
        of_pms=_details(given, "pms"),
        of_site=_details(given, "site"),
        facts=SiteFacts(*(given.pop(name, None) for name in FACTS_OF_SITE)),
        spare=_spare(given),
        valid_from=valid_from,
        origins=origins,
        ids=given,
    )


def _aliases(given: GivenFields) -> list[str]:
    """Return the columns of aliases, in the order of their numbers."""
    return sorted(filter(ALIAS.fullmatch, given), key=lambda name: (len(name), name))


def _check_subject(given: GivenFields) -> None:
    """Refuse a line that says of no case, PMS, cabinet or spare part what it is about."""
    spare = {"spare.kind", "spare.id"} & given.keys()
    aliases = set(_aliases(given))
    parts = given.keys() & {"dock", *PARTS_OF_CASE} | aliases
    if len(spare) == 1:
        raise RegistryError(message("spare.kind and spare.id go together: give both or neither."))
    if spare and given.keys() - spare - aliases:
        raise RegistryError(message("A spare part is on a line of its own, without other ids."))
    of_rack = not parts and {"site.id", "pms.id", "cabinet.id"} & given.keys()
    if not ("pack.id" in given or spare or of_rack):
        form = message_form(
            "pack.id is empty: only a line about a site, cabinet, PMS or spare part has none."
        )
        raise RegistryError(message(form))
    of_board = "board.id" in given or given.get("spare.kind") == BOARD
    if aliases and not of_board:
        raise RegistryError(message("board.alias needs the board.id that it is a spelling of."))


def _check_needs(given: GivenFields) -> None:
    for name, needed in _NEEDS:
        if name in given and needed not in given:
            problem = message(
                "{name} needs the {needed} that it belongs to.", name=name, needed=needed
            )
            raise RegistryError(problem)
    others = given.keys() - {"site.id", *DETAILS_OF_SITE, *FACTS_OF_SITE, "valid_from"}
    if "site.id" in given and others and "pms.id" not in given:
        raise RegistryError(message("site.id needs the pms.id of the PMS that is there."))
    if {"ehub.id", "bbc.id"} <= given.keys():
        raise RegistryError(message("A cabinet has one controller: give ehub.id or bbc.id."))
    if "dock" in given and not {"cabinet.id", "pms.id"} & given.keys():
        raise RegistryError(message("dock needs the cabinet.id or pms.id that it is in."))


def _moment(column: str, text: str | None, rules: ImportRules) -> datetime | None:
    if text is None:
        return None
    try:
        return accepted(read_moment(text), PLANNED if rules.planned else EVENTS)
    except RegistryError as error:
        said = error.what if isinstance(error.what, Message) else str(error.what)
        problem = message("{column}: {said}", column=column, said=said)
        raise RegistryError(problem, cure=error.cure) from error


def _number(column: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise RegistryError(message("{column} '{text}' is not a number.", column=column, text=text))
    return int(text)


def _details(given: GivenFields, of: str) -> Details:
    """Return the details of a PMS or site, and take them out of the fields."""
    site = Details()
    if (zone := given.pop(f"{of}.timezone", None)) is not None:
        site["timezone"] = zone
    latitude, longitude = (
        _degrees(name, given.pop(name, None)) for name in (f"{of}.latitude", f"{of}.longitude")
    )
    if latitude is not None or longitude is not None:
        site["latitude"], site["longitude"] = latitude, longitude
    return site


def _degrees(column: str, text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError as error:
        problem = message("{column} '{text}' is not a number.", column=column, text=text or "")
        raise RegistryError(problem) from error


def _spare(given: GivenFields) -> str | None:
    """Return the kind of a spare part, and take it out of the fields."""
    kind = given.pop("spare.kind", None)
    if kind is not None and kind not in BUILT_IN:
        kinds = ", ".join(BUILT_IN)
        raise RegistryError(
            message("spare.kind '{text}' is none of {kinds}.", text=kind, kinds=kinds)
        )
    return kind
