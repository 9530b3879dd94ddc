"""Where things are used as a CSV file: the list that goes out with a recall."""

from __future__ import annotations

from collections.abc import Iterable

from flexmeasures_pms.registry.importing.csv_text import csv_text
from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.questions.where_used import UsedThing
from flexmeasures_pms.registry.timeline import iso

COLUMNS = (
    "kind", "id", "serial", "product", "batch", "supplier", "made", "warranty_until", "case",
    "cabinet", "dock", "pms", "site", "customer", "contact", "address", "in_place_since", "state",
)  # fmt: skip


def recall_file(things: Iterable[UsedThing], zone: str, delimiter: str = ",") -> str:
    """Return a file with a line for each thing; a spreadsheet changes and runs nothing of it.

    :param zone: the time zone of the times.
    :param delimiter: what spreadsheets of the reader's country expect between fields.
    """
    return csv_text(COLUMNS, (_line(one, zone) for one in things), delimiter)


def state_of(one: UsedThing) -> str:
    """Return whether a thing is in its place, in no place, or out of use."""
    if one.is_installed:
        return "installed"
    return "retired" if one.is_retired else "not installed"


def product_of(one: UsedThing) -> str:
    """Return a thing's product as it is written in sentences; nothing if it is not known."""
    return " ".join(filter(None, (one.vendor, one.model, one.revision)))


def _line(one: UsedThing, zone: str) -> dict[str, str]:
    since = None if one.since is None else iso(on_clock(one.since, zone))
    fields = (
        one.kind, one.ident, one.serial, product_of(one), one.lot, one.supplier, one.made_on,
        one.warranty_until, one.case, one.cabinet, one.dock, one.pms, one.site, one.customer,
        one.contact, one.address, since, state_of(one),
    )  # fmt: skip
    texts = ("" if field is None else str(field) for field in fields)
    return dict(zip(COLUMNS, texts, strict=True))
