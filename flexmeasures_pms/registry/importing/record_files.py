"""Files of parties, products and batches: read, imported all or nothing, and written.

One line for each. An empty field says nothing; the same file again changes nothing. What is
exported can be imported, the parties and products before the batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.editing.batches import register_batch
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.master_orders import named_product
from flexmeasures_pms.registry.editing.parties import register_party
from flexmeasures_pms.registry.editing.products import register_product
from flexmeasures_pms.registry.editing.writer import editing, tried
from flexmeasures_pms.registry.importing.csv_text import csv_text
from flexmeasures_pms.registry.importing.importer_csv import csv_lines, decoded
from flexmeasures_pms.registry.importing.rows import FaultyLine
from flexmeasures_pms.registry.importing.spreadsheets import unprotected
from flexmeasures_pms.registry.master import queries
from flexmeasures_pms.registry.master.records import (
    Recorded,
    RecordKind,
    party_record,
    product_record,
)
from flexmeasures_pms.registry.master.rules import read_day
from flexmeasures_pms.registry.messages.message import message, message_form

RecordFields = dict[str, str]
"""The fields of a line that are not empty, by their columns."""

PARAMETER = "parameter."
"""What the columns of parameters of products begin with."""

COLUMNS_OF: Mapping[RecordKind, tuple[str, ...]] = {
    "party": ("name", "roles", "contact", "email", "phone", "address", "remark"),
    "product": ("kind", "vendor", "model", "revision", "datasheet", "remark"),
    "batch": ("product", "kind", "lot", "made", "supplier", "purchase", "remark"),
}
"""The columns of each file, besides those of parameters."""

_NEEDED: Mapping[RecordKind, tuple[str, ...]] = {
    "party": ("name",),
    "product": ("kind", "vendor", "model"),
    "batch": ("product", "lot"),
}
_COLUMN = {"made_on": "made", "note": "remark"}


@dataclass(frozen=True, slots=True)
class ImportedRecords:
    """What came of a file, or would.

    :param changed: how many lines changed something.
    """

    change: Change
    rows: int
    changed: int
    faults: tuple[FaultyLine, ...] = field(default=())


def import_records(
    account_id: int, kind: RecordKind, data: bytes, author: Author, *, dry_run: bool = False
) -> ImportedRecords:
    """Register what a file says; nothing of it if a line is faulty.

    Works in the caller's transaction.

    :param dry_run: only find out what it would do.
    :raises RegistryError: if it is no such file at all.
    """
    lines = list(_lines(kind, data))
    opened = nullcontext(tried(account_id, author)) if dry_run else editing(account_id, author)
    with opened as changeset:
        changeset.only_changes = True
        changed, faults = 0, []
        for number, given in lines:
            before = len(changeset.master.transactions)
            try:
                if isinstance(given, RegistryError):
                    raise given
                _REGISTER[kind](changeset, given)
            except RegistryError as error:
                faults.append(FaultyLine(number, error))
            changed += len(changeset.master.transactions) > before
        changeset.discarded = bool(faults)
    return ImportedRecords(changeset.change(), len(lines), changed, tuple(faults))


def _lines(kind: RecordKind, data: bytes) -> Iterator[tuple[int, RecordFields | RegistryError]]:
    lines = csv_lines(decoded(data))
    _number, header = next(lines, (1, []))
    columns = _columns(kind, header)
    for number, texts in lines:
        try:
            yield number, _given(kind, columns, texts)
        except RegistryError as error:
            yield number, error


def _columns(kind: RecordKind, header: Sequence[str]) -> list[str]:
    """Return the columns of a file, each of which must be known."""
    names = [identifiers.clean(name) for name in header]
    while names and not names[-1]:
        names.pop()
    parameters = kind == "product"
    names = [
        PARAMETER + name[len(PARAMETER) :]
        if parameters and name.lower().startswith(PARAMETER)
        else name.lower()
        for name in names
    ]
    known = COLUMNS_OF[kind]
    unknown = [n for n in names if n not in known and not (parameters and _is_parameter(n))]
    twice = sorted({name for name in names if names.count(name) > 1})
    lacking = [name for name in _NEEDED[kind] if name not in names]
    for form, columns in (
        (message_form("The header has unknown columns: {columns}."), unknown),
        (message_form("The header lacks columns: {columns}."), lacking),
        (message_form("The header repeats columns: {columns}."), twice),
    ):
        if columns:
            shown = ", ".join(name[:40] for name in columns[:10])
            raise RegistryError(message(form, columns=shown))
    return names


def _is_parameter(name: str) -> bool:
    return name.startswith(PARAMETER) and len(name) > len(PARAMETER)


def _given(kind: RecordKind, columns: Sequence[str], texts: Sequence[str]) -> RecordFields:
    if any(text.strip() for text in texts[len(columns) :]):
        form = message_form("has {n} fields, the header {header}.")
        raise RegistryError(message(form, n=len(texts), header=len(columns)))
    cleaned = {
        name: unprotected(identifiers.clean(text))
        for name, text in zip(columns, texts, strict=False)
    }
    given = {name: text for name, text in cleaned.items() if text}
    for name in _NEEDED[kind]:
        if name not in given:
            raise RegistryError(message("{name} is empty.", name=name))
    return given


def _party(changeset: Changeset, given: RecordFields) -> None:
    roles = [role for role in given.get("roles", "").split(",") if role.strip()]
    register_party(
        changeset,
        given["name"],
        roles=roles,
        contact=given.get("contact"),
        email=given.get("email"),
        phone=given.get("phone"),
        address=given.get("address"),
        note=given.get("remark"),
    )


def _product(changeset: Changeset, given: RecordFields) -> None:
    parameters = {
        name.removeprefix(PARAMETER): text
        for name, text in given.items()
        if name.startswith(PARAMETER)
    }
    register_product(
        changeset,
        given["kind"].lower(),
        given["vendor"],
        given["model"],
        given.get("revision", ""),
        datasheet=given.get("datasheet"),
        parameters=parameters,
        note=given.get("remark"),
    )


def _batch(changeset: Changeset, given: RecordFields) -> None:
    kind, made = given.get("kind"), given.get("made")
    register_batch(
        changeset,
        named_product(changeset, given["product"], kind and kind.lower()),
        given["lot"],
        made_on=read_day(made) if made else None,
        supplier=given.get("supplier"),
        purchase=given.get("purchase"),
        note=given.get("remark"),
    )


_REGISTER: Mapping[RecordKind, Callable[[Changeset, RecordFields], None]] = {
    "party": _party,
    "product": _product,
    "batch": _batch,
}


def export_records(account_id: int, kind: RecordKind, delimiter: str = ",") -> str:
    """Return an organisation's parties, products or batches as the text of a CSV file."""
    lines = [_fields(record) for record in _RECORDS[kind](account_id)]
    more = sorted({name for line in lines for name in line if name.startswith(PARAMETER)})
    return csv_text((*COLUMNS_OF[kind], *more), lines, delimiter)


_RECORDS: Mapping[RecordKind, Callable[[int], list[Recorded]]] = {
    "party": lambda account_id: [*map(party_record, queries.parties(account_id))],
    "product": lambda account_id: [*map(product_record, queries.products(account_id))],
    "batch": lambda account_id: [b.as_json() for b in queries.batches(account_id)],
}


def _fields(record: Recorded) -> RecordFields:
    parameters: Mapping[str, Any] = record.get("parameters", {})
    line = {_COLUMN.get(n, n): _text(v) for n, v in record.items() if n != "parameters"}
    return line | {PARAMETER + name: _text(value) for name, value in parameters.items()}


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
