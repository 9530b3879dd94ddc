"""Where a trackable comes from: its product, batch and serial number, and how it was bought."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from shlex import quote
from typing import Any, TypedDict, Unpack

from msgspec.structs import replace

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.batches import batch_text, find_batch, register_batch
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.parties import find_party
from flexmeasures_pms.registry.editing.products import find_product
from flexmeasures_pms.registry.editing.registration import ADDED
from flexmeasures_pms.registry.editing.stated_details import (
    CORRECTED,
    HAS_DETAILS,
    additions,
    corrections,
    details_text,
)
from flexmeasures_pms.registry.master import rules
from flexmeasures_pms.registry.master.records import (
    OF_BATCH,
    Product,
    ProductBatch,
    TrackableOrigin,
    batch_key,
)
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.timeline import SINCE_EVER

BOUGHT = ("supplier", "purchase", "purchased_on", "warranty_until")
"""What a procurement has; the others are of the thing itself."""

FIELDS = ("product", "batch", "serial", "made_on", *BOUGHT)


class OriginDetails(TypedDict, total=False):
    """What is said of where a trackable comes from; None or nothing for what is not.

    ``product`` is vendor, model and revision, ``batch`` a lot, ``supplier`` the name of a party,
    ``purchase`` the number of an order.
    """

    product: str | None
    batch: str | None
    serial: str | None
    made_on: date | None
    supplier: str | None
    purchase: str | None
    purchased_on: date | None
    warranty_until: date | None


def state_origin(
    changeset: Changeset,
    entry: Entry,
    at: datetime | None = None,
    **details: Unpack[OriginDetails],
) -> None:
    """Add to what is known of where a trackable comes from.

    An unknown batch of a known product is registered.

    :param at: when it was procured, for the transaction.
    :raises RegistryConflict: if something else is registered of it or of its batch.
    :raises RegistryError: for an unusable detail, or an unknown product or supplier.
    """
    stated, before = _checked(details), changeset.master.origin(entry.id)
    if not any(stated.values()):
        return
    known = effective(changeset, before)
    command = f"correct-origin {quote(entry.ident)} --kind {entry.kind} … --note …"
    additions(entry, known, stated, command=command)
    product, batch = _stated_product(changeset, entry, stated, before)
    named = {"product": product and product.name, "batch": batch and batch.lot}
    added = additions(entry, known, stated | named, command=command)
    if not added:
        changeset.add_unchanged(HAS_DETAILS, what=entry)
        return
    after = _merged(changeset, before, added, product, batch)
    _check_order(changeset, after)
    verb = "procured" if any(name in added for name in BOUGHT) else "updated"
    _describe(changeset, entry, after, verb, at or SINCE_EVER)
    changeset.add_message(ADDED, what=entry, details=details_text(added))


def correct_origin(
    changeset: Changeset,
    entry: Entry,
    *,
    unknown: Collection[str] = (),
    **details: Unpack[OriginDetails],
) -> None:
    """Correct where a trackable comes from.

    :param unknown: fields whose value is unknown after all.
    :raises RegistryConflict: if what is corrected contradicts the rest, or is said by its batch.
    """
    stated, before = _checked(details), changeset.master.origin(entry.id)
    known = effective(changeset, before)
    wanted = corrections(known, stated, unknown, FIELDS)
    _refuse_unknown(changeset, entry, before, unknown)
    product, batch = _corrected_product(changeset, entry, stated, before, unknown)
    named = {"product": product and product.name, "batch": batch and batch.lot}
    wanted |= {name: value for name, value in named.items() if known[name] != value}
    after = _merged(changeset, before, wanted, product, batch)
    _check_order(changeset, after)
    if after == before:
        changeset.add_unchanged(HAS_DETAILS, what=entry)
        return
    _describe(changeset, entry, after, "corrected", changeset.now)
    changeset.add_message(CORRECTED, what=entry, details=details_text(wanted))


def effective(changeset: Changeset, origin: TrackableOrigin) -> dict[str, Any]:
    """Return what is known of where a trackable comes from, with what its batch says."""
    state, batch = changeset.master, changeset.master.batch_of(origin)
    product = state.product_of(origin)
    of_batch = {
        name: getattr(origin, name) or (getattr(batch, name) if batch else None)
        for name in OF_BATCH
    }
    supplier = state.parties.get(of_batch["supplier_id"])
    return {
        "product": product and product.name,
        "batch": batch and batch.lot,
        "serial": origin.serial,
        "made_on": of_batch["made_on"],
        "supplier": supplier and supplier.name,
        "purchase": of_batch["purchase"],
        "purchased_on": origin.purchased_on,
        "warranty_until": origin.warranty_until,
    }


def _checked(details: OriginDetails) -> dict[str, Any]:
    given: dict[str, Any] = {field: details.get(field) for field in FIELDS}
    texts = {f: given[f] for f in ("product", "batch", "serial", "supplier", "purchase")}
    days = {f: given[f] for f in ("made_on", "purchased_on", "warranty_until")}
    return {
        **{f: None if text is None else rules.name(f, text) for f, text in texts.items()},
        **{f: None if day is None else rules.day(f, day) for f, day in days.items()},
    }


_Made = tuple[Product | None, ProductBatch | None]


def _stated_product(
    changeset: Changeset, entry: Entry, stated: dict[str, Any], before: TrackableOrigin
) -> _Made:
    """Return product and batch after a statement; an unknown batch of the product is registered."""
    state, lot, name = changeset.master, stated["batch"], stated["product"]
    said = find_product(changeset, entry.kind, name) if name else None
    product = said or state.product_of(before)
    if lot is None:
        return product, state.batch_of(before)
    if product is None:
        batch = find_batch(changeset, entry.kind, lot)
        return state.products[batch.product_id], batch
    found = state.batches.find(batch_key(product.id, lot))
    return product, found or register_batch(changeset, product, lot)


def _corrected_product(
    changeset: Changeset,
    entry: Entry,
    stated: dict[str, Any],
    before: TrackableOrigin,
    unknown: Collection[str],
) -> _Made:
    """Return product and batch after a correction.

    :raises RegistryConflict: for another product than that of its batch.
    """
    state, lot, name = changeset.master, stated["batch"], stated["product"]
    said = find_product(changeset, entry.kind, name) if name else None
    product = said or (None if "product" in unknown else state.product_of(before))
    if lot is not None:
        if said is None and not (product and state.batches.find(batch_key(product.id, lot))):
            others = state.batches_of_lot(entry.kind, lot)
            product = None if others else product
        return _stated_product(
            changeset, entry, {"product": product and product.name, "batch": lot},
            TrackableOrigin(entry.id),
        )  # fmt: skip
    batch = None if "batch" in unknown else state.batch_of(before)
    if product and batch and batch.product_id != product.id:
        text = batch_text(batch, state.products[batch.product_id])
        raise RegistryConflict(
            message("{what} is of {batch}, which is another product.", what=entry, batch=text),
            command="say of which batch it is with --batch, or --unknown batch",
            cure="other_product",
        )
    return product, batch


def _refuse_unknown(
    changeset: Changeset, entry: Entry, before: TrackableOrigin, unknown: Collection[str]
) -> None:
    """Refuse that something is unknown which the batch says."""
    batch = changeset.master.batch_of(before)
    if batch is None or "batch" in unknown:
        return
    known, own = effective(changeset, before), changeset.master.origin_record(before)
    for field in unknown:
        of_batch = field == "product" or (field not in own and known[field] is not None)
        if of_batch:
            text = batch_text(batch, changeset.master.products[batch.product_id])
            raise RegistryConflict(
                message(
                    "{what} has {details} by its {batch}: correct that.",
                    what=entry,
                    details=details_text({field: known[field]}),
                    batch=text,
                ),
                cure="of_batch",
            )


def _merged(
    changeset: Changeset,
    before: TrackableOrigin,
    values: dict[str, Any],
    product: Product | None,
    batch: ProductBatch | None,
) -> TrackableOrigin:
    """Return an origin with other values, without what its batch says as well."""
    own = {name: value for name, value in values.items() if name in _OWN}
    if "supplier" in values:
        name = values["supplier"]
        own["supplier_id"] = None if name is None else find_party(changeset, name).id
    product_id = None if batch or not product else product.id
    after = replace(before, **own, product_id=product_id, batch_id=batch and batch.id)
    if batch is None:
        return after
    repeated = (name for name in OF_BATCH if getattr(after, name) == getattr(batch, name))
    return replace(after, **dict.fromkeys(repeated))


_OWN = ("serial", "made_on", "purchase", "purchased_on", "warranty_until")


def _check_order(changeset: Changeset, origin: TrackableOrigin) -> None:
    known = effective(changeset, origin)
    rules.check_order(known["made_on"], known["purchased_on"], known["warranty_until"])


def _describe(
    changeset: Changeset, entry: Entry, origin: TrackableOrigin, verb: str, at: datetime
) -> None:
    """Replace where a trackable comes from, and record it; nothing else of it changes."""
    state, touched = changeset.master, entry.id in changeset.touched
    before, after = (state.origin_record(o) for o in (state.origin(entry.id), origin))
    state.put_origin(origin)
    changeset.described.append(entry.id)
    changeset.record(verb, entry, {"origin": before} if before else None, {"origin": after}, at)
    if not touched:
        del changeset.touched[entry.id]
