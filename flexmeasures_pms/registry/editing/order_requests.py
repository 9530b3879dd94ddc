"""Requests of orders that were done already, by the sender's key."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.errors import OtherRequest
from flexmeasures_pms.registry.editing.resubmission import lock_soon
from flexmeasures_pms.registry.master_tables import order_request


def first_answer(
    account_id: int, key: str, digest: bytes, *, lock_timeout: float
) -> dict[str, Any] | None:
    """Return the answer to the first request of this key, or None for a new key.

    Nobody else changes the organisation's registry until the caller's transaction ends: of two
    requests at once, the second waits here and then finds the answer to the first.

    :param digest: of what is requested.
    :param lock_timeout: seconds to wait, for this and for all else in the transaction.
    :raises OtherRequest: if the key was that of another request.
    :raises OperationalError: when the time was not long enough.
    """
    lock_soon(account_id, lock_timeout)
    c = order_request.c
    query = sa.select(c.digest, c.answer).where(c.account_id == account_id, c.key == key)
    row = db.session.execute(query).one_or_none()
    if row is None:
        return None
    if bytes(row.digest) != digest:
        raise OtherRequest(
            "Another request had this key: nothing was done. Give each request a key of its own, "
            "and the same key only to repeat the same request."
        )
    answer: dict[str, Any] = row.answer
    return answer


def keep_answer(account_id: int, key: str, digest: bytes, answer: dict[str, Any]) -> None:
    """Keep the answer to a request of a new key, in the transaction of its changes."""
    values = {"account_id": account_id, "key": key, "digest": digest, "answer": answer}
    db.session.execute(order_request.insert().values(values))
