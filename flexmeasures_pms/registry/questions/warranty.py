"""Whose warranty ends, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flexmeasures.data import db

from flexmeasures_pms.registry.questions.subject import (
    MADE_ON,
    ORIGINS,
    PRODUCT,
    SUPPLIER,
    AskedThings,
)

_ENDING = """
    SELECT t.id, t.kind, t.ident, o.serial,
      concat_ws(' ', p.vendor, p.model, nullif(p.revision, '')), b.lot, s.name, {made},
      o.warranty_until
    FROM {origins}
    JOIN pms_trackable t ON t.id = o.trackable_id AND (t.retired_at IS NULL OR t.retired_at > now())
    LEFT JOIN pms_product p ON p.id = {product}
    LEFT JOIN pms_party s ON s.id = {supplier}
    WHERE {condition} AND o.warranty_until >= %(first)s AND o.warranty_until < %(until)s
    ORDER BY o.warranty_until, t.kind, t.id LIMIT %(most)s"""


@dataclass(frozen=True, slots=True)
class Warranty:
    """A thing in use whose warranty ends on a known day; None for what is not known."""

    id: int
    kind: str
    ident: str
    serial: str | None
    product: str
    lot: str | None
    supplier: str | None
    made_on: date | None
    until: date


def ending(subject: AskedThings, first: date, until: date, most: int) -> Iterator[Warranty]:
    """Yield the things in use whose warranty ends in a period, the earliest first.

    :param until: not included.
    :param most: how many.
    """
    statement = _ENDING.format(
        made=MADE_ON,
        origins=ORIGINS,
        supplier=SUPPLIER,
        product=PRODUCT,
        condition=subject.condition(),
    )
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, subject.values() | {"first": first, "until": until, "most": most})
    return (Warranty(*row) for row in cursor)
