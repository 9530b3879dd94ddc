"""Readings of the log written as beliefs once more, after these were thinned.

They come into the table of this week, as if they were received now. Each step is a transaction
with the readings of one thing in an hour, for which that thing is locked as for a request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.migrations.belief_tables import COLUMNS
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.log import days
from flexmeasures_pms.storage.log.clock import microseconds
from flexmeasures_pms.storage.log.day_rows import DaySamples
from flexmeasures_pms.storage.log.days import FoldedDay
from flexmeasures_pms.storage.log.quarters import LAST_PLACE
from flexmeasures_pms.storage.readings import belief_tables
from flexmeasures_pms.storage.readings.turns import take_turns

_STEP = timedelta(hours=1)
_OF = """
    FROM pms_sample l WHERE l.subject_id = :subject
    AND l.event_time >= :begin AND l.event_time < :end
    AND (:all OR l.subject_id = ANY (:named) OR l.device_id = ANY (:named))"""
_NEXT = f"SELECT min(l.event_time) {_OF}"
_ADD = f"""
    INSERT INTO {{table}} ({COLUMNS})
    SELECT l.event_time, interval '0', 0.5, r.reading, s.id, l.source_id
    FROM (SELECT l.* {_OF}) l
    CROSS JOIN LATERAL unnest(l.readings) WITH ORDINALITY AS r (reading, n)
    JOIN pms_trackable t ON t.id = l.subject_id
    JOIN pms_place p ON p.asset_type = t.kind AND p.place = r.n - 1
    JOIN sensor s ON s.generic_asset_id = t.asset_id AND s.name = p.sensor
    JOIN data_source d ON d.id = l.source_id
    WHERE r.reading <> 'NaN'
      AND (p.place > {LAST_PLACE} OR l.repeats & (1::bigint << p.place) = 0)
      AND NOT EXISTS (
        SELECT FROM timed_belief b WHERE b.event_start = l.event_time AND b.sensor_id = s.id
        AND b.source_id = l.source_id AND b.belief_horizon = interval '0')
    ON CONFLICT DO NOTHING"""  # noqa: S608 - of constants
_SENSORS = """
    SELECT p.place, s.id FROM pms_trackable t
    JOIN pms_place p ON p.asset_type = t.kind
    JOIN sensor s ON s.generic_asset_id = t.asset_id AND s.name = p.sensor
    WHERE t.id = :subject ORDER BY p.place"""
_ADD_FOLDED = f"""
    INSERT INTO {{table}} ({COLUMNS})
    SELECT u.at, interval '0', 0.5, u.value, u.sensor, d.id
    FROM (
      SELECT timestamptz 'epoch' + us * interval '1 microsecond' AS at, sensor, value
      FROM unnest(CAST(:times AS bigint[]), CAST(:sensors AS int[]),
        CAST(:values AS float8[])) AS r (us, sensor, value)
    ) u
    JOIN data_source d ON d.id = :source
    WHERE NOT EXISTS (
      SELECT FROM timed_belief b WHERE b.event_start = u.at AND b.sensor_id = u.sensor
      AND b.source_id = d.id AND b.belief_horizon = interval '0')
    ON CONFLICT DO NOTHING"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class UnpackedPeriod:
    """What is to be unpacked.

    :param named: numbers of things: what is reported by or about them; none for all.
    :param end: not included.
    """

    begin: datetime
    end: datetime
    named: Collection[int]

    def part(self, subject_id: int, begin: datetime, end: datetime) -> dict[str, Any]:
        """Return a part of one thing, for a query."""
        named = list(self.named)
        return {
            "subject": subject_id, "begin": begin, "end": end, "all": not named, "named": named,
        }  # fmt: skip


def subjects(account_id: int) -> list[int]:
    """Return the things of an organisation that may have beliefs."""
    thing = trackable.c
    query = sa.select(thing.id).where(thing.account_id == account_id, thing.asset_id.is_not(None))
    return list(db.session.scalars(query.order_by(thing.id)))


def unpack(account_id: int, subject_id: int, wanted: UnpackedPeriod) -> int:
    """Write as beliefs what the log has of one thing, where they are not there.

    :returns: how many were added.
    """
    # Folded days first: one that is thawed meanwhile is among the hot samples after that.
    added, begin = 0, wanted.begin
    folded = days.folded_days([subject_id], wanted.begin, wanted.end)
    db.session.rollback()
    for day in folded:
        if not wanted.named or {subject_id, day.device_id} & set(wanted.named):
            added += sum(_add_folded(account_id, day, wanted))
    while (first := _next(wanted.part(subject_id, begin, wanted.end))) is not None:
        begin = min(first + _STEP, wanted.end)
        added += _add(account_id, wanted.part(subject_id, first, begin))
    return added


def _next(part: dict[str, Any]) -> datetime | None:
    found: datetime | None = db.session.scalar(sa.text(_NEXT), part)
    db.session.rollback()
    return found


def _add(account_id: int, part: dict[str, Any]) -> int:
    table = _locked(account_id, part["subject"])
    added: Any = db.session.execute(sa.text(_ADD.format(table=table)), part)
    db.session.commit()
    return int(added.rowcount)


def _locked(account_id: int, subject_id: int) -> str:
    """Lock a thing, and return the table that its beliefs go to."""
    now = datetime.now(UTC)
    table = belief_tables.table_of(now)
    belief_tables.make(table)
    take_turns(account_id, [subject_id], now + CLOCK_SKEW)
    return table


def _add_folded(account_id: int, day: FoldedDay, wanted: UnpackedPeriod) -> Iterator[int]:
    """Add what is folded of a thing in a day, hour by hour; ends where it was thawed."""
    samples: DaySamples | None = None
    sensors: dict[int, int] = {}
    first, step = day.begin * 1_000, _STEP // timedelta(microseconds=1)
    for begin in range(first, first + timedelta(days=1) // timedelta(microseconds=1), step):
        table = _locked(account_id, day.subject_id)
        if day not in days.listed([(day.subject_id, day.day)]):
            break
        if samples is None:
            rows = db.session.execute(sa.text(_SENSORS), {"subject": day.subject_id})
            sensors = {row.place: row.id for row in rows}
            samples = days.read_samples(day, list(sensors))
        bounds = (
            max(begin, microseconds(wanted.begin)),
            min(begin + step, microseconds(wanted.end)),
        )
        part = _part(samples, sensors, *np.searchsorted(samples.times, bounds))
        if part["times"]:
            values = part | {"source": day.source_id}
            added: Any = db.session.execute(sa.text(_ADD_FOLDED.format(table=table)), values)
            yield int(added.rowcount)
        db.session.commit()
    db.session.rollback()


def _part(samples: DaySamples, sensors: dict[int, int], first: int, end: int) -> dict[str, Any]:
    """Return what is written of some samples of a day: times [µs], sensors and values."""
    places = np.array(list(sensors), dtype=np.int64)[:, None]
    readings, repeats = samples.readings[:, first:end], samples.repeats[first:end]
    has_bit = places <= LAST_PLACE
    not_written = has_bit & (repeats >> np.minimum(places, LAST_PLACE) & 1 == 1)
    which, when = np.nonzero(~np.isnan(readings) & ~not_written)
    return {
        "times": samples.times[first:end][when].tolist(),
        "sensors": np.array(list(sensors.values()), dtype=np.int64)[which].tolist(),
        "values": readings[which, when].tolist(),
    }
