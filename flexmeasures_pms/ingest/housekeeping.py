"""What is done now and then, after a request is committed: a little of it, so that nobody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.config import Settings
from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.ingest.follow_up import complete_abandoned
from flexmeasures_pms.storage.intake.receipts import purge
from flexmeasures_pms.storage.session import DATABASE_ERRORS, abandon

EVERY = 100
"""Requests of a process between two times."""

MOST = 250
"""Receipts that are deleted at once: more than arrive meanwhile, in some 5 ms."""

MOST_THINGS = 10
"""Things whose assets are made, or samples replayed, at once: in less than a second."""

_requests = count(1)


def tidy(settings: Settings) -> None:
    """Purge old receipts, and do what is left of the effects of changes, now and then."""
    if next(_requests) % EVERY:
        return
    try:
        purge(datetime.now(UTC) - timedelta(days=settings.receipt_days), MOST)
        db.session.commit()
        complete_abandoned(MOST_THINGS)
    except (*DATABASE_ERRORS, PmsError) as error:
        abandon()
        current_app.logger.warning("Old receipts or effects of changes wait on: %s", error)
