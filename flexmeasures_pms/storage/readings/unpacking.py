"""Readings of the log written as beliefs once more, after these were thinned.

They come into the table of this week, as if they were received now. Each step is a transaction
with the readings of one thing in an hour, for which that thing is locked as for a request.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.migrations.belief_tables import COLUMNS
from flexmeasures_pms.registry.tables import trackable
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


@dataclass(frozen=True, slots=True)
class Wanted:
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


def unpack(account_id: int, subject_id: int, wanted: Wanted) -> int:
    """Write as beliefs what the log has of one thing, where they are not there.

    :returns: how many were added.
    """
    added, begin = 0, wanted.begin
    while (first := _next(wanted.part(subject_id, begin, wanted.end))) is not None:
        begin = min(first + _STEP, wanted.end)
        added += _add(account_id, wanted.part(subject_id, first, begin))
    return added


def _next(part: dict[str, Any]) -> datetime | None:
    found: datetime | None = db.session.scalar(sa.text(_NEXT), part)
    db.session.rollback()
    return found


def _add(account_id: int, part: dict[str, Any]) -> int:
    now = datetime.now(UTC)
    table = belief_tables.table_of(now)
    belief_tables.make(table)
    take_turns(account_id, [part["subject"]], now + CLOCK_SKEW)
    added: Any = db.session.execute(sa.text(_ADD.format(table=table)), part)
    db.session.commit()
    return int(added.rowcount)
