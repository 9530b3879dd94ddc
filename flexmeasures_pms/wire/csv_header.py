"""The header of a CSV file: which column holds which field, in any order.

A header is a line of names only. It may stand anywhere: files are appended to each other,
sometimes without a line end between them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any

from flexmeasures_pms.errors import MisshapenBody, Problem
from flexmeasures_pms.wire.csv_lines import DELIMITERS, RowCells, cells_of
from flexmeasures_pms.wire.draft import shown
from flexmeasures_pms.wire.fields import SampleField, dataset_fields, sample_fields
from flexmeasures_pms.wire.spellings import (
    DEVICE_ID,
    ESSENTIAL,
    PACK_ID,
    SURPLUS,
    TIME,
    column_spellings,
)

REQUIRED = (TIME, PACK_ID)
CURRENT_COLUMNS = (
    "pms_id, status.code, status.temp, time_local, pack.id, pack.dock, pack.amps, "
    "pack.temp.1 to 3, cell.volts.1 to 14, cell.open.1 to 14, fet.temp.1 to 2, fet.open.1 to 2"
)
MOST_PROBLEMS = 5

# What only a line with column names has; a usual row is told from them by this alone.
_HINTS = ("pack.", "time", "cell.", "status", "fet.")
_NAME = re.compile(r"[^\W\d][\w .()/%°#-]*")
_IN_A_NAME = re.compile(r"[^\W\d]$|[._]$")
_AROUND = ' "'
_FEWEST_NAMES = 2
_TRIES = 100


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """One column of a single value, or the columns of an array."""

    field: SampleField
    name: str
    get: Callable[[RowCells], Any]


@dataclass(frozen=True, slots=True)
class Header:
    """A header row.

    :param text: as in the file.
    :param delimiter: between its columns.
    :param width: number of columns; empty ones at the end do not count.
    :param ignored: columns that are not read.
    """

    text: str
    delimiter: str
    width: int
    columns: tuple[CsvColumn, ...]
    ignored: int
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """The meaning of a column name; the index counts from 0."""

    field: SampleField
    name: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """A header as found in a line.

    :param before: what stands before it in the line: a row that was not ended.
    """

    before: str
    text: str
    cells: RowCells
    delimiter: str


def find_header(line: str, delimiter: str | None) -> HeaderLine | None:
    """Return the header in a line: its whole, or the end of it behind a row.

    :param delimiter: that the file names; None to find it out.
    """
    lowered = line.lower()
    if not any(hint in lowered for hint in _HINTS):
        return None
    for found in (delimiter,) if delimiter else DELIMITERS:
        begin = _begin_of_names(line, found)
        cells = cells_of(line[begin:], found)
        if _are_names(cells):
            return HeaderLine(line[:begin], line[begin:], cells, found)
    return None


def headers_behind(line: HeaderLine, *, usable: bool) -> Iterator[HeaderLine]:
    """Yield the headers that may follow on one that was cut: ``pms_id,tipms_id,time_local``.

    :param usable: whether the line is a header as it is. Then another begins in it only behind
        names that are unknown or come again.
    """
    for begin in islice(_begins(line.text, line.delimiter, usable=usable), _TRIES):
        text = line.text[begin:]
        yield HeaderLine(line.before, text, cells_of(text, line.delimiter), line.delimiter)


def _begins(text: str, delimiter: str, *, usable: bool) -> Iterator[int]:
    after = 0
    parts = text.split(delimiter)
    names = [part.strip(_AROUND).lower() for part in parts]
    for i, part in enumerate(parts):
        begin, after = after, after + len(part) + len(delimiter)
        place = begin if names[i] in _places() else _begin_of_name(part, begin, begin)
        first = text[place:after].rstrip(delimiter).strip(_AROUND).lower()
        again = {first, *names[i + 1 :]}
        if first in _first_columns() and place and not (usable and _known(names[:i]) - again):
            yield place


def _known(names: list[str]) -> set[str]:
    return {name for name in names if name in _places()}


@cache
def _first_columns() -> frozenset[str]:
    return frozenset(name for path in ESSENTIAL for name in column_spellings(path))


def _begin_of_names(line: str, delimiter: str) -> int:
    """Return where the names at the end of a line begin, if they do not fill it."""
    parts = line.split(delimiter)
    begin = after = len(line) + 1
    seen: set[str] = set()
    for part in reversed(parts):
        after -= len(part) + 1
        name = part.strip(_AROUND)
        follows = begin == after + len(part) + 1
        if name.lower() in _first_columns() & seen:
            return begin
        seen.add(name.lower())
        if name.lower() in _places():
            begin = after
        elif follows:
            begin = _begin_of_name(part, after, begin)
        if name and not _NAME.fullmatch(name):
            return begin
    return 0


def _begin_of_name(part: str, after: int, begin: int) -> int:
    """Return the begin of names of which the first may follow on a value: ``32pms_id``."""
    for match in _starts().finditer(part):
        name = part[match.start() :].strip(_AROUND).lower()
        # ``id`` is also the end of a longer name.
        ends_a_name = name.isalpha() and _IN_A_NAME.search(part, 0, match.start())
        if name in _places() and not ends_a_name:
            return after + match.start()
    return begin


def _are_names(cells: RowCells) -> bool:
    known = [cell for cell in cells if cell and cell.lower() in _places()]
    return len(known) >= _FEWEST_NAMES and all(
        cell is None or _NAME.fullmatch(cell) for cell in cells
    )


@cache
def _starts() -> re.Pattern[str]:
    """Return the places in a text where the name of a column may begin."""
    names = sorted(map(re.escape, _places()), key=len, reverse=True)
    return re.compile("|".join(names), re.IGNORECASE)


def read_header(path: str, line: HeaderLine) -> Header:
    """Return the header that a line gives.

    :raises MisshapenBody: naming the columns that are missing or repeated.
    """
    names = _names(line.cells)
    single: list[CsvColumn] = []
    arrays: dict[str, dict[int, int]] = defaultdict(dict)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    ignored = 0
    for position, name in enumerate(names):
        place = _places().get(name)
        if place is None:
            ignored += 1
        elif place.index is None:
            single.append(CsvColumn(place.field, name, itemgetter(position)))
        elif place.index >= place.field.size:
            warnings.append(_surplus(path, name))
        elif place.index in arrays[place.field.path]:
            problems.append(_fault(path, name, "stands twice"))
        else:
            arrays[place.field.path][place.index] = position
    columns = (*single, *(_array(array, found) for array, found in arrays.items()))
    problems += _missing(path, {column.field.path for column in columns}, arrays)
    if problems:
        raise MisshapenBody(
            f"{problems[0].path}: {problems[0].message} The current columns are {CURRENT_COLUMNS}.",
            tuple(problems[:MOST_PROBLEMS]),
        )
    return Header(line.text, line.delimiter, len(names), columns, ignored, tuple(warnings))


@cache
def _places() -> dict[str, _Place]:
    fields = {DEVICE_ID: dataset_fields("pms")[DEVICE_ID], **sample_fields("pms")}
    places = {}
    for path, field in fields.items():
        for name in column_spellings(path):
            if field.size == 0:
                places[name] = _Place(field, name)
            for index in range(max(field.size, SURPLUS.get(path, 0))):
                places[f"{name}.{index + 1}"] = _Place(field, name, index)
    return places


def _names(cells: RowCells) -> list[str]:
    names = [(cell or "").lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _array(path: str, found: dict[int, int]) -> CsvColumn:
    field = sample_fields("pms")[path]
    return CsvColumn(field, path, itemgetter(*(found[index] for index in sorted(found))))


def _missing(path: str, present: set[str], arrays: dict[str, dict[int, int]]) -> list[Problem]:
    lacking = [column_spellings(field)[0] for field in REQUIRED if field not in present]
    for array, found in arrays.items():
        size = sample_fields("pms")[array].size
        lacking += [f"{array}.{i + 1}" for i in range(size) if i not in found]
    return [_fault(path, name, "is missing") for name in lacking]


def _fault(path: str, name: str, what: str) -> Problem:
    return Problem(f"{path}.{name}", "misshapen", f"The column {name!r} {what}.", shown(name))


def _surplus(path: str, name: str) -> Problem:
    message = f"The column {name!r} is unknown and ignored."
    return Problem(f"{path}.{name}", "surplus_value", message, shown(name))
