"""Finding out that a change was made already, for forms that are sent twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.editing.writer import lock_registry
from flexmeasures_pms.registry.tables import transaction

KEPT = timedelta(days=7)
"""How long a form may lie open; older transactions are not looked at."""


def lock_soon(account_id: int, lock_timeout: float) -> None:
    """Let nobody else change an organisation's registry until the transaction ends.

    :param lock_timeout: seconds to wait, for this and for all else in the transaction.
    :raises OperationalError: when that was not long enough.
    """
    db.session.execute(sa.text(f"SET LOCAL lock_timeout = '{lock_timeout * 1000:.0f}ms'"))
    lock_registry(account_id)


def made_already(
    account_id: int, request_id: UUID, *, lock_timeout: float
) -> tuple[dict[str, Any], ...]:
    """Return what was recorded under this number, and let nothing be recorded meanwhile.

    Nobody else changes the organisation's registry until the caller's transaction ends:
    of two requests at once, the second waits here and then finds what the first did.

    :param lock_timeout: seconds to wait, for this and for all else in the transaction.
    :raises OperationalError: when that was not long enough.
    """
    lock_soon(account_id, lock_timeout)
    t = transaction.c
    query = (
        sa.select(t.trackable_id, t.verb, t.kind, t.ident.label("id"), t.before, t.after)
        .where(t.account_id == account_id, t.recorded_at > sa.func.now() - KEPT)
        .where(t.request_id == request_id)
        .order_by(t.id)
    )
    return tuple(row._asdict() for row in db.session.execute(query))


def recorded_things(account_id: int, request_id: str) -> set[int]:
    """Return the numbers of the things about which a request has recorded something lately."""
    t = transaction.c
    query = sa.select(t.trackable_id).where(
        t.account_id == account_id,
        t.recorded_at > sa.func.now() - KEPT,
        t.request_id == UUID(request_id),
    )
    return set(db.session.scalars(query))
