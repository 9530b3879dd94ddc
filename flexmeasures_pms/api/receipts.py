"""``GET …/receipts``: what was accepted, from whom, and what became of it.

Whoever may read an organisation's assets may read its receipts. A gateway whose key is
for some devices reads its own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Response
from werkzeug.exceptions import NotFound

from flexmeasures_pms.api.credentials import READ, Caller, caller, may, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import moment, whole_number
from flexmeasures_pms.api.readiness import require_tables
from flexmeasures_pms.storage import receipts

PAGE, LARGEST_PAGE = 100, 1_000
_LARGEST_ID = (1 << 63) - 1


def list_receipts() -> Response:
    """Reply with receipts, newest first; ``next`` is for ``?before=`` if there are more."""
    require_tables()
    sender = caller(datetime.now(UTC))
    limit = whole_number("limit", most=LARGEST_PAGE) or PAGE
    found = receipts.listed(
        organisation(sender, READ),
        limit=limit + 1,
        before=whole_number("before", most=_LARGEST_ID),
        since=moment("since"),
        sender=_only_of(sender),
    )
    more = found[limit - 1].id if len(found) > limit else None
    return reply(200, {"receipts": [receipts.as_dict(r) for r in found[:limit]], "next": more})


def one_receipt(receipt_id: str) -> Response:
    """Reply with one receipt; another's looks exactly like none."""
    require_tables()
    sender = caller(datetime.now(UTC))
    number = int(receipt_id) if re.fullmatch("[0-9]{1,19}", receipt_id) else 0
    row = receipts.find(number) if 0 < number <= _LARGEST_ID else None
    if (
        row is None
        or not may(sender, row.account_id, READ)
        or _only_of(sender) not in (None, row.sender)
    ):
        raise NotFound("There is no such receipt, or it has been purged.")
    return reply(200, receipts.as_dict(row))


def _only_of(sender: Caller) -> str | None:
    """Return the one whose receipts a gateway may read, or None for all of its organisation."""
    return sender.name if sender.gateway and sender.gateway.devices is not None else None
