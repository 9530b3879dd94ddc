"""The columns of a registry file, and the header that names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.importing.origin_columns import (
    FIELDS,
    ORIGIN_COLUMNS,
    is_origin_column,
)
from flexmeasures_pms.registry.messages.message import Message, message, message_form

CELL_COLUMNS = tuple(f"cell.id.{n}" for n in range(1, 15))
PARTS_OF_CASE = ("board.id", "board.alias", "fet.board.id", *CELL_COLUMNS)
PARTS_OF_CABINET = ("cabinet.position", "cabinet.docks", "ehub.id", "bbc.id", "busbar.id")
DETAILS_OF_PMS = ("pms.timezone", "pms.latitude", "pms.longitude")
DETAILS_OF_SITE = ("site.timezone", "site.latitude", "site.longitude")
FACTS_OF_SITE = ("site.address", "site.contact")
COLUMNS = (
    *("pack.id", "pms.id", "cabinet.id", "dock"),
    *PARTS_OF_CASE,
    *PARTS_OF_CABINET,
    *DETAILS_OF_PMS,
    *("site.id", *DETAILS_OF_SITE, *FACTS_OF_SITE),
    *("spare.kind", "spare.id", "valid_from"),
)
"""All columns but those of ``origin_columns``; only the first is needed.

More aliases are ``board.alias.2`` and on.
"""

ALIAS = re.compile(r"board\.alias(\.[1-9][0-9]?)?")

LACKS = message_form("The header lacks columns: {columns}.")
MISSPELLED = message_form("The header has unknown columns: {columns}.")
REPEATS = message_form("The header repeats columns: {columns}.")

_MOST_SHOWN = 10
_ALIKE, _SURELY_ALIKE, _WORDS_ALIKE = 0.8, 0.85, 0.5


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The columns of a file in their order.

    :param names: empty for a column that is ignored.
    :param ignored: those that are unknown, and have a name.
    :param nameless: the numbers of those without a name, from 0.
    """

    names: tuple[str, ...]
    ignored: tuple[str, ...]
    nameless: tuple[int, ...] = ()


def read_header(number: int, fields: Sequence[str]) -> FileHeader:
    """Read the first line of a file.

    :raises RegistryError: for a column that looks like a misspelled known one, that comes
        twice, or lacks.
    """
    for position, text in enumerate(fields, 1):
        if character := identifiers.control_character(text):
            form = message_form("Line {n}, column {column} has the control character {character}.")
            raise RegistryError(message(form, n=number, column=position, character=character))
    names = [identifiers.clean(name).lower() for name in fields]
    while names and not names[-1]:
        names.pop()
    unknown = list(dict.fromkeys(name for name in names if name and not _is_known(name)))
    meant = [f"{_cut(name)} (did you mean {known}?)"
             for name in unknown if (known := meant_column(name))]  # fmt: skip
    twice = sorted({name for name in names if _is_known(name) and names.count(name) > 1})
    lacking = [] if COLUMNS[0] in names else [COLUMNS[0]]
    for form, columns in ((MISSPELLED, meant), (LACKS, lacking), (REPEATS, twice)):
        if columns:
            raise RegistryError(message(form, columns=_shown(columns)))
    kept = tuple(name if _is_known(name) else "" for name in names)
    nameless = tuple(number for number, name in enumerate(names) if not name)
    return FileHeader(kept, tuple(_cut(name) for name in unknown), nameless)


def ignored_columns(ignored: Sequence[str]) -> Message | None:
    """Return which columns of a file are ignored, None where it has only known ones."""
    if not ignored:
        return None
    return message("Ignored columns: {columns}.", columns=_shown(ignored))


def meant_column(name: str) -> str | None:
    """Return the known column that an unknown one looks like, or None."""
    ratios = ((_likeness(name, known), known) for known in COLUMNS)
    best, known = max(ratios, key=lambda found: found[0])
    return known if best else _meant_origin_column(name)


def _meant_origin_column(name: str) -> str | None:
    """Return the column of the same thing whose end an unknown one looks like, or None."""
    thing, _dot, end = name.rpartition(".")
    found = max(FIELDS, key=lambda known: _ratio(end, known))
    column = f"{thing}.{found}"
    return column if column in ORIGIN_COLUMNS and _ratio(end, found) >= _ALIKE else None


def _is_known(name: str) -> bool:
    return name in COLUMNS or ALIAS.fullmatch(name) is not None or is_origin_column(name)


def _likeness(name: str, known: str) -> float:
    """Return how alike two names are, from 0 to 1; 0 for those that are certainly others."""
    words, known_words = list(_words(name)), list(_words(known))
    joined, known_joined = "".join(words), "".join(known_words)
    if joined in (known_joined, known_joined.removesuffix("id")):
        return 1.0
    whole = _ratio(joined, known_joined)
    if len(words) == len(known_words):
        pairs = [_ratio(a, b) for a, b in zip(words, known_words, strict=True)]
        each = min(pairs) >= _WORDS_ALIKE and whole >= _ALIKE - 0.1
        alike = each or whole >= _SURELY_ALIKE
    else:
        alike = whole >= _ALIKE
    return whole if alike else 0.0


def _words(name: str) -> Iterator[str]:
    yield from re.findall(r"[^\W\d_]+|\d+", name)


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _cut(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"


def _shown(columns: Sequence[str]) -> str:
    more = f" … ({len(columns)})" if len(columns) > _MOST_SHOWN else ""
    return ", ".join(columns[:_MOST_SHOWN]) + more
