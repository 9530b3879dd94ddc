"""Delete old receipts, a few at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from flask import current_app
from flexmeasures.data import db
from sqlalchemy.exc import DBAPIError

from flexmeasures_pms.config import Settings
from flexmeasures_pms.storage.intake.receipts import purge

EVERY = 100
"""Requests of a process between two purges."""

MOST = 250
"""Receipts that are deleted at once: more than arrive meanwhile, in some 5 ms."""

_requests = count(1)


def tidy(settings: Settings) -> None:
    """Purge old receipts now and then, after the request is committed."""
    if next(_requests) % EVERY:
        return
    try:
        purge(datetime.now(UTC) - timedelta(days=settings.receipt_days), MOST)
        db.session.commit()
    except DBAPIError as error:
        db.session.rollback()
        current_app.logger.warning("Old receipts could not be purged: %s", error.orig)
