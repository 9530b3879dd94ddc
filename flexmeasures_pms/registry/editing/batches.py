"""Registering and correcting batches."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from shlex import quote
from typing import Any, TypedDict, Unpack

from msgspec.structs import asdict, replace

from flexmeasures_pms.errors import AmbiguousId, RegistryConflict, UnknownId
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.parties import find_party
from flexmeasures_pms.registry.editing.registration import ADDED, REGISTERED
from flexmeasures_pms.registry.editing.stated_details import (
    CORRECTED,
    HAS_DETAILS,
    additions,
    corrections,
    details_text,
)
from flexmeasures_pms.registry.kinds import words
from flexmeasures_pms.registry.master import queries, rules
from flexmeasures_pms.registry.master.record_tables import BATCHES
from flexmeasures_pms.registry.master.records import Product, ProductBatch, batch_key
from flexmeasures_pms.registry.messages.message import CountText, KindText, message, message_form
from flexmeasures_pms.registry.messages.record_text import BATCH, RecordText

CLEARABLE = ("made_on", "supplier", "purchase", "note")


class BatchDetails(TypedDict, total=False):
    """What is said of a batch besides its product and lot; None or nothing for what is not.

    ``supplier`` is the name of a party, ``purchase`` the number of an order.
    """

    made_on: date | None
    supplier: str | None
    purchase: str | None
    note: str | None


def register_batch(
    changeset: Changeset, product: Product, lot: str, **details: Unpack[BatchDetails]
) -> ProductBatch:
    """Register a batch, or add to one that is registered what is not known of it; return it.

    :raises RegistryConflict: if other details are registered.
    :raises RegistryError: for an unusable lot or detail, or an unknown supplier.
    """
    lot, state = rules.name("lot", lot), changeset.master
    stated = _checked(changeset, details)
    known = state.batches.find(batch_key(product.id, lot))
    if known is None:
        new = _with(changeset, ProductBatch(state.number(BATCHES), product.id, lot), stated)
        state.put_batch(new, "registered")
        changeset.add_message(REGISTERED, what=batch_text(new, product))
        return new
    what = batch_text(known, product)
    command = f"correct-batch {quote(known.lot)} --product {quote(product.name)} … --note …"
    added = additions(what, _shown(changeset, known), stated, command=command)
    if not added:
        changeset.add_unchanged("{what} is registered already.", what=what)
        return known
    changed = _with(changeset, known, added)
    _check_things(changeset, changed, what)
    state.put_batch(changed, "updated")
    changeset.add_message(ADDED, what=what, details=details_text(added))
    return changed


def correct_batch(
    changeset: Changeset,
    batch: ProductBatch,
    *,
    lot: str | None = None,
    product: Product | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[BatchDetails],
) -> None:
    """Correct what is registered of a batch, and so of all that is of it.

    :param lot: its lot, if it is another; ``product`` likewise.
    :param unknown: fields whose value is unknown after all.
    :raises RegistryConflict: if there is such a batch, or the product is of another kind.
    """
    state, before = changeset.master, changeset.master.products[batch.product_id]
    what = batch_text(batch, before)
    stated = {
        "lot": None if lot is None else rules.name("lot", lot),
        "product": product and product.name,
        **_checked(changeset, details),
    }
    wanted = corrections(_shown(changeset, batch), stated, unknown, CLEARABLE)
    after = product or before
    if after.kind != before.kind:
        form = message_form("{what} is of kind {kind}, and {product} of kind {other}.")
        kinds = {"kind": KindText(words(before.kind)), "other": KindText(words(after.kind))}
        raise RegistryConflict(message(form, what=what, product=after.name, **kinds))
    moved = replace(batch, product_id=after.id, lot=wanted.get("lot") or batch.lot)
    changed = _with(changeset, moved, wanted)
    other = state.batches.find(batch_key(changed.product_id, changed.lot))
    if other is not None and other.id != batch.id:
        known = batch_text(other, after)
        raise RegistryConflict(message("{what} is registered already.", what=known))
    if changed == batch:
        changeset.add_unchanged(HAS_DETAILS, what=what)
        return
    _check_things(changeset, changed, what)
    state.put_batch(changed, "corrected")
    changeset.add_message(CORRECTED, what=what, details=details_text(wanted))
    if number := queries.things_of_batch(changeset.account_id, batch.id):
        changeset.add_message("It holds for {things}.", things=CountText(number, "thing"))


def _check_things(changeset: Changeset, batch: ProductBatch, what: RecordText) -> None:
    """Refuse that a batch was made after things of it were bought."""
    if batch.made_on is None:
        return
    number = queries.things_bought_before(changeset.account_id, batch.id, batch.made_on)
    if number:
        form = message_form("{what} can't be made {day}: {things} of it came before.")
        things = CountText(number, "thing")
        raise RegistryConflict(message(form, what=what, day=str(batch.made_on), things=things))


def find_batch(
    changeset: Changeset, kind: str, lot: str, product: Product | None = None
) -> ProductBatch:
    """Return the batch of a lot: of a product, or of the only product of a kind that has it.

    :raises UnknownId: if none is registered.
    :raises AmbiguousId: if several products have it.
    """
    cleaned, state = rules.name("lot", lot), changeset.master
    of_kind = KindText(words(kind))
    found = [
        batch
        for batch in state.batches_of_lot(kind, cleaned)
        if product is None or batch.product_id == product.id
    ]
    if not found:
        form = message_form("No batch '{text}' of kind {kind} is registered.")
        see = "see `batches`, or say of which product it is to register it"
        raise UnknownId(
            message(form, text=cleaned, kind=of_kind), command=see, cure="unknown_record"
        )
    if len(found) > 1:
        names = ", ".join(state.products[batch.product_id].name for batch in found)
        form = message_form("'{text}' is a batch of several products: {names}.")
        raise AmbiguousId(
            message(form, text=cleaned, names=names), command="say which", cure="ambiguous_batch"
        )
    return found[0]


def batch_text(batch: ProductBatch, product: Product) -> RecordText:
    """Return a batch as written in sentences."""
    return RecordText(BATCH, f"{batch.lot} ({product.name})")


def _checked(changeset: Changeset, details: BatchDetails) -> dict[str, Any]:
    made, supplier = details.get("made_on"), details.get("supplier")
    purchase, note = details.get("purchase"), details.get("note")
    return {
        "made_on": None if made is None else rules.day("made_on", made),
        "supplier": None if supplier is None else find_party(changeset, supplier).name,
        "purchase": None if purchase is None else rules.name("purchase", purchase),
        "note": None if note is None else rules.line("note", note),
    }


def _shown(changeset: Changeset, batch: ProductBatch) -> dict[str, Any]:
    state = changeset.master
    supplier = state.parties.get(batch.supplier_id)
    return {
        **asdict(batch),
        "product": state.products[batch.product_id].name,
        "supplier": supplier and supplier.name,
    }


def _with(changeset: Changeset, batch: ProductBatch, values: dict[str, Any]) -> ProductBatch:
    """Return a batch with other values of those fields that are named."""
    names = ("made_on", "purchase", "note")
    own: dict[str, Any] = {name: values[name] for name in names if name in values}
    if "supplier" in values:
        name = values["supplier"]
        own["supplier_id"] = None if name is None else find_party(changeset, name).id
    return replace(batch, **own)
