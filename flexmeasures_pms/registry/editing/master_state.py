"""Products, parties, batches and origins of one organisation while its registry is changed.

They are read when they are first asked for, or many at once where that is known before: the
registry in memory does not have them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Generic, Protocol

from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.overlay import Overlay, UndoLog
from flexmeasures_pms.registry.lookups import ComputedLookup, K, V
from flexmeasures_pms.registry.master.queries import lots, origins
from flexmeasures_pms.registry.master.record_tables import (
    BATCHES,
    PARTIES,
    PRODUCTS,
    R,
    RecordTable,
)
from flexmeasures_pms.registry.master.records import (
    Party,
    Product,
    ProductBatch,
    Recorded,
    RecordKey,
    RecordKind,
    RecordTransaction,
    TrackableOrigin,
    batch_record,
    compared,
    origin_record,
    party_record,
    product_record,
)

Reserve = Callable[[str], int]
"""Gives a number for a new row of a table."""


class ReadOnce(Generic[K, V]):
    """What was read already, and what was found not to be there.

    :param read: returns what there is of some keys.
    """

    def __init__(self, read: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        self._read = read
        self._known: dict[K, V | None] = {}

    def expect(self, keys: Collection[K]) -> None:
        """Read many at once."""
        if lacking := [key for key in dict.fromkeys(keys) if key not in self._known]:
            found = self._read(lacking)
            self._known.update((key, found.get(key)) for key in lacking)

    def is_new(self, key: K) -> None:
        """Note that nothing can be there of a key."""
        self._known[key] = None

    def __call__(self, key: K) -> V | None:
        """Return what is there of a key, or None."""
        self.expect([key])
        return self._known[key]


class Records(Generic[R]):
    """The records of a kind, with the changes made so far."""

    def __init__(self, table: RecordTable[R], account_id: int, undo_log: UndoLog) -> None:
        """Start with those that are registered."""
        self.table: RecordTable[R] = table
        numbered = ComputedLookup(ReadOnce(partial(table.by_numbers, account_id)))
        keyed = ComputedLookup(ReadOnce(partial(table.by_keys, account_id)))
        self._by_number: Overlay[int, R] = Overlay(numbered, undo_log)
        self._registered: ComputedLookup[RecordKey, R] = keyed
        # 0 for a key that a record no longer has.
        self._numbers: Overlay[RecordKey, int] = Overlay(
            ComputedLookup(self._registered_number), undo_log
        )

    def _registered_number(self, key: RecordKey) -> int | None:
        record = self._registered.get(key)
        return None if record is None else record.id

    def __getitem__(self, number: int) -> R:
        """Return a record by its number."""
        return self._by_number[number]

    def get(self, number: int | None) -> R | None:
        """Return a record by its number, or None."""
        return self._by_number.get(number) if number else None

    def find(self, key: RecordKey) -> R | None:
        """Return a record by its key, or None."""
        return self.get(self._numbers.get(key))

    def put(self, record: R) -> None:
        """Add a record, or replace the one of its number."""
        before = self.get(record.id)
        if before is not None:
            self._numbers[self.table.key(before)] = 0
        self._by_number[record.id] = record
        self._numbers[self.table.key(record)] = record.id


class HasAuthor(Protocol):
    """What has the author of the order at hand."""

    author: Author


class MasterState:
    """All of it, with what is to be written.

    :param undo_log: that of the changeset.
    :param reserve: gives numbers for new records.
    :param order: has who gives the order at hand, and why: that is recorded with each change.
    """

    def __init__(
        self, account_id: int, undo_log: UndoLog, reserve: Reserve, order: HasAuthor
    ) -> None:
        self.account_id = account_id
        self._order = order
        self.parties = Records(PARTIES, account_id, undo_log)
        self.products = Records(PRODUCTS, account_id, undo_log)
        self.batches = Records(BATCHES, account_id, undo_log)
        self.registered_origins: ReadOnce[int, TrackableOrigin] = ReadOnce(
            partial(origins, account_id)
        )
        self._origins: Overlay[int, TrackableOrigin] = Overlay(
            ComputedLookup(self.registered_origins), undo_log
        )
        self._lots: ReadOnce[RecordKey, list[int]] = ReadOnce(partial(lots, account_id))
        self._reserve = reserve
        self.transactions: list[RecordTransaction] = []

    def number(self, table: RecordTable[R]) -> int:
        """Return a number for a new record."""
        return self._reserve(table.table.name)

    def put_party(self, party: Party, verb: str) -> None:
        """Add or replace a party, and record the transaction."""
        before = self.parties.get(party.id)
        self.parties.put(party)
        was = party_record(before) if before else None
        self._record(verb, "party", party.id, party.name, was, party_record(party))

    def put_product(self, product: Product, verb: str) -> None:
        """Add or replace a product, and record the transaction."""
        before = self.products.get(product.id)
        self.products.put(product)
        was = product_record(before) if before else None
        self._record(verb, "product", product.id, product.name, was, product_record(product))

    def put_batch(self, batch: ProductBatch, verb: str) -> None:
        """Add or replace a batch, and record the transaction."""
        before = self.batches.get(batch.id)
        self.batches.put(batch)
        was = self._batch_record(before) if before else None
        self._record(verb, "batch", batch.id, batch.lot, was, self._batch_record(batch))

    def _batch_record(self, batch: ProductBatch) -> Recorded:
        supplier = self.parties.get(batch.supplier_id)
        return batch_record(batch, self.products[batch.product_id], supplier)

    def _record(
        self, verb: str, kind: RecordKind, number: int, name: str,
        before: Recorded | None, after: Recorded,
    ) -> None:  # fmt: skip
        self.transactions.append(
            RecordTransaction(verb, kind, number, name, before, after, self._order.author.note)
        )

    def batches_of_lot(self, kind: str, lot: str) -> list[ProductBatch]:
        """Return the batches of a lot, of all products of a kind of trackable."""
        key = compared(lot)
        new = (t.record_id for t in self.transactions if t.kind == "batch")
        numbers = dict.fromkeys([*(self._lots((kind, key)) or ()), *new])
        found = (self.batches[number] for number in numbers)
        return [
            batch
            for batch in found
            if compared(batch.lot) == key and self.products[batch.product_id].kind == kind
        ]

    def origin(self, trackable_id: int) -> TrackableOrigin:
        """Return where a trackable comes from, as far as that is said of it alone."""
        return self._origins.get(trackable_id, TrackableOrigin(trackable_id))

    def put_origin(self, origin: TrackableOrigin) -> None:
        """Replace where a trackable comes from."""
        self._origins[origin.trackable_id] = origin

    def batch_of(self, origin: TrackableOrigin) -> ProductBatch | None:
        """Return the batch of a trackable, if it is known."""
        return self.batches.get(origin.batch_id)

    def product_of(self, origin: TrackableOrigin) -> Product | None:
        """Return the product of a trackable, if it is known."""
        batch = self.batch_of(origin)
        return self.products.get(batch.product_id if batch else origin.product_id)

    def origin_record(self, origin: TrackableOrigin) -> Recorded:
        """Return where a trackable comes from as transactions have it."""
        supplier = self.parties.get(origin.supplier_id)
        return origin_record(origin, self.product_of(origin), self.batch_of(origin), supplier)
