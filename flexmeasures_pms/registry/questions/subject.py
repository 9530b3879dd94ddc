"""Which things a question is about: those of a product, a batch, a supplier, or with a serial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# What is not said of a thing itself is said by its batch; of one with a batch, only that has the
# product.
PRODUCT = "coalesce(o.product_id, b.product_id)"
SUPPLIER = "coalesce(o.supplier_id, b.supplier_id)"
MADE_ON = "coalesce(o.made_on, b.made_on)"
ORIGINS = "pms_origin o LEFT JOIN pms_batch b ON b.id = o.batch_id"

# Arrays of batches, so that an index finds the things of each.
_BATCHES = "o.batch_id = ANY (ARRAY(SELECT id FROM pms_batch WHERE {column} = %({column})s))"
_CONDITIONS = {
    "product_id": f"(o.product_id = %(product_id)s OR {_BATCHES.format(column='product_id')})",
    "batch_id": "o.batch_id = %(batch_id)s",
    "supplier_id": f"""(o.supplier_id = %(supplier_id)s
      OR o.supplier_id IS NULL AND {_BATCHES.format(column="supplier_id")})""",
    "serial": "lower(o.serial) = lower(%(serial)s)",
}


@dataclass(frozen=True, slots=True)
class AskedThings:
    """The things of an organisation that a question is about; what is None does not matter.

    :param account_id: the organisation's: no others' things are ever found.
    """

    account_id: int
    product_id: int | None = None
    batch_id: int | None = None
    supplier_id: int | None = None
    serial: str | None = None

    def condition(self) -> str:
        """Return SQL that is true of its rows in :data:`ORIGINS`."""
        named = (text for name, text in _CONDITIONS.items() if getattr(self, name) is not None)
        return " AND ".join(("o.account_id = %(account_id)s", *named))

    def values(self) -> dict[str, Any]:
        """Return what the condition names."""
        return {"account_id": self.account_id} | {name: getattr(self, name) for name in _CONDITIONS}
