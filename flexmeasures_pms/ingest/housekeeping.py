"""What is done now and then, after a request is committed: a little of it, so that nobody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from flexmeasures.data import db

from flexmeasures_pms.config import Settings
from flexmeasures_pms.ingest.follow_up import complete_abandoned
from flexmeasures_pms.storage.intake.heads import remove_unused, unused
from flexmeasures_pms.storage.intake.receipts import purge
from flexmeasures_pms.storage.readings import belief_tables
from flexmeasures_pms.storage.session import after_commit

EVERY = 100
"""Requests of a process between two times."""

MOST = 250
"""Receipts that are deleted at once: more than arrive meanwhile, in some 5 ms."""

MOST_HEADS = 20
"""Heads of samples in quarantine that a replay has left behind and that are deleted at once."""

MOST_THINGS = 10
"""Things whose assets are made, or samples replayed, at once."""

SECONDS = 1.0
"""After so long no more of them are begun."""

_requests = count(1)


def tidy(settings: Settings) -> None:
    """Delete what is no longer needed, and do what is left of the effects of changes."""
    if next(_requests) % EVERY:
        return
    with after_commit("Old receipts or effects of changes wait on."):
        purge(datetime.now(UTC) - timedelta(days=settings.receipt_days), MOST)
        db.session.commit()
        remove_unused(unused(MOST_HEADS))
        db.session.commit()
        complete_abandoned(MOST_THINGS, SECONDS)
    with after_commit("The table for the beliefs of next year was not made yet."):
        belief_tables.make_ahead(datetime.now(UTC))
