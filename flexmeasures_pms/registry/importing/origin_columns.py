"""The columns of a registry file that say where things come from.

Each thing that a line names may have them: ``pack.serial``, ``cabinet.supplier``. Those of cell
blocks hold for all of the line, ``cell.batch``, or for one of them, ``cell.batch.3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.origins import OriginDetails
from flexmeasures_pms.registry.master.rules import read_day
from flexmeasures_pms.registry.messages.message import Message, message

FIELDS: Mapping[str, str] = {
    "product": "product",
    "batch": "batch",
    "serial": "serial",
    "made": "made_on",
    "supplier": "supplier",
    "purchase": "purchase",
    "purchased": "purchased_on",
    "warranty_until": "warranty_until",
}
"""The details of an origin by the ends of their columns."""

OF_THINGS = (
    "pack", "board", "fet.board", "cabinet", "ehub", "bbc", "busbar", "pms", "spare",
)  # fmt: skip
"""What the columns of a thing begin with; its id is in ``pack.id`` and so on."""

ORIGIN_COLUMNS = tuple(f"{thing}.{end}" for thing in (*OF_THINGS, "cell") for end in FIELDS)
"""The columns, but for those of a single cell block."""

_DAYS = ("made", "purchased", "warranty_until")
_OF_CELL = re.compile(rf"cell\.({'|'.join(FIELDS)})\.([1-9]|1[0-4])")
_CELLS = range(1, 15)


def is_origin_column(name: str) -> bool:
    """Whether a column says where something comes from."""
    return name in ORIGIN_COLUMNS or _OF_CELL.fullmatch(name) is not None


def id_column(name: str) -> tuple[str, str]:
    """Return the column with the id of what a column is about, and the end of its name."""
    if of_cell := _OF_CELL.fullmatch(name):
        return f"cell.id.{of_cell[2]}", of_cell[1]
    thing, _dot, end = name.rpartition(".")
    return f"{thing}.id", end


def taken_origins(given: dict[str, str]) -> dict[str, OriginDetails]:
    """Take where things come from out of the fields of a line; return it by their id columns.

    :raises RegistryError: for a thing that the line does not name, or what is not a day.
    """
    taken = {name: given.pop(name) for name in [*given] if is_origin_column(name)}
    found: dict[str, OriginDetails] = {}
    # What is said of all cell blocks comes first: one of them may say something else.
    for name, text in sorted(taken.items(), key=lambda item: len(item[0].split("."))):
        column, end = id_column(name)
        things = [c for c in _columns_of(column) if c in given]
        if not things:
            raise RegistryError(
                message("{name} needs the {needed} that it belongs to.", name=name, needed=column)
            )
        value = _value(name, end, text)
        for thing in things:
            found.setdefault(thing, OriginDetails())[FIELDS[end]] = value  # type: ignore[literal-required]
    return found


def _columns_of(column: str) -> Iterator[str]:
    if column == "cell.id":
        yield from (f"cell.id.{n}" for n in _CELLS)
    else:
        yield column


def _value(column: str, end: str, text: str) -> object:
    if end not in _DAYS:
        return text
    try:
        return read_day(text)
    except RegistryError as error:
        said = error.what if isinstance(error.what, Message) else str(error.what)
        raise RegistryError(message("{column}: {said}", column=column, said=said)) from error


def origin_fields(column: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a thing, by the column of its id.

    :param values: by the ends of their columns.
    """
    if column.startswith("cell.id."):
        number = column.rpartition(".")[2]
        return {f"cell.{end}.{number}": text for end, text in values.items()}
    thing = column.removesuffix(".id")
    return {f"{thing}.{end}": text for end, text in values.items()}


def joined_cells(line: dict[str, str]) -> dict[str, str]:
    """Return a line that says once what holds for all of its cell blocks."""
    cells = [n for n in _CELLS if line.get(f"cell.id.{n}")]
    for end in FIELDS:
        names = [f"cell.{end}.{n}" for n in cells]
        texts = {line.get(name, "") for name in names}
        if len(texts) == 1 and (text := texts.pop()):
            line = {name: value for name, value in line.items() if name not in names}
            line[f"cell.{end}"] = text
    return line


def ordered(columns: set[str]) -> list[str]:
    """Return columns in the order in which a file has them."""
    of_cells = [f"cell.{end}.{n}" for n in _CELLS for end in FIELDS]
    return [name for name in (*ORIGIN_COLUMNS, *of_cells) if name in columns]
