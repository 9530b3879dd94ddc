"""Folded days of the log: a row for each quantity instead of one for each sample.

A day of a thing is folded when it is over. What adds to it later, or takes from it, thaws it
first: its samples are rows of ``pms_sample`` again, until it is folded the next time. So whoever
writes has only these to deal with. All of it is done while the thing is locked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from flask import current_app
from flexmeasures.data import db
from psycopg2.errors import UniqueViolation

from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import begin_of, day_of, milliseconds
from flexmeasures_pms.storage.log.day_rows import DaySamples, numbers_of, take_day, write_day
from flexmeasures_pms.storage.log.levels import MINUTES, write_levels
from flexmeasures_pms.storage.log.lock import lock_thing
from flexmeasures_pms.storage.log.whole_numbers import unfold

_AT_ONCE = 96
"""Days times places that are read with one query: some megabytes."""

_LISTED = """
    SELECT subject_id, day, device_id, source_id, samples, last, xmin::text::bigint FROM pms_day
    WHERE subject_id = ANY (%s::int[]) AND day BETWEEN %s AND %s
    ORDER BY subject_id, day, device_id"""
_LISTED_BY_KEY = """
    SELECT d.subject_id, d.day, d.device_id, d.source_id, d.samples, d.last, d.xmin::text::bigint
    FROM unnest(%s::int[], %s::date[]) AS k (subject, day)
    JOIN pms_day d ON d.subject_id = k.subject AND d.day = k.day"""
_GAPS = """
    SELECT k.n, d.gaps
    FROM unnest(%s::int[], %s::date[], %s::int[]) WITH ORDINALITY AS k (subject, day, device, n)
    JOIN pms_day d ON d.subject_id = k.subject AND d.day = k.day AND d.device_id = k.device"""
_READINGS = """
    SELECT k.n, r.place, r.decimals, r.small, r.numbers, r.doubles
    FROM unnest(%s::int[], %s::date[], %s::int[]) WITH ORDINALITY AS k (subject, day, device, n)
    JOIN pms_day_reading r
      ON r.subject_id = k.subject AND r.day = k.day AND r.device_id = k.device
    WHERE r.place = ANY (%s::int[])"""
_BESIDES = """
    SELECT repeats, boards FROM pms_day WHERE subject_id = %s AND day = %s AND device_id = %s"""
# The first sample of each thing, then the first of each later day: the index has few steps to go.
_FOLDABLE = """
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
    )
    SELECT id, (at AT TIME ZONE 'UTC')::date AS day FROM found ORDER BY day, id"""
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


class FoldedDay(NamedTuple):
    """A day of a thing, by a device, that is folded.

    :param last: time of its last sample [ms of the day].
    :param version: another one if it was thawed and folded again meanwhile.
    """

    subject_id: int
    day: date
    device_id: int
    source_id: int
    samples: int
    last: int
    version: int

    @property
    def begin(self) -> int:
        """When the day begins [ms since 1970-01-01 UTC]."""
        return begin_of(self.day)


def folded_days(subject_ids: Collection[int], begin: datetime, end: datetime) -> list[FoldedDay]:
    """Return the folded days of some things that a period touches, in order.

    Who reads hot samples and folded days one after the other compares this before and after: a
    day may be folded, or thawed, in between.

    :param end: not included.
    """
    cursor = db.session.connection().connection.cursor()
    last = day_of(end - timedelta(microseconds=1))
    cursor.execute(_LISTED, (array(subject_ids), day_of(begin), last))
    return [FoldedDay(*row) for row in cursor]


def listed(keys: Collection[tuple[int, date]]) -> list[FoldedDay]:
    """Return those of some days of things that are folded."""
    if not keys:
        return []
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_LISTED_BY_KEY, [array(column) for column in zip(*keys, strict=True)])
    return [FoldedDay(*row) for row in cursor]


def read_days(
    subject_ids: Collection[int], begin: datetime, end: datetime, places: Sequence[int]
) -> Iterator[Chunk]:
    """Yield what is folded of some things in a period: by thing, day and device.

    A day may have hot samples besides. Few days are in memory at a time.

    :param end: not included.
    :param places: of the readings that are wanted.
    """
    first, until = milliseconds(begin), milliseconds(end)
    for chunk in read_folded(folded_days(subject_ids, begin, end), places):
        inside = slice(*np.searchsorted(chunk.times, [first, until]))
        if inside.start < inside.stop:
            yield Chunk(
                chunk.subject_id, chunk.device_id, chunk.source_id,
                chunk.times[inside], chunk.readings[:, inside],
            )  # fmt: skip


def read_folded(days: Sequence[FoldedDay], places: Sequence[int]) -> Iterator[Chunk]:
    """Yield folded days whole; one that was thawed meanwhile is left out."""
    step = max(1, _AT_ONCE // max(1, len(places)))
    for start in range(0, len(days), step):
        yield from _read(days[start : start + step], places)


def _read(days: Sequence[FoldedDay], places: Sequence[int]) -> Iterator[Chunk]:
    keys = [array(column) for column in list(zip(*days, strict=True))[:3]]
    times: dict[int, npt.NDArray[np.int64]] = {}
    for number, gaps in binary.rows(binary.copied(_GAPS, keys)):
        if number and gaps:
            n = binary.whole(number) - 1
            times[n] = days[n].begin + np.cumsum(binary.integers(gaps, 4), dtype=np.int64)
    readings = {n: np.full((len(places), len(found)), np.nan) for n, found in times.items()}
    positions = {place: n for n, place in enumerate(places)}
    for number, place, *numbers in binary.rows(binary.copied(_READINGS, [*keys, array(places)])):
        n = binary.whole(number or b"") - 1
        if n in readings:
            readings[n][positions[binary.whole(place or b"")]] = unfold(numbers_of(*numbers))
    for n, found in times.items():
        day = days[n]
        yield Chunk(day.subject_id, day.device_id, day.source_id, found, readings[n])


def read_samples(day: FoldedDay, places: Sequence[int]) -> DaySamples:
    """Return a folded day with all that its samples had; the caller has locked the thing."""
    (chunk,) = read_folded([day], places)
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_BESIDES, day[:3])
    ((repeats, boards),) = cursor
    none = np.zeros(len(chunk.times), dtype=np.int64)
    return DaySamples(
        day.device_id,
        none + day.source_id,
        none if boards is None else np.array(boards),
        chunk.times * 1000,
        none if repeats is None else np.array(repeats),
        chunk.readings,
    )


class CantFold(PmsError):
    """A day whose samples have to stay rows."""


def thaw(subject_id: int, days: Collection[date]) -> None:
    """Make samples of some days again, those that are folded; the caller has locked the thing."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute("SELECT pms_thaw(%s, %s::date[])", (subject_id, array(days)))


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
            f"The samples of thing {subject_id} on {day} stay rows: their times are not whole "
            "milliseconds, or its device had two sources."
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
        raise CantFold(f"What was folded of thing {subject_id} on {day} is not what it was.")


