"""Telling that a change was made already, for forms that are sent twice."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.ledger import LOCK
from flexmeasures_pms.registry.tables import transaction

KEPT = timedelta(days=7)
"""How long a form may lie open; older transactions are not looked at."""


def made_already(account_id: int, request_id: UUID) -> bool:
    """Tell if a change was entered under this number, and let none be entered meanwhile.

    Nobody else changes the organisation's registry until the caller's transaction ends:
    of two requests at once, the second waits here and then finds what the first did.
    """
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, account_id)))
    t = transaction.c
    query = sa.select(t.id).where(
        t.account_id == account_id,
        t.recorded_at > sa.func.now() - KEPT,
        t.request_id == request_id,
    )
    return db.session.scalar(query.limit(1)) is not None
