"""The tables of parties, products and batches, read as records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY

from flexmeasures_pms.registry import master_tables
from flexmeasures_pms.registry.master.records import (
    Party,
    Product,
    ProductBatch,
    RecordKey,
    RecordKind,
    batch_key,
    party_key,
    product_key,
)

R = TypeVar("R", Party, Product, ProductBatch)


@dataclass(frozen=True, slots=True)
class RecordTable(Generic[R]):
    """A table with the records of a kind.

    :param key_columns: what the key of a record consists of.
    """

    kind: RecordKind
    table: sa.Table
    of: type[R]
    key: Callable[[R], RecordKey]
    key_columns: tuple[str, ...]

    @property
    def columns(self) -> tuple[sa.ColumnElement[Any], ...]:
        """The columns of the fields of a record, in their order."""
        return tuple(self.table.c[name] for name in self.of.__struct_fields__)

    def record(self, values: Iterable[Any]) -> R:
        """Return the record of the values of :attr:`columns`."""
        fields = dict(zip(self.of.__struct_fields__, values, strict=True))
        return msgspec.convert(fields, self.of)

    def read(self, account_id: int, *where: sa.ColumnElement[bool]) -> Iterator[R]:
        """Yield records of an organisation, in the order of their keys."""
        c = self.table.c
        query = sa.select(*self.columns).where(c.account_id == account_id, *where)
        query = query.order_by(*(c[name] for name in self.key_columns))
        return (self.record(row) for row in db.session.execute(query))

    def by_numbers(self, account_id: int, numbers: Collection[int]) -> dict[int, R]:
        """Return those records of an organisation that have one of the numbers."""
        wanted = self.table.c.id == sa.any_(sa.literal(list(numbers), ARRAY(sa.BigInteger)))
        return {record.id: record for record in self.read(account_id, wanted)}

    def by_keys(self, account_id: int, keys: Collection[RecordKey]) -> dict[RecordKey, R]:
        """Return those records of an organisation that have one of the keys."""
        columns = sa.tuple_(*(self.table.c[name] for name in self.key_columns))
        found = self.read(account_id, columns.in_(list(keys)))
        return {self.key(record): record for record in found}


PARTIES = RecordTable(
    "party", master_tables.party, Party, lambda party: party_key(party.name), ("name_key",)
)
PRODUCTS = RecordTable(
    "product",
    master_tables.product,
    Product,
    lambda product: product_key(product.kind, product.name),
    ("kind", "key"),
)
BATCHES = RecordTable(
    "batch",
    master_tables.batch,
    ProductBatch,
    lambda batch: batch_key(batch.product_id, batch.lot),
    ("product_id", "lot_key"),
)
