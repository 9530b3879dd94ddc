"""Where things come from, as the fields of a registry file."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.master import queries
from flexmeasures_pms.registry.master.record_tables import BATCHES
from flexmeasures_pms.registry.master.records import OF_BATCH
from flexmeasures_pms.registry.master_tables import origin


class ExportedOrigins:
    """Where the things of an organisation come from: batches and names are read once."""

    def __init__(self, account_id: int) -> None:
        """Read products and parties, and batches if there are any."""
        self.account_id = account_id
        self._products = {p.id: p.name for p in queries.products(account_id)}
        self._parties = {p.id: p.name for p in queries.parties(account_id)}
        self._batches = {b.id: b for b in BATCHES.read(account_id)}

    def of(self, numbers: Collection[int]) -> dict[int, Mapping[str, str]]:
        """Return the fields of things by their numbers, by the ends of their columns.

        What a batch says is not repeated.
        """
        found = queries.origins(self.account_id, numbers)
        fields: dict[int, Mapping[str, str]] = {}
        for number, one in found.items():
            batch = self._batches.get(one.batch_id or 0)
            own = {
                name: value
                for name in (*OF_BATCH, "serial", "purchased_on", "warranty_until")
                if (value := getattr(one, name)) is not None
                and not (batch and name in OF_BATCH and getattr(batch, name) == value)
            }
            values = {
                "product": self._products.get(batch.product_id if batch else one.product_id or 0),
                "batch": batch and batch.lot,
                "serial": own.get("serial"),
                "made": own.get("made_on"),
                "supplier": self._parties.get(own.get("supplier_id", 0)),
                "purchase": own.get("purchase"),
                "purchased": own.get("purchased_on"),
                "warranty_until": own.get("warranty_until"),
            }
            fields[number] = {end: str(value) for end, value in values.items() if value is not None}
        return fields


def any_known(account_id: int) -> bool:
    """Whether it is known of anything where it comes from."""
    c = origin.c
    return db.session.scalar(sa.select(sa.exists().where(c.account_id == account_id))) or False
