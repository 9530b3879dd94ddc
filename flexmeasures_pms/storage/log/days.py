"""Folded days of the log: a row for each quantity instead of one for each sample.

A day of a thing is folded when it is over (``folding.py``). What adds to it later, or takes from
it, thaws it first: its samples are rows of ``pms_sample`` again, until it is folded the next time.
So whoever writes has only these to deal with. All of it is done while the thing is locked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import begin_of, day_of, milliseconds
from flexmeasures_pms.storage.log.day_rows import DaySamples, numbers_of
from flexmeasures_pms.storage.log.whole_numbers import part_of, unfold

_AT_ONCE = 96
"""Days times places that are read with one query: some megabytes. More where parts of days are."""

_SHORTEST = timedelta(hours=1)
"""A shorter part counts as one: the times of the whole day are read as well."""

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
# An array ends where its part does, whatever is asked of it.
_READINGS = f"""
    SELECT k.n, r.place, greatest(r.first - k.first, 0), r.decimals, r.small[p.first:p.last],
      r.numbers[p.first:p.last], r.doubles[p.first:p.last]
    FROM (
      SELECT *, {part_of("u.first", "u.subject, u.day, u.device")} AS part
      FROM unnest(%s::int[], %s::date[], %s::int[], %s::int[], %s::int[])
        WITH ORDINALITY AS u (subject, day, device, first, last, n)
      WHERE first <= last
    ) k
    JOIN pms_day_reading r ON r.subject_id = k.subject AND r.day = k.day
      AND r.device_id = k.device AND r.first BETWEEN k.part AND k.last
    CROSS JOIN LATERAL (
      SELECT greatest(k.first - r.first, 0) + 1 AS first, k.last - r.first + 1 AS last
    ) p
    WHERE r.place = ANY (%s::int[])"""  # noqa: S608 - of constants
_BESIDES = """
    SELECT repeats, boards FROM pms_day WHERE subject_id = %s AND day = %s AND device_id = %s"""


Part = Callable[[npt.NDArray[np.int64]], slice]
"""Chooses samples of a day by their times [ms since 1970-01-01 UTC]."""


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
    subject_ids: Collection[int],
    begin: datetime,
    end: datetime,
    places: Sequence[int],
    part: Part | None = None,
) -> Iterator[Chunk]:
    """Yield what is folded of some things in a period: by thing, day and device.

    A day may have hot samples besides. Few days are in memory at a time.

    :param end: not included.
    :param places: of the readings that are wanted.
    :param part: which samples of a day are wanted of these; by default all in the period.
    """
    bounds = milliseconds(begin), milliseconds(end)
    part = part or (lambda times: slice(*np.searchsorted(times, bounds)))
    share = min(max(end - begin, _SHORTEST) / timedelta(days=1), 1)
    for chunk in _in_steps(folded_days(subject_ids, begin, end), places, share, part):
        if len(chunk.times):
            yield chunk


def read_folded(days: Sequence[FoldedDay], places: Sequence[int]) -> Iterator[Chunk]:
    """Yield folded days whole; one that was thawed meanwhile is left out."""
    yield from _in_steps(days, places, 1, lambda times: slice(0, len(times)))


def _in_steps(
    days: Sequence[FoldedDay], places: Sequence[int], share: float, part: Part
) -> Iterator[Chunk]:
    step = max(1, int(_AT_ONCE / (max(1, len(places)) * share)))
    for start in range(0, len(days), step):
        yield from _read(days[start : start + step], places, part)


def _read(days: Sequence[FoldedDay], places: Sequence[int], part: Part) -> Iterator[Chunk]:
    keys = [array(column) for column in list(zip(*days, strict=True))[:3]]
    times: dict[int, npt.NDArray[np.int64]] = {}
    firsts, lasts = [1] * len(days), [0] * len(days)
    for number, gaps in binary.rows(binary.copied(_GAPS, keys)):
        if number and gaps:
            n = binary.whole(number) - 1
            found = days[n].begin + np.cumsum(binary.integers(gaps, 4), dtype=np.int64)
            wanted = part(found)
            times[n] = found[wanted]
            firsts[n], lasts[n] = int(wanted.start) + 1, int(wanted.stop)
    readings = {n: np.full((len(places), len(found)), np.nan) for n, found in times.items()}
    positions = {place: n for n, place in enumerate(places)}
    slices = [*keys, array(firsts), array(lasts), array(places)]
    for row in binary.rows(binary.copied(_READINGS, slices)):
        k, place, begin = (binary.whole(field or b"") for field in row[:3])
        if (n := k - 1) in readings:
            some = unfold(numbers_of(*row[3:]))
            readings[n][positions[place], begin : begin + len(some)] = some
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


def thaw(subject_id: int, days: Collection[date]) -> None:
    """Make samples of some days again, those that are folded; the caller has locked the thing."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute("SELECT pms_thaw(%s, %s::date[])", (subject_id, array(days)))
