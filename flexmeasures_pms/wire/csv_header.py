"""The header of a CSV file: which column holds which field, in any order.

A header is a line of names only. It may stand anywhere: files are appended to each other,
sometimes without a line end between them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

from flexmeasures_pms.errors import MisshapenBody, Problem
from flexmeasures_pms.wire.csv_lines import DELIMITERS, RowCells, cells_of
from flexmeasures_pms.wire.draft import shown
from flexmeasures_pms.wire.fields import SampleField, dataset_fields, sample_fields
from flexmeasures_pms.wire.spellings import (
    DEVICE_ID,
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

# A number, or the begin of a time: what no name is.
_READING = re.compile(
    r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:e[+-]?[0-9]+)?|[0-9]{8}t.*|[0-9]{4}-[0-9]{2}-.*"
)
_AROUND = ' "'
_FEWEST_NAMES = 2
_LONGEST_NAME = 40
_SOME = 6


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
    :param size: of the text in bytes.
    :param delimiter: between its columns.
    :param width: number of columns; empty ones at the end do not count.
    :param ignored: columns that are not read.
    """

    text: str
    size: int
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

    :param before: a row in the same line that was not ended.
    :param text: the header itself.
    :param after: a row that follows on it in the same line.
    :param whole: whether no reading stands between the names.
    """

    text: str
    cells: RowCells
    delimiter: str
    before: str = ""
    after: str = ""
    whole: bool = True


def find_header(line: str, delimiter: str | None) -> HeaderLine | None:
    """Return the header in a line, which has at least two names of columns.

    :param delimiter: that the file names; None to find it out.
    """
    lowered = line.lower()
    if not ("pack." in lowered or "time" in lowered or "cell." in lowered or "status" in lowered):
        # A usual row, at a tenth of the cost of looking for a header.
        return None
    for found in (delimiter, *DELIMITERS) if delimiter else DELIMITERS:
        if _known(lowered.split(found)) >= _FEWEST_NAMES:
            return _parted(line, found)
    return None


def _known(parts: Iterable[str]) -> int:
    return sum(part.strip(_AROUND) in _places() for part in parts)


def _parted(line: str, delimiter: str) -> HeaderLine:
    """Return the header in a line, told from the rows before and after it."""
    names = [part.strip(_AROUND).lower() for part in line.split(delimiter)]
    readings = [i for i, name in enumerate(names) if _READING.fullmatch(name)]
    begin, end, whole = _begin_of_repeated(line), len(line), True
    if readings and _known(names[readings[-1] + 1 :]) >= _FEWEST_NAMES:
        begin = _begin(line, delimiter, readings[-1] + 1)
    elif readings and _known(names[: readings[0]]) >= _FEWEST_NAMES - 1:
        begin, end = 0, _end(line, delimiter, readings[0])
    elif readings:
        whole = False
    text = line[begin:end]
    before = line[:begin] if readings else ""
    return HeaderLine(text, header_cells(text, delimiter), delimiter, before, line[end:], whole)


def header_cells(text: str, delimiter: str) -> RowCells:
    """Return the names of a header; those of one with a stray quote, too."""
    cells = cells_of(text, delimiter)
    return cells or [part.strip(_AROUND) or None for part in text.split(delimiter)]


def _begin(line: str, delimiter: str, first: int) -> int:
    """Return where the names begin behind a row: ``32pms_id``, or ``32,,pms_id``."""
    parts = line.split(delimiter)
    at = sum(len(part) + 1 for part in parts[:first])
    for part in parts[first:]:
        lowered = part.rstrip(_AROUND).lower()
        for i in range(max(0, len(lowered) - _LONGEST_NAME), len(lowered)):
            if lowered[i:].lstrip(_AROUND) in _places() and not _in_a_name(lowered, i):
                return at + i
        at += len(part) + 1
    return len(line)


def _in_a_name(text: str, at: int) -> bool:
    """Return whether a short name is only the end of a longer one: ``device_id``."""
    return text[at:].isalpha() and at > 0 and (text[at - 1].isalpha() or text[at - 1] in "._")


def _end(line: str, delimiter: str, first: int) -> int:
    """Return where the names end before a row: ``fet.open.2BUG-01,,,2026…``."""
    parts = line.split(delimiter)[:first]
    at = sum(len(part) + 1 for part in parts)
    for part in reversed(parts):
        at -= len(part) + 1
        lowered = part.lower()
        for length in range(min(len(lowered), _LONGEST_NAME), 0, -1):
            if lowered[:length].lstrip(_AROUND) in _places():
                return at + length
    return len(line)


def _begin_of_repeated(line: str) -> int:
    """Return where the whole header begins behind the begin of the same: ``pms_id,tipms_id,…``."""
    at = line.find(line[:_SOME], 1)
    while at > 0 and not line.startswith(line[:at], at):
        at = line.find(line[:_SOME], at + 1)
    return max(at, 0)


def behind_end(line: HeaderLine) -> HeaderLine | None:
    """Return the whole header behind the end of the same one, if there is: ``open.2pms_id,…``."""
    text = line.text
    # The longest begin of the text that is its end too (Knuth, Morris, Pratt).
    ends = [0] * len(text)
    for i in range(1, len(text)):
        size = ends[i - 1]
        while size and text[i] != text[size]:
            size = ends[size - 1]
        ends[i] = size + (text[i] == text[size])
    if not text or not ends[-1]:
        return None
    rest = text[ends[-1] :]
    return HeaderLine(rest, header_cells(rest, line.delimiter), line.delimiter)


def read_header(path: str, line: HeaderLine) -> Header:
    """Return the header that a line gives.

    :raises MisshapenBody: naming the columns that are missing or repeated.
    """
    if not line.whole:
        raise _misshapen([Problem(path, "misshapen", "Names of columns and readings are mixed.")])
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
        raise _misshapen(problems)
    size = len(line.text.encode())
    return Header(line.text, size, line.delimiter, len(names), columns, ignored, tuple(warnings))


def _misshapen(problems: list[Problem]) -> MisshapenBody:
    first = problems[0]
    return MisshapenBody(
        f"{first.path}: {first.message} The current columns are {CURRENT_COLUMNS}.",
        tuple(problems[:MOST_PROBLEMS]),
    )


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
