"""A batch: what it is, and where its things are or were."""

from __future__ import annotations

from flask import Response

from flexmeasures_pms.registry.master.record_tables import BATCHES, PARTIES, PRODUCTS
from flexmeasures_pms.registry.master.records import ProductBatch
from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.products.records import (
    SeenRecord,
    record_addresses,
    record_or_404,
    section_page,
)
from flexmeasures_pms.ui.products.used import recall_list, used_page
from flexmeasures_pms.ui.routes import pms_ui


@pms_ui.get("/pms/batches/<int:number>")
def batch_page(number: int) -> Response:
    """Show a batch, now or at a past moment."""
    require_tables()
    seen = record_or_404(BATCHES, number)
    account_id, batch = seen.organisation.id, seen.record
    product = PRODUCTS.by_numbers(account_id, [batch.product_id])[batch.product_id]
    supplier = PARTIES.by_numbers(account_id, [batch.supplier_id or 0]).get(batch.supplier_id or 0)
    return section_page(
        "pms/batch.html",
        seen=seen,
        batch=batch,
        product=product,
        supplier=supplier,
        used=used_page(_subject(seen), seen.zone, seen.now),
        zone=seen.zone,
        to=record_addresses(seen.organisation),
        tab="products",
    )


@pms_ui.get("/pms/batches/<int:number>/recall.csv")
def batch_recall(number: int) -> Response:
    """Send where all of its things are as a file."""
    require_tables()
    seen = record_or_404(BATCHES, number)
    return recall_list(_subject(seen), seen.zone, seen.now, f"recall-batch-{number}")


def _subject(seen: SeenRecord[ProductBatch]) -> AskedThings:
    return AskedThings(seen.organisation.id, batch_id=seen.record.id)
