"""The things whose beliefs are to be in the log, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from sqlalchemy import select, text

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.sources import SOURCE_TYPE, reports_as_source

_PERIOD = """
    SELECT min(b.first), max(b.last) FROM unnest(%s::int[]) AS k (sensor)
    CROSS JOIN LATERAL (
      SELECT min(event_start) AS first, max(event_start) AS last
      FROM timed_belief WHERE sensor_id = k.sensor
    ) b"""
_NEXT = """
    SELECT least(
      (SELECT min(b.event_start) FROM unnest(%s::int[]) AS k (sensor) CROSS JOIN LATERAL (
         SELECT event_start FROM timed_belief
         WHERE sensor_id = k.sensor AND event_start >= %s ORDER BY event_start LIMIT 1
       ) b),
      (SELECT min(r.event_time) FROM unnest(%s::int[]) AS k (source) CROSS JOIN LATERAL (
         SELECT event_time FROM pms_repeat
         WHERE subject_id = %s AND source_id = k.source AND event_time >= %s
         ORDER BY event_time LIMIT 1
       ) r))"""


@dataclass(frozen=True, slots=True)
class AdoptedThing:
    """A thing with beliefs.

    :param places: place in a sample's readings by sensor id.
    :param bits: the same by the bit of a reading that repeats.
    :param devices: device by source, of all gateways of the organisation; None where it is not
        registered.
    :param first: time of its first belief, by whatever source.
    :param last: of its last one.
    """

    id: int
    account_id: int
    kind: str
    places: Mapping[int, int]
    bits: Mapping[int, int]
    devices: Mapping[int, int | None]
    first: datetime
    last: datetime

    @property
    def sources(self) -> dict[int, int]:
        """The device by its source, of those that are registered."""
        return {source: device for source, device in self.devices.items() if device is not None}


def things() -> Iterator[AdoptedThing]:
    """Yield the things that have beliefs."""
    thing = trackable.c
    query = select(thing.id, thing.account_id, thing.kind, thing.asset_id)
    query = query.where(thing.asset_id.is_not(None), thing.kind.in_(BY_ASSET_TYPE))
    devices, bits = cache(_devices), cache(_bits)
    for row in db.session.execute(query.order_by(thing.id)).all():
        places = _places(row.asset_id, row.kind)
        first, last = _one(_PERIOD, array(places))
        if first is not None:
            known = bits(row.kind), devices(row.account_id)
            yield AdoptedThing(row.id, row.account_id, row.kind, places, *known, first, last)


def next_time(thing: AdoptedThing, since: datetime) -> datetime | None:
    """Return the time of the first belief, or reading that repeats one, from a time on."""
    of_sensors, of_sources = array(thing.places), array(thing.sources)
    found: datetime | None
    (found,) = _one(_NEXT, of_sensors, since, of_sources, thing.id, since)
    return found


def _places(asset_id: int, kind: str) -> dict[int, int]:
    places = places_of(kind)
    query = select(Sensor.id, Sensor.name).where(
        Sensor.generic_asset_id == asset_id, Sensor.name.in_(places)
    )
    return {number: places[name] for number, name in db.session.execute(query)}


def _bits(kind: str) -> dict[int, int]:
    query = text("SELECT sensor, bit FROM pms_repeat_bit WHERE asset_type = :kind")
    places = places_of(kind)
    rows = db.session.execute(query, {"kind": kind})
    return {row.bit: places[row.sensor] for row in rows if row.sensor in places}


def _devices(account_id: int) -> dict[int, int | None]:
    device = trackable.alias()
    rows = db.session.execute(
        select(DataSource.id, device.c.id)
        .outerjoin(device, reports_as_source(device))
        .where(DataSource.account_id == account_id, DataSource.type == SOURCE_TYPE)
        .order_by(device.c.id.desc())  # the one registered first is taken
    )
    return dict(rows.tuples().all())


def _one(statement: str, *values: object) -> Any:
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, values)
    return cursor.fetchone()
