"""Readings that are ahead of the clock, beside the latest readings until their time has come.

A gateway whose clock is ahead must not hide what is measured now. So a reading of the future is
stored, but it is not the latest. All of it is written, as nothing before it is known for good:
it repeats no reading. It becomes the latest with the first write to its thing after its time.
A thing that has readings here but no latest reading has no other readings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
from flexmeasures.data import db
from sqlalchemy import delete

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.readings.blocks import BeliefValue, Block
from flexmeasures_pms.storage.tables import ahead

_KEEP = """
    INSERT INTO pms_ahead AS a (trackable_id, event_time, device_id, readings)
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::jsonb[])
    ON CONFLICT (trackable_id, event_time, device_id)
      DO UPDATE SET readings = a.readings || excluded.readings"""
# The row in ``pms_latest`` is the lock: all that is known of a thing is read from it.
_MARK = """
    UPDATE pms_latest l SET has_ahead = n.has_ahead
    FROM (
      SELECT id, EXISTS (SELECT FROM pms_ahead WHERE trackable_id = id) AS has_ahead
      FROM unnest(%s::bigint[]) AS u (id)
    ) n
    WHERE l.trackable_id = n.id AND l.has_ahead <> n.has_ahead"""
_WITH_AHEAD = """
    SELECT id FROM unnest(%s::bigint[]) AS n (id)
    WHERE EXISTS (SELECT FROM pms_ahead WHERE trackable_id = id)"""
_SET_ASIDE = """
    INSERT INTO pms_ahead AS a (trackable_id, event_time, device_id, readings)
    SELECT trackable_id, event_time, device_id, readings FROM pms_latest
    WHERE trackable_id = ANY (%s::bigint[])
    ON CONFLICT (trackable_id, event_time, device_id)
      DO UPDATE SET readings = a.readings || excluded.readings"""
# Of two devices that reported one moment, the first registered is taken, as for beliefs.
# Readings after it are written rather than compared with a value that was written before it.
_BECOME_LATEST = """
    WITH due AS (
      DELETE FROM pms_ahead WHERE trackable_id = ANY (%s::bigint[]) AND event_time <= %s
      RETURNING *
    ), became AS (
      INSERT INTO pms_latest AS l (trackable_id, event_time, device_id, readings)
      SELECT DISTINCT ON (trackable_id) trackable_id, event_time, device_id, readings FROM due
      ORDER BY trackable_id, event_time DESC, device_id
      ON CONFLICT (trackable_id) DO UPDATE SET
        event_time = excluded.event_time, device_id = excluded.device_id,
        readings = excluded.readings, recorded = NULL
      WHERE l.event_time < excluded.event_time
    )
    SELECT DISTINCT trackable_id FROM due"""

_encoder = msgspec.json.Encoder(decimal_format="number")


def keep_ahead(blocks: Iterable[Block]) -> None:
    """Keep readings that were stored and are ahead of the clock."""
    merged: dict[tuple[int, datetime, int], dict[str, BeliefValue]] = {}
    for block in blocks:
        key = block.subject_id, block.time, block.device_id
        merged.setdefault(key, {}).update(block.values)
    if merged:
        rows = [(*key, _encoder.encode(values).decode()) for key, values in merged.items()]
        _execute(_KEEP, *map(list, zip(*rows, strict=True)))
        _execute(_MARK, array({subject for subject, _, _ in merged}))


def make_latest(trackable_ids: Collection[int], until: datetime) -> set[int]:
    """Make the newest reading whose time has come the latest of its thing.

    :returns: the things that had such readings.
    """
    due = {row[0] for row in _execute(_BECOME_LATEST, array(trackable_ids), until)}
    if due:
        _execute(_MARK, array(due))
    return due


def with_ahead(trackable_ids: Collection[int]) -> set[int]:
    """Return which of some things have readings that are ahead of the clock."""
    return {row[0] for row in _execute(_WITH_AHEAD, array(trackable_ids))}


def set_aside(trackable_ids: Collection[int]) -> None:
    """Keep the latest readings of some things as readings that are ahead of the clock."""
    _execute(_SET_ASIDE, array(trackable_ids))


def drop_ahead(trackable_id: int, device_id: int, times: Collection[datetime]) -> None:
    """Drop a thing's readings by a device of some times: they are moved."""
    c = ahead.c
    key = c.trackable_id == trackable_id, c.device_id == device_id, c.event_time.in_(times)
    db.session.execute(delete(ahead).where(*key))


def forget_ahead(trackable_ids: Collection[int]) -> None:
    """Drop all readings of some things: their beliefs are deleted."""
    if trackable_ids:
        db.session.execute(delete(ahead).where(ahead.c.trackable_id.in_(trackable_ids)))


def _execute(statement: str, *values: Any) -> Any:
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, values)
    return cursor
