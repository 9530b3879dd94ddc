"""Which things a question is about: those of a product, a batch, a supplier, or with a serial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# What is not said of a thing itself is said by its batch.
SUPPLIER = "coalesce(o.supplier_id, b.supplier_id)"
MADE_ON = "coalesce(o.made_on, b.made_on)"
ORIGINS = "pms_origin o LEFT JOIN pms_batch b ON b.id = o.batch_id"

_CONDITIONS = {
    "product_id": "o.product_id = %(product_id)s",
    "batch_id": "o.batch_id = %(batch_id)s",
    "supplier_id": f"{SUPPLIER} = %(supplier_id)s",
    "serial": "lower(o.serial) = lower(%(serial)s)",
}


@dataclass(frozen=True, slots=True)
class Subject:
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
