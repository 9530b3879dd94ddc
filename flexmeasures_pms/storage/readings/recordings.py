"""Recording policies that the host chose for single assets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from flexmeasures.data import db
from sqlalchemy import select

from flexmeasures_pms.catalogue.recording import Policies
from flexmeasures_pms.storage.tables import recording


def policies_of(trackable_ids: Iterable[int]) -> dict[int, Policies]:
    """Return the policies of those of some trackables that have their own."""
    c = recording.c
    rows = db.session.execute(
        select(c.trackable_id, c.quantity, c.deadband)
        .where(c.trackable_id.in_(list(trackable_ids)))
        .order_by(c.trackable_id, c.quantity)
    )
    found: dict[int, Policies] = defaultdict(tuple)
    for number, quantity, deadband in rows:
        found[number] += ((quantity, deadband),)
    return dict(found)
