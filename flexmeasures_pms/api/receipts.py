"""``GET …/receipts``: accepted requests, their senders and results.

A request that waits in the journal has no receipt yet, but can be read by its id. Users who may
read an organisation's assets may read its receipts. A gateway whose key is restricted to some
devices reads those of its own keys: another gateway may have had its name before.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from flask import Response
from msgspec.structs import asdict
from sqlalchemy.engine import Row
from werkzeug.exceptions import NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import moment, whole_number
from flexmeasures_pms.api.replies import (
    JournalCounts,
    ProcessedReceipt,
    ReceiptList,
    WaitingReceipt,
)
from flexmeasures_pms.gateways.access import key_ids
from flexmeasures_pms.gateways.caller import READ, Caller, may
from flexmeasures_pms.ingest.receipt import message, unpack
from flexmeasures_pms.ingest.receipt_record import journaled_request, logged_receipt
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.intake import journal, receipts

PAGE, LARGEST_PAGE = 100, 1_000
LARGEST_ID = (1 << 63) - 1


def list_receipts() -> Response:
    """Reply with receipts, newest first; ``next`` is for ``?before=`` if there are more.

    Requests in the journal are only counted.
    """
    require_tables()
    sender = caller(datetime.now(UTC))
    account_id = organisation(sender, READ)
    limit = whole_number("limit", most=LARGEST_PAGE) or PAGE
    only = _only_with(sender)
    found = receipts.listed(
        account_id,
        limit=limit + 1,
        before=whole_number("before", most=LARGEST_ID),
        since=moment("since"),
        keys=only,
    )
    more = found[limit - 1].id if len(found) > limit else None
    shown = [logged_receipt(row) for row in found[:limit]]
    return reply(200, ReceiptList(shown, more, _in_journal(account_id, only)))


def one_receipt(receipt_id: str) -> Response:
    """Reply with the result of a request; another organisation's is answered like none."""
    require_tables()
    sender = caller(datetime.now(UTC))
    number = int(receipt_id) if re.fullmatch("[0-9]{1,19}", receipt_id) else 0
    # First the journal: a request that leaves it meanwhile has its receipt.
    for find, shown in ((journal.find, _waiting), (receipts.find, _processed)):
        row = find(number) if 0 < number <= LARGEST_ID else None
        if row is not None and _may_read(sender, row):
            return reply(200, shown(row))
    raise NotFound("There is no such receipt, or it has been purged.")


def _may_read(sender: Caller, row: Row[Any]) -> bool:
    only = _only_with(sender)
    return may(sender, row.account_id, READ) and (only is None or row.key_id in only)


def _processed(row: Row[Any]) -> ProcessedReceipt:
    details = unpack(row.details) if row.details else {}
    words = message(row.stored, row.samples, row.refused)
    return ProcessedReceipt(**asdict(logged_receipt(row)), message=words, **details)


_STATES = {
    "waiting": "It waits for a worker.",
    "processing": "A worker is processing it.",
    "failed": "It could not be stored and was marked as failed. It is not lost: the host can see "
    "why, and queue it again with `flexmeasures pms requeue --failed`.",
}


def _waiting(row: Row[Any]) -> WaitingReceipt:
    return WaitingReceipt(**asdict(journaled_request(row)), message=_STATES[row.state])


def _in_journal(account_id: int, keys: Collection[str] | None) -> JournalCounts:
    """Return how many requests wait for a worker (or are being processed), or failed."""
    rows = journal.summary(account_id, keys)
    failed = sum(row.requests for row in rows if row.state == "failed")
    return JournalCounts(sum(row.requests for row in rows) - failed, failed)


def _only_with(sender: Caller) -> Collection[str] | None:
    """Return the keys whose receipts a caller may read, or None for all of an organisation."""
    if sender.gateway is None or sender.devices is None:
        return None
    return key_ids(sender.gateway.id)
