"""Where things come from, with what their batches say of them, for the pages of the registry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from flexmeasures_pms.registry.master.queries import origins
from flexmeasures_pms.registry.master.record_tables import BATCHES, PARTIES, PRODUCTS
from flexmeasures_pms.registry.master.records import (
    Party,
    Product,
    ProductBatch,
    TrackableOrigin,
)


@dataclass(frozen=True, slots=True)
class ShownOrigin:
    """Where a thing comes from; None for what neither it nor its batch says.

    :param stated: what is said of the thing itself.
    """

    stated: TrackableOrigin
    product: Product | None
    batch: ProductBatch | None
    supplier: Party | None

    @property
    def made_on(self) -> date | None:
        """When it was made."""
        return self.stated.made_on or (self.batch.made_on if self.batch else None)

    @property
    def purchase(self) -> str | None:
        """The number of the order with which it came."""
        return self.stated.purchase or (self.batch.purchase if self.batch else None)


def shown_origins(account_id: int, numbers: Collection[int]) -> dict[int, ShownOrigin]:
    """Return where things come from, by their numbers, of those of which it is known."""
    stated = origins(account_id, numbers)
    if not stated:
        return {}
    batches = BATCHES.by_numbers(account_id, {one.batch_id or 0 for one in stated.values()})
    product_of = {
        number: batches[one.batch_id].product_id if one.batch_id in batches else one.product_id
        for number, one in stated.items()
    }
    supplier_of = {
        number: one.supplier_id
        or (batches[one.batch_id].supplier_id if one.batch_id in batches else None)
        for number, one in stated.items()
    }
    products = PRODUCTS.by_numbers(account_id, {one or 0 for one in product_of.values()})
    parties = PARTIES.by_numbers(account_id, {one or 0 for one in supplier_of.values()})
    return {
        number: ShownOrigin(
            one,
            products.get(product_of[number] or 0),
            batches.get(one.batch_id or 0),
            parties.get(supplier_of[number] or 0),
        )
        for number, one in stated.items()
    }
