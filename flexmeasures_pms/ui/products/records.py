"""A product, batch or party of a page, and the URLs around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from flask import Response, request
from flexmeasures.data import db
from werkzeug.exceptions import NotFound

from flexmeasures_pms.registry.master.record_tables import RecordTable
from flexmeasures_pms.registry.master.records import Party, Product, ProductBatch
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import links, query_params
from flexmeasures_pms.ui.page.access import Organisation, chosen
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry import terms
from flexmeasures_pms.ui.registry.subject import Addresses, addresses

R = TypeVar("R", Party, Product, ProductBatch)
_MOST = 1 << 63

TABS = (
    ("products", mark("Products")),
    ("parties", mark("Parties")),
    ("warranty", mark("Warranty")),
)
"""The pages of the section, with their titles."""


@dataclass(frozen=True, slots=True)
class SeenRecord(Generic[R]):
    """A record that the current user may see.

    :param zone: the time zone of its organisation's sites.
    :param now: the time of the request, in UTC.
    """

    organisation: Organisation
    record: R
    zone: str
    now: datetime


@dataclass(frozen=True, slots=True)
class RecordAddresses:
    """The URLs of an organisation's products, batches and parties.

    :param things: those of the registry.
    """

    things: Addresses

    def page(self, name: str, **query: Any) -> str:
        """Return the URL of one of the section's pages."""
        return links.page(name, organisation=self.things.organisation, **query)

    def product(self, number: int) -> str:
        """Return the URL of a product."""
        return self._record("products", number)

    def batch(self, number: int) -> str:
        """Return the URL of a batch."""
        return self._record("batches", number)

    def party(self, number: int) -> str:
        """Return the URL of a party."""
        return self._record("parties", number)

    def recall(self, name: str, number: int, **query: Any) -> str:
        """Return the URL of a recall list: ``recall("batches", 3)``."""
        organisation = self.things.organisation
        return links.page(name, str(number), "recall.csv", organisation=organisation, **query)

    def case(self, ident: str) -> str:
        """Return the URL of a pack."""
        return links.device("case", ident, organisation=self.things.organisation)

    def pms(self, ident: str) -> str:
        """Return the URL of a PMS."""
        return links.rack(ident, organisation=self.things.organisation)

    def service_log(self, kind: str, ident: str) -> str:
        """Return the URL of what was done to a thing and to what was in it."""
        query = {"kind": kind, "id": ident}
        return links.page("service-log", organisation=self.things.organisation, **query)

    def _record(self, name: str, number: int) -> str:
        return links.page(name, str(number), organisation=self.things.organisation)


def record_addresses(organisation: Organisation) -> RecordAddresses:
    """Return the URLs for an organisation."""
    return RecordAddresses(addresses(organisation))


BatchKey = tuple[str, str | None, str | None, str | None, str | None]
"""Kind, vendor, model and revision of a product, and the lot: what a thing says of its batch."""


def batch_links(
    batches: Iterable[ProductBatch], products: Mapping[int, Product], to: RecordAddresses
) -> dict[BatchKey, str]:
    """Return the URLs of batches by what their things say: products may have one lot in common."""
    found = ((one, products[one.product_id]) for one in batches)
    return {(of.kind, of.vendor, of.model, of.revision, one.lot): to.batch(one.id)
            for one, of in found}  # fmt: skip


def record_or_404(table: RecordTable[R], number: int) -> SeenRecord[R]:
    """Return a record of an organisation that the user may see.

    :raises NotFound: also for one of another organisation.
    """
    owner = _owner(table, number)
    organisation = next((one for one in chosen() if one.id == owner), None)
    found = table.by_numbers(organisation.id, [number]) if organisation else {}
    if organisation is None or number not in found:
        raise NotFound(_("Nothing is registered with this number, or you may not see it."))
    return SeenRecord(organisation, found[number], site_clock(organisation.id), datetime.now(UTC))


def kept() -> dict[str, str]:
    """Return what a form of the page keeps of its address: the organisation and the language."""
    return {name: request.args[name] for name in ("organisation", "lang") if request.args.get(name)}


def section_page(template: str, tab: str, **context: Any) -> Response:
    """Return a page of the section, with what all of them need."""
    shared: dict[str, Any] = {
        "tabs": TABS,
        "terms": terms,
        "kept": kept(),
        "field": query_params.field,
    }
    return page(template, active="products", tab=tab, **shared, **context)


def _owner(table: RecordTable[R], number: int) -> int | None:
    c = table.table.c
    if number >= _MOST:
        return None
    found: int | None = db.session.scalar(sa.select(c.account_id).where(c.id == number))
    return found
