"""Accepted requests as programs and scripts get them: from the receipt log and the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy.engine import Row

from flexmeasures_pms.ingest.receipt import ReceiptCounts
from flexmeasures_pms.storage.tables import COUNTS


# A struct can't have two bases with fields: both list what is known of each request.
class LoggedReceipt(ReceiptCounts):
    """The receipt of a request whose samples were stored.

    :param account: id of the organisation.
    :param sender: whose credentials sent it: ``gateway:North mast`` or ``user:7``.
    :param key: which of a gateway's keys; null for a user.
    :param digest: SHA-256 of the body as sent.
    :param duration_ms: from receipt until just before the commit [ms].
    """

    id: int
    account: int
    received_at: datetime
    sender: str
    key: str | None
    dataset: str
    digest: str
    duration_ms: int


class JournaledRequest(Struct):
    """A request that waits for a worker, or failed.

    :param id: of its future receipt.
    :param account: id of the organisation.
    :param sender: whose credentials sent it: ``gateway:North mast`` or ``user:7``.
    :param key: which of a gateway's keys; null for a user.
    :param digest: SHA-256 of the body as sent.
    :param samples: how many it has.
    :param attempts: to store it so far.
    :param error: why the last attempt failed.
    """

    id: int
    account: int
    received_at: datetime
    sender: str
    key: str | None
    dataset: str
    digest: str
    samples: int
    status: Literal["WAITING", "PROCESSING", "FAILED"]
    attempts: int
    error: str | None


def logged_receipt(row: Row[Any]) -> LoggedReceipt:
    """Return a row of the receipt log as it is shown."""
    counts = {name: row._mapping[name] for name in COUNTS}
    return LoggedReceipt(**_request(row), **counts, duration_ms=row.duration_ms)


def journaled_request(row: Row[Any]) -> JournaledRequest:
    """Return a row of the journal as it is shown."""
    return JournaledRequest(
        **_request(row),
        samples=row.samples,
        status=row.state.upper(),
        attempts=row.attempts,
        error=row.last_error,
    )


def _request(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "account": row.account_id,
        "received_at": row.received_at,
        "sender": row.sender,
        "key": row.key_id,
        "dataset": row.dataset,
        "digest": f"sha256:{row.digest.hex()}",
    }
