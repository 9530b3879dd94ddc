"""The subject of a question by the names that people give: of a product, a lot, a party."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.kinds import words
from flexmeasures_pms.registry.master.record_tables import BATCHES, PARTIES, PRODUCTS
from flexmeasures_pms.registry.master.records import (
    Party,
    Product,
    ProductBatch,
    compared,
    party_key,
)
from flexmeasures_pms.registry.messages.message import message
from flexmeasures_pms.registry.questions.subject import AskedThings

R = TypeVar("R", Party, Product, ProductBatch)


def subject_named(
    account_id: int,
    *,
    kind: str | None = None,
    product: str | None = None,
    batch: str | None = None,
    supplier: str | None = None,
    serial: str | None = None,
) -> AskedThings:
    """Return which things are meant.

    :param kind: of the product's or batch's things, where several have the name.
    :raises RegistryError: for a name that is unknown, or means several.
    """
    made = None if product is None else product_named(account_id, product, kind)
    return AskedThings(
        account_id,
        product_id=None if made is None else made.id,
        batch_id=None if batch is None else _batch(account_id, batch, kind, made).id,
        supplier_id=None if supplier is None else party_named(account_id, supplier).id,
        serial=serial,
    )


def product_named(account_id: int, name: str, kind: str | None = None) -> Product:
    """Return a product by vendor, model and revision.

    :raises RegistryError: if there is none, or one of several kinds.
    """
    found = list(PRODUCTS.read(account_id, PRODUCTS.table.c.key == compared(name)))
    found = [one for one in found if kind in (None, one.kind)]
    if not found:
        raise RegistryError(
            message("No product is registered as '{name}': `products` lists them.", name=name[:80])
        )
    return _only(found, name, [one.kind for one in found])


def party_named(account_id: int, name: str) -> Party:
    """Return a party by its name.

    :raises RegistryError: if there is none.
    """
    found = PARTIES.by_keys(account_id, [party_key(name)])
    if not found:
        raise RegistryError(
            message("No party is registered as '{name}': `parties` lists them.", name=name[:80])
        )
    return next(iter(found.values()))


def _batch(account_id: int, lot: str, kind: str | None, product: Product | None) -> ProductBatch:
    found = list(BATCHES.read(account_id, BATCHES.table.c.lot_key == compared(lot)))
    of = PRODUCTS.by_numbers(account_id, [one.product_id for one in found])
    found = [one for one in found if product is None or one.product_id == product.id]
    found = [one for one in found if kind in (None, of[one.product_id].kind)]
    if not found:
        raise RegistryError(
            message("No batch is registered as '{name}': `batches` lists them.", name=lot[:80])
        )
    return _only(found, lot, [of[one.product_id].kind for one in found])


def _only(found: Sequence[R], name: str, kinds: Sequence[str]) -> R:
    if len(found) == 1:
        return found[0]
    several = ", ".join(dict.fromkeys(map(words, kinds)))
    problem = message(
        "'{name}' means several: of {kinds}. Say which kind or product.",
        name=name[:80],
        kinds=several,
    )
    raise RegistryError(problem)
