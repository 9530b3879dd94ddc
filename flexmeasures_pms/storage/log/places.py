"""The place of each sensor's reading in a sample of the log, by asset type.

A place never changes: a quantity that comes later takes the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from threading import Lock
from typing import Any

from flask import current_app

from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.storage.engine import own_engine

Places = Mapping[str, int]
"""Position in the readings of a sample, from 0, by sensor name."""

# Of two processes that add the same, the second waits for the first, and then finds it.
_ADD = """
    SELECT pg_advisory_xact_lock(hashtext('pms_place'));
    INSERT INTO pms_place (asset_type, sensor, place)
    SELECT %(kind)s, n.name, coalesce((SELECT max(place) + 1 FROM pms_place
      WHERE asset_type = %(kind)s), 0) + row_number() OVER (ORDER BY n.nth) - 1
    FROM unnest(%(names)s::text[]) WITH ORDINALITY AS n (name, nth)
    WHERE NOT EXISTS (SELECT FROM pms_place WHERE asset_type = %(kind)s AND sensor = n.name)"""
_ALL = "SELECT sensor, place FROM pms_place WHERE asset_type = %s ORDER BY place"

_remembered: dict[str, Places] = {}
_lock = Lock()  # a worker has several threads


def places_of(asset_type: str) -> Places:
    """Return the places of an asset type in their order, with one for each of its sensors."""
    with _lock:
        known = _remembered.get(asset_type)
    if known is None:
        known = _look_up(asset_type)
        with _lock:
            _remembered[asset_type] = known
    return known


def forget_places() -> None:
    """Empty the cache of places."""
    with _lock:
        _remembered.clear()


def _look_up(asset_type: str) -> Places:
    """Read the places, and add those that lack in a transaction of its own.

    So whoever asks holds no lock that others wait for, and a place that was told is stored.
    """
    names = list(sensor_specs(asset_type))
    with closing(own_engine(current_app).raw_connection()) as connection:
        with closing(connection.cursor()) as cursor:
            found = _stored(cursor, asset_type)
            if not found.keys() >= set(names):
                cursor.execute(_ADD, {"kind": asset_type, "names": names})
                found = _stored(cursor, asset_type)
        connection.commit()
    return found


def _stored(cursor: Any, asset_type: str) -> Places:
    cursor.execute(_ALL, (asset_type,))
    return dict(cursor.fetchall())
