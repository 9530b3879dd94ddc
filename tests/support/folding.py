"""Folding of what a test has stored."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

from flexmeasures.data import db
from sqlalchemy import delete, select

from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.log import day_rows, folding
from flexmeasures_pms.storage.log_tables import day_rest

PART = 2
"""Samples in a part of a day."""


def fold(account_id: int) -> int:
    """Fold the days of an organisation's things that are over, also those that rest.

    They are in parts of few samples.

    :returns: how many.
    """
    own = set(
        db.session.scalars(select(trackable.c.id).where(trackable.c.account_id == account_id))
    )
    db.session.execute(delete(day_rest).where(day_rest.c.subject_id.in_(own)))
    found = [(thing, date) for thing, date in folding.foldable(datetime.now(UTC)) if thing in own]
    with patch.object(day_rows, "PART", PART):
        for thing, date in found:
            folding.fold(thing, date)
            db.session.commit()
    return len(found)
