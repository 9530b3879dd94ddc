"""What is known of products, parties and batches, and of where a trackable comes from.

What is unknown is None. Names are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date
from typing import Any, Literal

from msgspec import Struct

from flexmeasures_pms import identifiers

RecordKind = Literal["party", "product", "batch"]
"""What is recorded besides trackables."""

RecordKey = tuple[Hashable, ...]
"""What tells a record apart from the others of its kind in an organisation."""

Parameters = Mapping[str, float | int | str]
"""Properties of a product by their names, with the unit in the name: ``rated_capacity_Ah``."""

Recorded = dict[str, Any]
"""A record as transactions, JSON and commands have it: without what is unknown."""


class Party(Struct, frozen=True):
    """Who things come from, go to, or are looked after by."""

    id: int
    name: str
    roles: tuple[str, ...] = ()
    contact: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    note: str | None = None


class Product(Struct, frozen=True):
    """What a vendor makes.

    :param kind: of which kind of trackable.
    :param datasheet: an address on the web.
    """

    id: int
    kind: str
    vendor: str
    model: str
    revision: str = ""
    datasheet: str | None = None
    parameters: Parameters = {}
    note: str | None = None

    @property
    def name(self) -> str:
        """Vendor, model and revision, as written in sentences and files."""
        return " ".join(filter(None, (self.vendor, self.model, self.revision)))


class ProductBatch(Struct, frozen=True):
    """Things of one product that were made together.

    :param purchase: the number of the order with which they came.
    """

    id: int
    product_id: int
    lot: str
    made_on: date | None = None
    supplier_id: int | None = None
    purchase: str | None = None
    note: str | None = None


class TrackableOrigin(Struct, frozen=True):
    """Where a trackable comes from, without what its batch says of it.

    :param product_id: None with a batch, which has the product.
    :param purchase: the number of the order with which it came.
    """

    trackable_id: int
    product_id: int | None = None
    batch_id: int | None = None
    serial: str | None = None
    made_on: date | None = None
    supplier_id: int | None = None
    purchase: str | None = None
    purchased_on: date | None = None
    warranty_until: date | None = None


OF_BATCH = ("made_on", "supplier_id", "purchase")
"""What a batch says of all that is of it, unless that says something else itself."""


class RecordTransaction(Struct, frozen=True):
    """A change of a record, to be written."""

    verb: str
    kind: RecordKind
    record_id: int
    name: str
    before: Recorded | None
    after: Recorded
    note: str | None


def party_key(name: str) -> RecordKey:
    """Return the key of a party."""
    return (compared(name),)


def product_key(kind: str, name: str) -> RecordKey:
    """Return the key of a product, given by all of its name."""
    return kind, compared(name)


def batch_key(product_id: int, lot: str) -> RecordKey:
    """Return the key of a batch."""
    return product_id, compared(lot)


def compared(name: str) -> str:
    """Return a name in the form in which names are compared."""
    return identifiers.key(" ".join(name.split()))


def party_record(party: Party) -> Recorded:
    """Return a party as transactions and JSON have it."""
    return _known(
        name=party.name,
        roles=list(party.roles),
        contact=party.contact,
        email=party.email,
        phone=party.phone,
        address=party.address,
        note=party.note,
    )


def product_record(product: Product) -> Recorded:
    """Return a product as transactions and JSON have it."""
    return _known(
        kind=product.kind,
        name=product.name,
        vendor=product.vendor,
        model=product.model,
        revision=product.revision or None,
        datasheet=product.datasheet,
        parameters=dict(product.parameters) or None,
        note=product.note,
    )


def batch_record(batch: ProductBatch, product: Product, supplier: Party | None) -> Recorded:
    """Return a batch as transactions and JSON have it."""
    return _known(
        lot=batch.lot,
        kind=product.kind,
        product=product.name,
        made_on=_iso(batch.made_on),
        supplier=supplier and supplier.name,
        purchase=batch.purchase,
        note=batch.note,
    )


def origin_record(
    origin: TrackableOrigin,
    product: Product | None,
    batch: ProductBatch | None,
    supplier: Party | None,
) -> Recorded:
    """Return where a trackable comes from as transactions and JSON have it.

    :param product: its own, or that of its batch.
    """  # fmt: skip
    return _known(
        product=product and product.name,
        batch=batch and batch.lot,
        serial=origin.serial,
        made_on=_iso(origin.made_on),
        supplier=supplier and supplier.name,
        purchase=origin.purchase,
        purchased_on=_iso(origin.purchased_on),
        warranty_until=_iso(origin.warranty_until),
    )


def _known(**values: object) -> Recorded:
    return {name: value for name, value in values.items() if value is not None}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
