"""Readings that were received and not written, because they repeat the previous one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from threading import Lock
from weakref import WeakSet

from flexmeasures.data import db
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import SessionTransaction

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.readings.newest import Bits
from flexmeasures_pms.storage.session import forgets_after_failure
from flexmeasures_pms.storage.tables import repeat, repeat_bit

SampleKey = tuple[int, datetime, int]
"""(subject, event time, source)."""

MOST_BITS = 63
"""As many as a PostgreSQL bigint has without its sign. Further sensors are always written."""

_KEEP = """
    INSERT INTO pms_repeat AS r (subject_id, event_time, source_id, mask)
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::bigint[])
    ON CONFLICT (subject_id, source_id, event_time) DO UPDATE SET mask = r.mask | excluded.mask"""

_remembered: dict[str, dict[str, int]] = {}
_lock = Lock()  # a worker has several threads
# Transactions that have assigned bits: they may be rolled back, and another gets the bits.
_assigning: WeakSet[SessionTransaction | None] = WeakSet()


def keep_repeats(masks: Mapping[SampleKey, int]) -> None:
    """Record which readings were not written, as a mask for each moment."""
    if masks:
        rows = ((*moment, mask) for moment, mask in masks.items())
        columns = [array(column) for column in zip(*rows, strict=True)]
        db.session.connection().connection.cursor().execute(_KEEP, columns)


def drop_repeats(subject_id: int, source_id: int, times: Iterable[datetime]) -> None:
    """Delete the masks of some moments: their readings are moved."""
    c = repeat.c
    key = tuple_(c.subject_id, c.source_id, c.event_time)
    keys = [(subject_id, source_id, time) for time in times]
    db.session.execute(delete(repeat).where(key.in_(keys)))


def forget_repeats(subject_ids: Collection[int]) -> None:
    """Delete all masks of some things: their beliefs are deleted."""
    if subject_ids:
        db.session.execute(delete(repeat).where(repeat.c.subject_id.in_(subject_ids)))


def bits_of(asset_type: str, names: Collection[str]) -> Bits:
    """Return the mask of each sensor of an asset type that has one, giving some to ``names``."""
    with _lock:
        known = _remembered.get(asset_type, {})
    if not known.keys() >= set(names) and len(known) < MOST_BITS:
        known = _look_up(asset_type, names)
        if db.session().get_transaction() not in _assigning:
            with _lock:
                _remembered[asset_type] = known
    return known


@forgets_after_failure
def forget_bits() -> None:
    """Empty the cache of bits."""
    with _lock:
        _remembered.clear()


def _look_up(asset_type: str, names: Collection[str]) -> dict[str, int]:
    found = _stored(asset_type)
    if lacking := sorted(set(names) - found.keys()):
        # A lock, because two processes would assign the same bits.
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("pms_repeat_bit"))))
        found = _stored(asset_type)
        lacking = [name for name in lacking if name not in found]
        free = range(len(found), MOST_BITS)
        new = dict(zip(lacking, free, strict=False))
        rows = [{"asset_type": asset_type, "sensor": n, "bit": b} for n, b in new.items()]
        if rows:
            db.session.execute(insert(repeat_bit), rows)
            _assigning.add(db.session().get_transaction())
        found |= new
    return {name: 1 << bit for name, bit in found.items()}


def _stored(asset_type: str) -> dict[str, int]:
    query = select(repeat_bit.c.sensor, repeat_bit.c.bit)
    rows = db.session.execute(query.where(repeat_bit.c.asset_type == asset_type))
    return {row.sensor: row.bit for row in rows}
