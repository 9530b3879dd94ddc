"""The sensors of an asset: created from the catalogue, and found by name."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from sys import intern
from threading import Lock
from typing import Any

from flexmeasures.data import db
from flexmeasures.data.models.time_series import Sensor
from sqlalchemy import select, text

from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.catalogue.quantities import Quantity
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.catalogue.recording import label
from flexmeasures_pms.config import settings
from flexmeasures_pms.storage.session import forgets_after_failure

SensorIds = dict[str, int]

# By default FlexMeasures shows an instantaneous sensor as stale after zero seconds.
# Gateways report every 5 to 60 s, and working ones have been silent for 471 s.
STATUS_SPECS = {
    "staleness_search": {},
    "max_staleness": "PT10M",
    "max_future_staleness": "-PT24H",
}

# A state that does not change is written every 15 minutes.
STATE_SPECS = {**STATUS_SPECS, "max_staleness": "PT25M"}

# In the order of the catalogue, asset by asset.
_MAKE = text("""
    INSERT INTO sensor (name, unit, timezone, event_resolution, knowledge_horizon_fnc,
      knowledge_horizon_par, attributes, generic_asset_id)
    SELECT s.name, s.unit, a.timezone, interval '0', :function, CAST(:parameters AS json),
      s.attributes, a.id
    FROM unnest(CAST(:assets AS int[]), CAST(:timezones AS text[])) AS a (id, timezone)
    CROSS JOIN ROWS FROM (
      jsonb_to_recordset(CAST(:sensors AS jsonb)) AS (name text, unit text, attributes jsonb)
    ) WITH ORDINALITY AS s (name, unit, attributes, position)
    ORDER BY a.id, s.position
    ON CONFLICT DO NOTHING""")

_remembered: OrderedDict[int, SensorIds] = OrderedDict()
_lock = Lock()  # a worker has several threads


@forgets_after_failure
def forget_sensors() -> None:
    """Empty the cache of sensor ids."""
    with _lock:
        _remembered.clear()


def sensor_ids(asset_ids: Iterable[int]) -> dict[int, SensorIds]:
    """Return the sensor ids of assets by name, from the cache if possible."""
    wanted = set(asset_ids)
    with _lock:
        known = {asset_id: _remembered[asset_id] for asset_id in wanted & _remembered.keys()}
        for asset_id in known:
            _remembered.move_to_end(asset_id)
    if missing := wanted - known.keys():
        known |= _look_up(missing)
    return known


def _look_up(asset_ids: set[int]) -> dict[int, SensorIds]:
    found: dict[int, SensorIds] = {asset_id: {} for asset_id in asset_ids}
    rows = db.session.execute(
        select(Sensor.generic_asset_id, Sensor.name, Sensor.id).where(
            # FlexMeasures' index begins with the name: without it PostgreSQL 17 and older
            # scan all sensors.
            Sensor.name.in_(_names()),
            Sensor.generic_asset_id.in_(asset_ids),
        )
    )
    for asset_id, name, sensor_id in rows:
        # The names are the same for all assets: one copy of each is enough.
        found[asset_id][intern(name)] = sensor_id
    with _lock:
        while _remembered and len(_remembered) + len(found) > settings().sensor_cache:
            _remembered.popitem(last=False)
        _remembered.update(found)
    return found


@cache
def _names() -> tuple[str, ...]:
    """Return the names of all sensors in the catalogue."""
    return tuple(dict.fromkeys(name for t in ASSET_TYPES for name in sensor_specs(t.name)))


def make_sensors(asset_type: str, timezones: Mapping[int, str], names: Iterable[str]) -> None:
    """Create the named sensors of assets of a type if they do not exist yet.

    Another worker may create the same ones at the same time: the second uses the existing.

    :param timezones: of the assets, by their ids.
    """
    specs = sensor_specs(asset_type)
    sensors = [_row(name, specs[name].quantity) for name in names]
    if not sensors or not timezones:
        return
    values = {
        "assets": list(timezones),
        "timezones": list(timezones.values()),
        "sensors": json.dumps(sensors),
        **_knowledge_horizon(),
    }
    db.session.execute(_MAKE, values)
    with _lock:
        for asset_id in timezones:
            _remembered.pop(asset_id, None)


def _row(name: str, quantity: Quantity) -> dict[str, Any]:
    return {"name": name, "unit": quantity.unit, "attributes": sensor_attributes(quantity)}


@cache
def _knowledge_horizon() -> dict[str, Any]:
    """Columns that timely-beliefs fills in for an instantaneous, measured sensor.

    Taken from one sensor made by FlexMeasures' own class: to make all of them that way
    costs about a millisecond for each attribute of each of a case's 43 sensors.
    """
    template = Sensor("template", generic_asset_id=0, event_resolution=timedelta(0))
    return {
        "function": template.knowledge_horizon_fnc,
        "parameters": json.dumps(template.knowledge_horizon_par),
    }


def sensor_attributes(quantity: Quantity) -> Mapping[str, Any]:
    """Return the attributes that FlexMeasures' pages use to show a sensor."""
    attributes: dict[str, Any] = {
        "sensor_type": _sensor_type(quantity),
        "status_specs": STATE_SPECS if quantity.state else STATUS_SPECS,
    }
    if quantity.consumption is not None:
        attributes["consumption_is_positive"] = quantity.consumption
    return attributes


def _sensor_type(quantity: Quantity) -> str:
    """Title of the axis: the plot's, or the name without the position in an array."""
    title = quantity.graph or label(quantity)
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def missing_sensors(asset_type: str, known: Mapping[str, int], *, grown: bool) -> list[str]:
    """Return the sensors that are missing on an asset of a type.

    :param grown: also those that appear only once an array reaches their position.
    """
    return [
        name
        for name, spec in sensor_specs(asset_type).items()
        if name not in known and (grown or not spec.quantity.grows)
    ]
