"""``POST …/devices/dataset/<dataset>``: telemetry of a gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import msgspec
from flask import Response, request, url_for
from msgspec import UNSET
from werkzeug.exceptions import MethodNotAllowed, NotFound

from flexmeasures_pms.api.body import whole_body
from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.replies import DatasetAccepted, DatasetProcessed, PostedReceipt
from flexmeasures_pms.catalogue.asset_types import DATASETS, DatasetName
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import WireError
from flexmeasures_pms.gateways.at_once import turn
from flexmeasures_pms.gateways.caller import Caller, admit, spend
from flexmeasures_pms.ingest.accept import Origin, accept
from flexmeasures_pms.ingest.housekeeping import tidy
from flexmeasures_pms.ingest.journal import KeptRequest, is_packed, keep
from flexmeasures_pms.ingest.receipt import Receipt
from flexmeasures_pms.plural import counted
from flexmeasures_pms.serving.readiness import require_tables

# Telemetry in JSON shrinks to about a tenth.
_PACKED = 10


def post_dataset(dataset: str) -> Response:
    """Store the samples of a request, or queue it for a worker, and reply after commit."""
    known = next((name for name in DATASETS if name == dataset), None)
    if known is None:
        raise NotFound(f"There is no dataset of that name; post to {', '.join(DATASETS)}.")
    if request.method != "POST":
        raise MethodNotAllowed(["POST"], "Send telemetry with POST.")
    require_tables()
    received_at = datetime.now(UTC)
    sender = caller(received_at, counted=False)
    origin = Origin(
        account_id=organisation(sender),
        sender=sender.name,
        content_type=request.mimetype,
        received_at=received_at,
        key_id=sender.key_id,
    )
    found = _taken(known, origin, sender)
    tidy()
    return reply(200, _processed(found)) if isinstance(found, Receipt) else _accepted(found)


def _taken(dataset: DatasetName, origin: Origin, sender: Caller) -> Receipt | KeptRequest:
    queued = settings().ingest_mode == "queued"
    body = b""
    try:
        body = whole_body()
        # Not before the body is here: a slow link would keep others of the organisation waiting.
        with turn(sender.account_id, _weight(len(body)), settings().organisation_requests):
            return (keep if queued else accept)(
                body,
                dataset,
                origin,
                # With its parameters, such as the charset: what is stored has none.
                content_type=request.content_type or "",
                encoding=_encoding(),
                settings=settings(),
                admit=partial(admit, sender, len(body)),
            )
    except WireError as error:
        spend(sender, size=max(len(body), error.size))
        raise


def _encoding() -> str:
    return request.headers.get("Content-Encoding", "")


def _weight(size: int) -> int:
    """Return how large a body of some bytes is when it is decoded, about."""
    return size * _PACKED if is_packed(_encoding()) else size


def _processed(receipt: Receipt) -> DatasetProcessed:
    counts = msgspec.structs.asdict(receipt.counts)
    return DatasetProcessed(
        message=receipt.message,
        receipt=PostedReceipt(id=receipt.id, digest=receipt.digest, **counts),
        devices=receipt.devices,
        problems=receipt.problems,
        more_problems=receipt.more_problems or UNSET,
        warnings=receipt.warnings or UNSET,
        ignored=receipt.ignored or UNSET,
        skipped=receipt.skipped or UNSET,
    )


def _accepted(kept: KeptRequest) -> Response:
    place = url_for(".getReceipt", receipt_id=kept.id)
    message = f"Kept {counted(kept.samples, 'sample')}, to be stored soon: see {place}."
    return reply(202, DatasetAccepted(message, kept), Location=place)
