"""Parties: who things come from and go to, and one of them with what came from it."""

from __future__ import annotations

from flask import Response, request

from flexmeasures_pms.registry.kinds import KINDS
from flexmeasures_pms.registry.master import queries
from flexmeasures_pms.registry.master.record_tables import BATCHES, PARTIES, PRODUCTS
from flexmeasures_pms.registry.master.records import Party
from flexmeasures_pms.registry.questions.contents import things_by_batch, things_by_product
from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.words import mark
from flexmeasures_pms.ui.page.access import one_organisation
from flexmeasures_pms.ui.products.rates import rate_table
from flexmeasures_pms.ui.products.records import (
    SeenRecord,
    batch_links,
    record_addresses,
    record_or_404,
    section_page,
)
from flexmeasures_pms.ui.products.used import recall_list, used_page
from flexmeasures_pms.ui.routes import pms_ui

MOST_BATCHES = 500
ROLES = {
    "supplier": mark("supplier"),
    "customer": mark("customer"),
    "partner": mark("partner"),
    "service company": mark("service company"),
}


@pms_ui.get("/pms/parties")
def parties_page() -> Response:
    """Show all parties with what they are and how to reach them."""
    require_tables()
    organisation = one_organisation()
    return section_page(
        "pms/parties.html",
        organisation=organisation,
        parties=queries.parties(organisation.id),
        roles=ROLES,
        to=record_addresses(organisation),
        tab="parties",
    )


@pms_ui.get("/pms/parties/<int:number>")
def party_page(number: int) -> Response:
    """Show a party, what came from it, and where that is."""
    require_tables()
    seen = record_or_404(PARTIES, number)
    account_id, subject = seen.organisation.id, _subject(seen)
    to = record_addresses(seen.organisation)
    things = things_by_product(subject)
    batches = list(BATCHES.read(account_id, BATCHES.table.c.supplier_id == number))
    numbers = {*things, *(one.product_id for one in batches)}
    products = PRODUCTS.by_numbers(account_id, numbers)
    there = {products[one].kind for one in things}
    kinds = [kind for kind in KINDS if kind in there]
    kind = next((one for one in kinds if one == request.args.get("kind")), next(iter(kinds), ""))
    return section_page(
        "pms/party.html",
        seen=seen,
        party=seen.record,
        roles=ROLES,
        products=products,
        things=things,
        batches=batches[:MOST_BATCHES],
        more_batches=max(0, len(batches) - MOST_BATCHES),
        things_of=things_by_batch(subject),
        kinds=kinds,
        kind=kind,
        table=rate_table(subject, kind, "batch", seen.now, to) if kind else None,
        used=used_page(subject, seen.zone, seen.now),
        lots=batch_links(batches, products, to),
        zone=seen.zone,
        to=to,
        tab="parties",
    )


@pms_ui.get("/pms/parties/<int:number>/recall.csv")
def party_recall(number: int) -> Response:
    """Send where all that came from it is as a file."""
    require_tables()
    seen = record_or_404(PARTIES, number)
    return recall_list(_subject(seen), seen.zone, seen.now, f"recall-supplier-{number}")


def _subject(seen: SeenRecord[Party]) -> AskedThings:
    return AskedThings(seen.organisation.id, supplier_id=seen.record.id)
