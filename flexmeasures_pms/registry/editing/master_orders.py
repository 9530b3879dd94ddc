"""Orders about products, parties, batches, and where trackables come from.

As in ``orders``: each works in the caller's database transaction, locks the organisation's
registry until that ends, and returns what it did. Parties are named by their names, products by
vendor, model and revision, batches by their lot.

All raise :class:`~flexmeasures_pms.errors.RegistryError`, and then nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Unpack

from flexmeasures_pms.errors import AmbiguousId, UnknownId
from flexmeasures_pms.registry.editing import batches, origins, parties, products
from flexmeasures_pms.registry.editing.batches import BatchDetails
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.origins import OriginDetails
from flexmeasures_pms.registry.editing.parties import PartyDetails
from flexmeasures_pms.registry.editing.products import ProductDetails, ProductName
from flexmeasures_pms.registry.kinds import KINDS
from flexmeasures_pms.registry.master import rules
from flexmeasures_pms.registry.master.records import Product, product_key
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.queries.search import Found, find_one


def register_party(order: Order, name: str, **details: Unpack[PartyDetails]) -> Change:
    """Register a party; one that is registered already gets the details that it lacks."""
    with order.editing(order.organisation) as changeset:
        parties.register_party(changeset, name, **details)
    return order.change(changeset)


def register_product(
    order: Order,
    kind: str,
    vendor: str,
    model: str,
    revision: str = "",
    **details: Unpack[ProductDetails],
) -> Change:
    """Register a product; one that is registered already gets the details that it lacks."""
    with order.editing(order.organisation) as changeset:
        products.register_product(changeset, kind, vendor, model, revision, **details)
    return order.change(changeset)


def register_batch(
    order: Order,
    product: str,
    lot: str,
    *,
    kind: str | None = None,
    **details: Unpack[BatchDetails],
) -> Change:
    """Register a batch of a product; one that is registered already gets what it lacks.

    :param kind: of the product, where several have its name.
    """
    with order.editing(order.organisation) as changeset:
        batches.register_batch(changeset, named_product(changeset, product, kind), lot, **details)
    return order.change(changeset)


def correct_party(
    order: Order,
    party: str,
    *,
    name: str | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[PartyDetails],
) -> Change:
    """Correct what is registered of a party.

    :param name: its name, if it is another.
    :param unknown: fields whose value is unknown after all.
    """
    with order.editing(order.organisation) as changeset:
        found = parties.find_party(changeset, party)
        parties.correct_party(changeset, found, name=name, unknown=unknown, **details)
    return order.change(changeset)


def correct_product(
    order: Order,
    product: str,
    *,
    kind: str | None = None,
    name: ProductName | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[ProductDetails],
) -> Change:
    """Correct what is registered of a product.

    :param kind: which kind it is of, where several products have its name.
    :param name: the parts of its name that are others.
    :param unknown: fields and parameters whose value is unknown after all.
    """
    with order.editing(order.organisation) as changeset:
        found = named_product(changeset, product, kind)
        products.correct_product(changeset, found, name=name, unknown=unknown, **details)
    return order.change(changeset)


def correct_batch(
    order: Order,
    product: str,
    lot: str,
    *,
    kind: str | None = None,
    new_lot: str | None = None,
    new_product: str | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[BatchDetails],
) -> Change:
    """Correct what is registered of a batch, and so of all that is of it.

    :param kind: of the product, where several have its name.
    :param new_lot: its lot, if it is another; ``new_product`` likewise.
    :param unknown: fields whose value is unknown after all.
    """
    with order.editing(order.organisation) as changeset:
        of = named_product(changeset, product, kind)
        found = batches.find_batch(changeset, of.kind, lot, of)
        other = named_product(changeset, new_product, of.kind) if new_product else None
        batches.correct_batch(
            changeset, found, lot=new_lot, product=other, unknown=unknown, **details
        )
    return order.change(changeset)


def procure(
    order: Order, ident: str, *, kind: str | None = None, **details: Unpack[OriginDetails]
) -> Change:
    """Add to what is known of where something comes from.

    An unknown batch of a known product is registered.
    """
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        entry = changeset.view.entry(found.id)
        origins.state_origin(changeset, entry, order.at, **details)
    return order.change(changeset)


def correct_origin(
    order: Order,
    ident: str,
    *,
    kind: str | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[OriginDetails],
) -> Change:
    """Correct where something comes from.

    :param unknown: fields whose value is unknown after all.
    """
    found = _find(order, ident, kind)
    with order.editing(found.account_id) as changeset:
        entry = changeset.view.entry(found.id)
        origins.correct_origin(changeset, entry, unknown=unknown, **details)
    return order.change(changeset)


def named_product(changeset: Changeset, name: str, kind: str | None = None) -> Product:
    """Return the product of a name, of a kind where one is given.

    :raises UnknownId: if none is registered.
    :raises AmbiguousId: if there are several, of several kinds.
    """
    if kind is not None:
        return products.find_product(changeset, rules.kind(kind), name)
    state = changeset.master
    found = [p for k in KINDS if (p := state.products.find(product_key(k, name)))]
    if len(found) == 1:
        return found[0]
    if found:
        kinds = ", ".join(product.kind for product in found)
        problem = message("'{text}' is a product of several kinds: {kinds}.",
                          text=name, kinds=kinds)  # fmt: skip
        raise AmbiguousId(problem, command="say which with --kind", cure="ambiguous")
    raise UnknownId(
        message("No product '{text}' is registered.", text=name[:80]),
        command="see `products`, or register it first",
        cure="unknown_record",
    )


def _find(order: Order, ident: str, kind: str | None) -> Found:
    kinds = [kind] if kind else None
    return find_one(ident, kinds=kinds, account_id=order.account_id, among=order.among)
