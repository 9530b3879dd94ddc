"""Folding of days that are over, and deletion of those that are too old.

Each day of a thing is a transaction of its own. A day rests, and is not folded, for a while after
it was thawed for late samples, of which more may come; and for 24 hours after it could not be
folded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.storage.log import rest
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import begin_of, day_of
from flexmeasures_pms.storage.log.day_rows import DaySamples, take_day, write_day
from flexmeasures_pms.storage.log.days import FoldedDay, read_samples, thaw
from flexmeasures_pms.storage.log.levels import MINUTES, write_levels
from flexmeasures_pms.storage.log.lock import lock_thing
from flexmeasures_pms.storage.session import abandon, is_lost

# The first sample of each thing, then the first of each later day: the index has few steps to go.
_HOT = """
    WITH RECURSIVE found (id, at) AS (
      SELECT t.id, s.event_time FROM pms_trackable t
      CROSS JOIN LATERAL (
        SELECT event_time FROM pms_sample WHERE subject_id = t.id AND event_time < %(border)s
        ORDER BY event_time LIMIT 1
      ) s
      UNION ALL
      SELECT f.id, s.event_time FROM found f
      CROSS JOIN LATERAL (
        SELECT event_time FROM pms_sample
        WHERE subject_id = f.id AND event_time < %(border)s
          AND event_time >= date_trunc('day', f.at, 'UTC') + interval '24 hours'
        ORDER BY event_time LIMIT 1
      ) s
    ), hot AS (
      SELECT id, (at AT TIME ZONE 'UTC')::date AS day FROM found
    )
    SELECT id, day FROM hot"""
_FOLDABLE = f"""{_HOT}
    WHERE NOT EXISTS (SELECT FROM pms_day_rest r
      WHERE r.subject_id = id AND r.day = hot.day AND {rest.RESTS})
    ORDER BY day, id"""
_OLD = f"{_HOT} ORDER BY day, id LIMIT %(most)s"
_DELETE = """
    DELETE FROM pms_sample WHERE subject_id = %s
      AND event_time >= %s::timestamp AT TIME ZONE 'UTC'
      AND event_time < (%s::timestamp + interval '24 hours') AT TIME ZONE 'UTC'"""
_FORGET = """
    WITH gone AS (
      DELETE FROM pms_day d USING (
        SELECT o.subject_id, o.day, o.device_id FROM pms_trackable t
        JOIN pms_day o ON o.subject_id = t.id AND o.day < %(first)s LIMIT %(most)s
      ) o
      WHERE d.subject_id = o.subject_id AND d.day = o.day AND d.device_id = o.device_id
      RETURNING d.subject_id, d.day, d.device_id
    ), readings AS (
      DELETE FROM pms_day_reading r USING gone g
      WHERE r.subject_id = g.subject_id AND r.day = g.day AND r.device_id = g.device_id
    ), levels AS (
      DELETE FROM pms_level l USING gone g
      WHERE l.subject_id = g.subject_id AND l.minutes = ANY (%(minutes)s) AND l.day = g.day
        AND l.device_id = g.device_id
    )
    SELECT count(*) FROM gone"""


WAIT = timedelta(hours=2)
"""How long after its end a day is folded: what gateways send late is still hot."""


class CantFold(PmsError):
    """A day whose samples have to stay rows."""


def fold(subject_id: int, day: date) -> int:
    """Fold a day of a thing, and return how many samples it has; the caller commits.

    What is folded is read again, and compared to the last bit, before that.

    :raises CantFold: nothing may be committed.
    """
    lock_thing(subject_id)
    thaw(subject_id, [day])
    by_device = take_day(subject_id, day)
    for samples in by_device:
        _fold(subject_id, day, samples)
    return sum(len(samples.times) for samples in by_device)


def _fold(subject_id: int, day: date, samples: DaySamples) -> None:
    times, odd = np.divmod(samples.times, 1000)
    if odd.any() or np.unique(samples.sources).size > 1:
        raise CantFold(
            "Its samples stay rows: their times are not whole milliseconds, or its device had two "
            "sources."
        )
    places = np.flatnonzero(~np.isnan(samples.readings).all(axis=1)).tolist() or [0]
    kept = replace(samples, readings=samples.readings[places])
    source = int(samples.sources[0])
    chunk = Chunk(subject_id, samples.device_id, source, times, kept.readings)
    day_row = FoldedDay(
        subject_id, day, samples.device_id, source, len(times), int(times[-1] - begin_of(day)), 0
    )
    write_day(subject_id, day, kept, places)
    write_levels(chunk, day, places)
    if not read_samples(day_row, places).is_same(kept):
        raise CantFold("What was folded is not what it was.")


def foldable(now: datetime) -> list[tuple[int, date]]:
    """Return the days of things that are over, have hot samples and do not rest, in order."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_FOLDABLE, {"border": _midnight(day_of(now - WAIT))})
    return list(cursor)


@dataclass(frozen=True, slots=True)
class Folded:
    """What was folded.

    :param days: of things.
    :param kept: days that could not be folded: their samples stay rows.
    :param left: days that are still to be folded.
    """

    days: int
    samples: int
    kept: int
    left: int


def fold_all(now: datetime, stop: Callable[[], bool] = lambda: False) -> Folded:
    """Fold what is over, each day of a thing in a transaction of its own.

    One that can't be folded is tried again after 24 hours, and keeps no others from being folded.

    :param stop: is asked before each whether to end.
    """
    rest.forget_rested()
    days = foldable(now)
    db.session.commit()
    folded: list[int] = []
    seen = kept = 0
    for subject_id, day in days:
        if stop():
            break
        seen += 1
        if rest.is_resting(subject_id, day):
            db.session.commit()  # it was thawed since the days were listed
        elif (samples := _fold_or_rest(subject_id, day)) is None:
            kept += 1
        else:
            folded.append(samples)
    return Folded(len(folded), sum(folded), kept, len(days) - seen)


def _fold_or_rest(subject_id: int, day: date) -> int | None:
    """Fold a day, and return how many samples it has; None if it can't be folded; commits."""
    try:
        samples = fold(subject_id, day)
    except Exception as error:
        abandon()
        if is_lost(error):
            raise
        current_app.logger.warning(
            "Thing %s on %s can't be folded, and is tried again in 24 hours: %s",
            subject_id, day, error, exc_info=None if isinstance(error, CantFold) else error,
        )  # fmt: skip
        rest.rest(subject_id, day, rest.LONGEST, str(error))
        samples = None
    db.session.commit()
    return samples


def forget_days(now: datetime, days: int, most: int) -> int:
    """Delete days that are older than some, folded or not, and return how many; commits.

    :param most: of each kind.
    """
    cursor = db.session.connection().connection.cursor()
    first = day_of(now) - timedelta(days=days)
    cursor.execute(_FORGET, {"first": first, "minutes": list(MINUTES), "most": most})
    (folded,) = cursor.fetchone()
    cursor.execute(_OLD, {"border": _midnight(first), "most": most})
    hot = list(cursor)
    db.session.commit()
    for subject_id, day in hot:
        lock_thing(subject_id)
        db.session.connection().connection.cursor().execute(_DELETE, (subject_id, day, day))
        db.session.commit()
    return int(folded) + len(hot)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
