"""``POST …/devices/dataset/<dataset>``: telemetry of a gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import msgspec
from flask import Response, request, url_for
from werkzeug.exceptions import MethodNotAllowed, NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import UnreadableBody
from flexmeasures_pms.gateways.caller import admit
from flexmeasures_pms.ingest.accept import Origin, accept
from flexmeasures_pms.ingest.journal import Accepted, keep
from flexmeasures_pms.ingest.receipt import Receipt
from flexmeasures_pms.ingest.retention import tidy
from flexmeasures_pms.plural import counted
from flexmeasures_pms.serving.readiness import require_tables


def post_dataset(dataset: str) -> Response:
    """Store the samples of a request, or keep it for a worker, and reply after commit."""
    known = next((name for name in DATASETS if name == dataset), None)
    if known is None:
        raise NotFound(f"There is no dataset of that name; post to {', '.join(DATASETS)}.")
    if request.method != "POST":
        raise MethodNotAllowed(["POST"], "Send telemetry with POST.")
    require_tables()
    received_at = datetime.now(UTC)
    sender = caller(received_at)
    origin = Origin(
        account_id=organisation(sender),
        sender=sender.name,
        content_type=request.mimetype,
        received_at=received_at,
        key_id=sender.key_id,
    )
    queued = settings().ingest_mode == "queued"
    found = (keep if queued else accept)(
        _whole_body(),
        known,
        origin,
        encoding=request.headers.get("Content-Encoding", ""),
        settings=settings(),
        admit=partial(admit, sender),
    )
    tidy(settings())
    return reply(200, body(found)) if isinstance(found, Receipt) else _accepted(found)


def _whole_body() -> bytes:
    """Return the body, all of it.

    Gunicorn hands on what it got of a request that was cut off, and Werkzeug leaves it to
    the server to notice. The first half of a CSV file looks like a file.

    :raises UnreadableBody: when there is less than was announced.
    """
    data = request.get_data(cache=False)
    if request.content_length not in (None, len(data)):
        raise UnreadableBody(
            f"The request was cut off: {len(data)} of {request.content_length} bytes came. "
            "Nothing of it was stored. Send it again."
        )
    return data


def body(receipt: Receipt) -> dict[str, object]:
    """Return the reply to a request as the HTTP contract has it."""
    return {
        "status": "PROCESSED",
        "message": receipt.message,
        "receipt": {
            "id": receipt.id,
            "digest": receipt.digest,
            **msgspec.structs.asdict(receipt.counts),
        },
        **receipt.details(),
    }


def _accepted(kept: Accepted) -> Response:
    place = url_for(".one_receipt", receipt_id=kept.id)
    body = {
        "status": "ACCEPTED",
        "message": f"Kept {counted(kept.samples, 'sample')}, to be stored soon: see {place}.",
        "receipt": {"id": kept.id, "digest": kept.digest, "samples": kept.samples},
    }
    return reply(202, body, Location=place)
