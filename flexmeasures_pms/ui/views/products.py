"""Products: what there is, how often things are swapped, and one product with all of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from flask import Response, request

from flexmeasures_pms.registry.kinds import BOARD, KINDS
from flexmeasures_pms.registry.master import queries
from flexmeasures_pms.registry.master.record_tables import BATCHES, PARTIES, PRODUCTS
from flexmeasures_pms.registry.master.records import Product
from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.questions.contents import things_by_batch, things_by_product
from flexmeasures_pms.registry.questions.lifetimes import survival
from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.registry.questions.swap_rates import GROUPED_BY, GroupedBy
from flexmeasures_pms.registry.questions.warranty import ending
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.words import mark
from flexmeasures_pms.ui.page.access import one_organisation
from flexmeasures_pms.ui.products.ages import age_words
from flexmeasures_pms.ui.products.pictures import survival_picture, thinned
from flexmeasures_pms.ui.products.quarters import following_year
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
ENDING = 20
BY = {
    "product": mark("by product"),
    "batch": mark("by batch"),
    "supplier": mark("by supplier"),
}


@pms_ui.get("/pms/products")
def products_page() -> Response:
    """Show the products of a kind, and how often its things are swapped: ``?kind=&by=``."""
    require_tables()
    organisation, now = one_organisation(), datetime.now(UTC)
    products = queries.products(organisation.id)
    of_kind = Counter(one.kind for one in products)
    kinds = [kind for kind in KINDS if of_kind[kind]]
    kind = _kind(kinds)
    by = _grouped_by()
    to, everything = record_addresses(organisation), AskedThings(organisation.id)
    return section_page(
        "pms/products.html",
        organisation=organisation,
        kinds=[(one, of_kind[one]) for one in kinds],
        kind=kind,
        by=by,
        ways={one: BY[one] for one in GROUPED_BY},
        products=[one for one in products if one.kind == kind],
        things=things_by_product(everything),
        batches=queries.batches_by_product(organisation.id),
        table=rate_table(everything, kind, by, now, to) if kind else None,
        to=to,
        tab="products",
    )


@pms_ui.get("/pms/products/<int:number>")
def product_page(number: int) -> Response:
    """Show a product: its batches, how often and after how long it is swapped, where it is."""
    require_tables()
    seen = record_or_404(PRODUCTS, number)
    product, subject, to = seen.record, _subject(seen), record_addresses(seen.organisation)
    batches = list(BATCHES.read(seen.organisation.id, BATCHES.table.c.product_id == number))
    suppliers = PARTIES.by_numbers(
        seen.organisation.id, {one.supplier_id for one in batches if one.supplier_id}
    )
    today = on_clock(seen.now, seen.zone).date()
    left = survival(subject, product.kind, seen.now)
    return section_page(
        "pms/product.html",
        seen=seen,
        product=product,
        batches=batches[:MOST_BATCHES],
        more_batches=max(0, len(batches) - MOST_BATCHES),
        things=things_by_batch(subject),
        suppliers=suppliers,
        lots=batch_links(batches, {number: product}, to),
        table=rate_table(subject, product.kind, "batch", seen.now, to),
        whole=rate_table(subject, product.kind, "product", seen.now, to),
        left=left,
        curve=survival_picture(left) if left and left.faults else None,
        left_rows=thinned(left) if left else (),
        warranties=list(ending(subject, *following_year(today), ENDING)),
        used=used_page(subject, seen.zone, seen.now),
        age=lambda made: age_words(made, today),
        zone=seen.zone,
        to=to,
        tab="products",
    )


@pms_ui.get("/pms/products/<int:number>/recall.csv")
def product_recall(number: int) -> Response:
    """Send where all of its things are as a file."""
    require_tables()
    seen = record_or_404(PRODUCTS, number)
    return recall_list(_subject(seen), seen.zone, seen.now, f"recall-product-{number}")


def _subject(seen: SeenRecord[Product]) -> AskedThings:
    return AskedThings(seen.organisation.id, product_id=seen.record.id)


def _grouped_by() -> GroupedBy:
    return next((one for one in GROUPED_BY if one == request.args.get("by")), "batch")


def _kind(kinds: list[str]) -> str:
    """Return the kind of the address, or boards: they are swapped most."""
    asked = request.args.get("kind")
    if asked in kinds:
        return asked
    return BOARD if BOARD in kinds else next(iter(kinds), "")
