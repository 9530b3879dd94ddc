"""Reading products, parties, batches and origins: many at once, and only when asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from msgspec import Struct
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms.registry.master.record_tables import BATCHES, PARTIES, PRODUCTS
from flexmeasures_pms.registry.master.records import (
    Party,
    Product,
    ProductBatch,
    Recorded,
    RecordKey,
    TrackableOrigin,
    batch_record,
)
from flexmeasures_pms.registry.master_tables import batch, origin, product

_ORIGIN = tuple(origin.c[name] for name in TrackableOrigin.__struct_fields__)


class ListedBatch(Struct, frozen=True):
    """A batch with its product and supplier.

    :param things: how many trackables are of it.
    """

    batch: ProductBatch
    product: Product
    supplier: Party | None
    things: int

    def as_json(self) -> Recorded:
        """Return it as JSON has it."""
        record = batch_record(self.batch, self.product, self.supplier)
        return {"id": self.batch.id, **record, "things": self.things}


def origins(account_id: int, numbers: Collection[int]) -> dict[int, TrackableOrigin]:
    """Return where trackables come from, by their numbers, of those of which it is known."""
    wanted = origin.c.trackable_id == sa.any_(sa.literal(list(numbers), ARRAY(sa.BigInteger)))
    query = sa.select(*_ORIGIN).where(origin.c.account_id == account_id, wanted)
    return {row[0]: TrackableOrigin(*row) for row in db.session.execute(query)}


def lots(account_id: int, keys: Collection[RecordKey]) -> dict[RecordKey, list[int]]:
    """Return the numbers of batches by kind of trackable and compared lot."""
    query = (
        sa.select(product.c.kind, batch.c.lot_key, batch.c.id)
        .join(product, product.c.id == batch.c.product_id)
        .where(batch.c.account_id == account_id)
        .where(sa.tuple_(product.c.kind, batch.c.lot_key).in_(list(keys)))
        .order_by(batch.c.id)
    )
    found: dict[RecordKey, list[int]] = defaultdict(list)
    for kind, lot, number in db.session.execute(query):
        found[kind, lot].append(number)
    return found


def parties(account_id: int) -> list[Party]:
    """Return an organisation's parties by name."""
    return list(PARTIES.read(account_id))


def products(account_id: int) -> list[Product]:
    """Return an organisation's products by kind and name."""
    return list(PRODUCTS.read(account_id))


def batches(account_id: int) -> list[ListedBatch]:
    """Return an organisation's batches by product and lot."""
    of_product = {found.id: found for found in products(account_id)}
    of_party = {found.id: found for found in parties(account_id)}
    counts = _things_by(origin.c.batch_id, account_id)
    listed = (
        ListedBatch(
            found,
            of_product[found.product_id],
            of_party.get(found.supplier_id or 0),
            counts.get(found.id, 0),
        )
        for found in BATCHES.read(account_id)
        if found.product_id in of_product
    )
    order = {number: place for place, number in enumerate(of_product)}
    return sorted(listed, key=lambda b: (order[b.batch.product_id], b.batch.lot))


def things_of_batch(account_id: int, batch_id: int) -> int:
    """Return how many trackables are of a batch."""
    o = origin.c
    query = sa.select(sa.func.count()).where(o.account_id == account_id, o.batch_id == batch_id)
    return db.session.scalar(query) or 0


def things_bought_before(account_id: int, batch_id: int, day: date) -> int:
    """Return how many trackables of a batch were bought, or out of warranty, before a day."""
    o = origin.c
    query = sa.select(sa.func.count()).where(
        o.account_id == account_id,
        o.batch_id == batch_id,
        o.made_on.is_(None),
        sa.func.coalesce(o.purchased_on, o.warranty_until) < day,
    )
    return db.session.scalar(query) or 0


def _things_by(column: sa.ColumnElement[Any], account_id: int) -> dict[int, int]:
    query = sa.select(column, sa.func.count()).where(origin.c.account_id == account_id)
    return {number: n for number, n in db.session.execute(query.group_by(column)) if number}


def names(account_id: int, column: sa.ColumnElement[Any]) -> Iterator[str]:
    """Yield the values of a column of one of the tables, for suggestions."""
    query = sa.select(column).where(column.table.c.account_id == account_id).order_by(column)
    return iter(db.session.scalars(query))


def batches_by_product(account_id: int) -> dict[int, int]:
    """Return how many batches there are of each product, by its number."""
    b = batch.c
    query = sa.select(b.product_id, sa.func.count()).where(b.account_id == account_id)
    return {row[0]: row[1] for row in db.session.execute(query.group_by(b.product_id))}
