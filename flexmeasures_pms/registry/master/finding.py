"""Finding products, batches and parties by a part of their name, and things by their serial."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from flexmeasures.data import db
from msgspec import Struct

from flexmeasures_pms.registry.master.records import RecordKind, compared
from flexmeasures_pms.registry.master_tables import batch, origin, party, product
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.registry.tables import trackable


class FoundRecord(Struct, frozen=True):
    """A record that was found.

    :param of: the product of a batch.
    """

    account_id: int
    kind: RecordKind
    id: int
    name: str
    of: str | None


def records_containing(
    account_ids: Collection[int], text: str, *, count: int
) -> tuple[FoundRecord, ...]:
    """Return what has a text in its name, as names are compared: products, batches, parties.

    :param count: the most that is returned.
    """
    part = compared(text)
    if not part:
        return ()
    accounts, p, b = list(account_ids), product.c, batch.c
    of = sa.func.concat_ws(" ", p.vendor, p.model, sa.func.nullif(p.revision, ""))
    queries = (
        sa.select(p.account_id, sa.literal("product"), p.id, of, sa.null())
        .where(p.account_id.in_(accounts), p.key.contains(part, autoescape=True))
        .order_by(p.key, p.id),
        sa.select(b.account_id, sa.literal("batch"), b.id, b.lot, of)
        .join(product, p.id == b.product_id)
        .where(b.account_id.in_(accounts), b.lot_key.contains(part, autoescape=True))
        .order_by(b.lot_key, b.id),
        sa.select(party.c.account_id, sa.literal("party"), party.c.id, party.c.name, sa.null())
        .where(party.c.account_id.in_(accounts), party.c.name_key.contains(part, autoescape=True))
        .order_by(party.c.name_key, party.c.id),
    )
    rows = (row for query in queries for row in db.session.execute(query.limit(count)))
    return tuple(FoundRecord(*row) for row in rows)[:count]


def with_serial(account_ids: Collection[int], serial: str, *, count: int) -> tuple[Found, ...]:
    """Return the things that have a serial number, without regard to case."""
    t, o = trackable.c, origin.c
    query = (
        sa.select(t.account_id, t.id, t.kind, t.ident, t.retired_at)
        .join(origin, o.trackable_id == t.id)
        .where(o.account_id.in_(list(account_ids)), o.serial.is_not(None))
        .where(sa.func.lower(o.serial) == sa.func.lower(serial))
        .order_by(t.ident_key, t.id)
        .limit(count)
    )
    return tuple(Found(*row) for row in db.session.execute(query))