def foldable(now: datetime) -> list[tuple[int, date]]:
    """Return the days of things that are over, and have hot samples: the earliest first."""
    cursor = db.session.connection().connection.cursor()
    border = datetime.combine(day_of(now - WAIT), time(), UTC)
    cursor.execute(_FOLDABLE, {"border": border})
    return list(cursor)


@dataclass(frozen=True, slots=True)
class Folded:
    """What was folded.

    :param days: of things.
    :param kept: days whose samples stay rows.
    :param left: days that are still to be folded.
    """

    days: int
    samples: int
    kept: int
    left: int


def fold_all(now: datetime, stop: Callable[[], bool] = lambda: False) -> Folded:
    """Fold what is over, each day of a thing in a transaction of its own.

    :param stop: is asked before each whether to end.
    """
    days = foldable(now)
    db.session.commit()
    folded = samples = kept = 0
    for subject_id, day in days:
        if stop():
            break
        try:
            samples += fold(subject_id, day)
        except (CantFold, UniqueViolation) as error:
            db.session.rollback()
            current_app.logger.warning("%s", error)
            kept += 1
        else:
            db.session.commit()
            folded += 1
    return Folded(folded, samples, kept, len(days) - folded - kept)


def forget_days(now: datetime, days: int, most: int) -> int:
    """Delete folded days that are older than some, and return how many of things; commits."""
    cursor = db.session.connection().connection.cursor()
    first = day_of(now) - timedelta(days=days)
    cursor.execute(_FORGET, {"first": first, "minutes": list(MINUTES), "most": most})
    (count,) = cursor.fetchone()
    db.session.commit()
    return int(count)
