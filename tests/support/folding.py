"""Folding of what a test has stored."""

from __future__ import annotations

from datetime import UTC, datetime

from flexmeasures.data import db
from sqlalchemy import select

from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.log import days


def fold(account_id: int) -> int:
    """Fold the days of an organisation's things that are over; return how many."""
    own = set(
        db.session.scalars(select(trackable.c.id).where(trackable.c.account_id == account_id))
    )
    found = [(thing, date) for thing, date in days.foldable(datetime.now(UTC)) if thing in own]
    for thing, date in found:
        days.fold(thing, date)
        db.session.commit()
    return len(found)
