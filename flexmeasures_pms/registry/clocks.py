"""On whose clock the times of a whole organisation are told."""

from __future__ import annotations

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.tables import trackable


def site_clock(account_id: int) -> str:
    """Return the timezone of an organisation's sites, or UTC where they have several or none."""
    t = trackable.c
    query = (
        sa.select(t.timezone)
        .where(t.account_id == account_id, t.timezone.is_not(None))
        .distinct()
        .limit(2)
    )
    found = list(db.session.scalars(query))
    return str(found[0]) if len(found) == 1 else "UTC"
