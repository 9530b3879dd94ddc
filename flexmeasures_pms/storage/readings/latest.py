"""The latest reading of each case, cabinet and device: one row each.

Written in the transaction of the beliefs. It never moves backwards in time: late readings
change nothing, those ahead of the clock are in the log alone until their time has come, and a
second part of the same reading is added to the first. The row is also the lock for writers of
one asset's readings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from flexmeasures.data import db
from sqlalchemy import delete, select
from sqlalchemy.engine import Row

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.quarters import quarter_of
from flexmeasures_pms.storage.readings.newest import Last, Newest
from flexmeasures_pms.storage.tables import latest

_LOCK = """
    SELECT trackable_id, event_time, device_id, recorded::text,
      (SELECT json_object_agg(quantity, deadband) FROM pms_recording r
       WHERE r.trackable_id = l.trackable_id)::text,
      has_ahead
    FROM pms_latest l
    WHERE trackable_id = ANY (%s::bigint[]) ORDER BY trackable_id FOR UPDATE"""
_KEEP = """
    UPDATE pms_latest AS l SET
      event_time = n.event_time,
      device_id = n.device_id,
      readings = COALESCE(n.readings, l.readings),
      recorded = COALESCE(n.recorded, l.recorded),
      has_ahead = n.has_ahead
    FROM unnest(
        %s::bigint[], %s::timestamptz[], %s::bigint[], %s::jsonb[], %s::json[], %s::boolean[])
      AS n (id, event_time, device_id, readings, recorded, has_ahead)
    WHERE l.trackable_id = n.id
    RETURNING l.trackable_id"""
_ADD = """
    INSERT INTO pms_latest (trackable_id, event_time, device_id, readings, recorded, has_ahead)
    SELECT id, event_time, device_id, COALESCE(readings, '{}'), recorded, has_ahead FROM unnest(
        %s::bigint[], %s::timestamptz[], %s::bigint[], %s::jsonb[], %s::json[], %s::boolean[])
      AS n (id, event_time, device_id, readings, recorded, has_ahead)"""

_written = msgspec.json.Decoder(dict[str, tuple[Decimal, int]])
_MILLISECOND = timedelta(milliseconds=1)
_encoder = msgspec.json.Encoder(decimal_format="number")
_policies = msgspec.json.Decoder(dict[str, Decimal | None])


def locked(trackable_ids: Collection[int], *, first: str = "") -> dict[int, Newest]:
    """Return the newest readings of those things that have a row, and lock these rows.

    All writers lock them in one order.

    :param first: a statement to be sent before, in the same message.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute(first + _LOCK, [array(trackable_ids)])
    return {row[0]: _newest(*row[1:]) for row in cursor}


def _newest(
    time: datetime, device: int, recorded: str | None, policies: str | None, has_ahead: bool
) -> Newest:
    time = time.astimezone(UTC)
    quarter = quarter_of(time)
    stored = _recorded(recorded, quarter) if recorded else {}
    return Newest(
        time,
        device,
        dict(stored),
        policies=tuple(_policies.decode(policies).items()) if policies else (),
        has_ahead=has_ahead,
        stored=(quarter, stored),
    )


def keep_latest(newest: Mapping[int, Newest]) -> None:
    """Keep the newest readings of things that this transaction has locked."""
    if not newest:
        return
    rows = [
        (n, s.time, s.device_id, _json(s.readings), _recorded_json(s), s.has_ahead)
        for n, s in newest.items()
    ]
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_KEEP, _columns(rows))
    if cursor.rowcount < len(rows):
        there = {row[0] for row in cursor}
        cursor.execute(_ADD, _columns([row for row in rows if row[0] not in there]))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


# What was written last changes once in a while, and is the same in most requests: it is neither
# read nor written again then, of which a thing has up to 42 values.
@lru_cache(maxsize=1024)
def _recorded(text: str, quarter: datetime) -> Mapping[str, Last]:
    """Read the last written values, each with its time in the quarter of an hour [ms]."""
    return {
        name: (value, quarter + timedelta(milliseconds=at))
        for name, (value, at) in _written.decode(text).items()
    }


def _recorded_json(newest: Newest) -> str | None:
    """Return the values that were written last in this quarter of an hour, with their times.

    :returns: None if they are what the database has.
    """
    if newest.time is None:
        return "{}"
    quarter = quarter_of(newest.time)
    if newest.stored == (quarter, newest.recorded):
        return None
    recorded = {
        name: (value, (time - quarter) // _MILLISECOND)
        for name, (value, time) in newest.recorded.items()
        if time >= quarter
    }
    return _encoder.encode(recorded).decode()


def _json(values: Mapping[str, object]) -> str | None:
    return _encoder.encode(values).decode() if values else None


def forget_latest(trackable_ids: Collection[int]) -> None:
    """Delete the latest readings of some things: their beliefs are deleted."""
    if trackable_ids:
        number = latest.c.trackable_id
        in_order = select(number).where(number.in_(trackable_ids)).order_by(number)
        db.session.execute(delete(latest).where(number.in_(in_order.with_for_update())))


def latest_of(trackable_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Return the latest readings of some things by their number, in one query."""
    rows = db.session.execute(select(latest).where(latest.c.trackable_id.in_(trackable_ids)))
    return {row.trackable_id: row for row in rows}


def newest_times(trackable_ids: Collection[int]) -> dict[int, datetime]:
    """Return the times of the newest readings of those things that have any."""
    query = select(latest.c.trackable_id, latest.c.event_time)
    rows = db.session.execute(query.where(latest.c.trackable_id.in_(trackable_ids)))
    return {number: time.astimezone(UTC) for number, time in rows}
