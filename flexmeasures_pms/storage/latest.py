"""The latest reading of each case, MPPT, inverter and cabinet: one row each.

Written in the transaction of the beliefs. It never moves backwards in time: late
readings change nothing, and a second part of the same reading is added to the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flexmeasures.data import db
from sqlalchemy import delete, select
from sqlalchemy.engine import Row

from flexmeasures_pms.storage.tables import latest

_KEEP = """
    INSERT INTO pms_latest AS l (trackable_id, event_time, device_id, readings)
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::jsonb[])
    ON CONFLICT (trackable_id) DO UPDATE SET
      event_time = excluded.event_time,
      device_id = excluded.device_id,
      readings = CASE WHEN excluded.event_time > l.event_time THEN excluded.readings
                      ELSE l.readings || excluded.readings END
    WHERE excluded.event_time > l.event_time
       OR (excluded.event_time = l.event_time AND excluded.device_id = l.device_id)"""

# Decimals are written as they are: none of them is a float that JSON would write otherwise.
_REBUILD = """
    INSERT INTO pms_latest (trackable_id, event_time, device_id, readings)
    SELECT t.id, b.event_start, d.id, jsonb_object_agg(s.name, b.event_value)
    FROM pms_trackable t
    JOIN sensor s ON s.generic_asset_id = t.asset_id
    JOIN LATERAL (
      SELECT max(newest.event_start) AS moment
      FROM sensor other
      JOIN LATERAL (
        SELECT event_start FROM timed_belief
        WHERE sensor_id = other.id ORDER BY event_start DESC LIMIT 1
      ) newest ON true
      WHERE other.generic_asset_id = t.asset_id
    ) last ON true
    JOIN timed_belief b ON b.sensor_id = s.id AND b.event_start = last.moment
    JOIN data_source c ON c.id = b.source_id AND c.type = 'gateway'
    JOIN pms_trackable d
      ON d.account_id = t.account_id AND d.kind = c.model AND d.ident = c.name
    WHERE t.id = ANY (%s::bigint[])
    GROUP BY t.id, b.event_start, d.id
    ORDER BY t.id, d.id
    ON CONFLICT (trackable_id) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read of one thing at one moment.

    :param trackable_id: the case, MPPT, inverter or cabinet (or PMS) it is of.
    :param device_id: the PMS, MPPT or inverter that reported.
    :param readings: value by sensor name.
    """

    trackable_id: int
    time: datetime
    device_id: int
    readings: Mapping[str, Decimal | int]


def keep_latest(readings: Iterable[Reading]) -> None:
    """Keep the newest of some readings, in one order for all writers."""
    newest: dict[int, Reading] = {}
    for reading in readings:
        known = newest.get(reading.trackable_id)
        if known is None or reading.time > known.time:
            newest[reading.trackable_id] = reading
        elif (reading.time, reading.device_id) == (known.time, known.device_id):
            together = {**known.readings, **reading.readings}
            newest[reading.trackable_id] = Reading(
                known.trackable_id, known.time, known.device_id, together
            )
    if newest:
        rows = (newest[trackable_id] for trackable_id in sorted(newest))
        columns = zip(*((r.trackable_id, r.time, r.device_id, _json(r)) for r in rows), strict=True)
        cursor = db.session.connection().connection.cursor()
        cursor.execute(_KEEP, [list(column) for column in columns])


def _json(reading: Reading) -> str:
    # Sensor names are the catalogue's: there is nothing in them to be escaped.
    return "{" + ",".join(f'"{name}":{value}' for name, value in reading.readings.items()) + "}"


def forget_latest(trackable_ids: Collection[int]) -> None:
    """Forget the latest readings of some things: their beliefs are gone."""
    if trackable_ids:
        db.session.execute(delete(latest).where(latest.c.trackable_id.in_(trackable_ids)))


def rebuild(trackable_ids: Collection[int]) -> None:
    """Read the latest readings of some things anew from their beliefs."""
    if trackable_ids:
        forget_latest(trackable_ids)
        cursor = db.session.connection().connection.cursor()
        cursor.execute(_REBUILD, [list(trackable_ids)])


def latest_of(trackable_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Return the latest readings of some things by their number, in one query."""
    rows = db.session.execute(select(latest).where(latest.c.trackable_id.in_(trackable_ids)))
    return {row.trackable_id: row for row in rows}
