"""The place of each sensor's reading in a sample of the log, by asset type.

A place never changes: a quantity that comes later takes the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from weakref import WeakSet

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import SessionTransaction

from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.storage.session import forgets_after_failure
from flexmeasures_pms.storage.tables import place

Places = Mapping[str, int]
"""Position in the readings of a sample, from 0, by sensor name."""

_remembered: dict[str, dict[str, int]] = {}
_lock = Lock()  # a worker has several threads
# Transactions that have assigned places: they may be rolled back, and another gets the places.
_assigning: WeakSet[SessionTransaction | None] = WeakSet()


def places_of(asset_type: str) -> Places:
    """Return the places of an asset type, giving one to each sensor of the catalogue."""
    with _lock:
        known = _remembered.get(asset_type)
    if known is None:
        known = _look_up(asset_type)
        if db.session().get_transaction() not in _assigning:
            with _lock:
                _remembered[asset_type] = known
    return known


@forgets_after_failure
def forget_places() -> None:
    """Empty the cache of places."""
    with _lock:
        _remembered.clear()


def _look_up(asset_type: str) -> dict[str, int]:
    wanted = sensor_specs(asset_type)
    found = _stored(asset_type)
    if not wanted.keys() <= found.keys():
        # A lock, because two processes would assign the same places.
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("pms_place"))))
        found = _stored(asset_type)
        lacking = [name for name in wanted if name not in found]
        new = {name: n for n, name in enumerate(lacking, start=len(found))}
        rows = [{"asset_type": asset_type, "sensor": s, "place": n} for s, n in new.items()]
        if rows:
            db.session.execute(insert(place), rows)
            _assigning.add(db.session().get_transaction())
        found |= new
    return found


def _stored(asset_type: str) -> dict[str, int]:
    query = sa.select(place.c.sensor, place.c.place).where(place.c.asset_type == asset_type)
    return {row.sensor: row.place for row in db.session.execute(query)}
