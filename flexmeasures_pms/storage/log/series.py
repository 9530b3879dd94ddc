"""What things read in the past: the one reader of the log, for pages, the API and exports.

A thing's day is either hot, in rows of ``pms_sample``, or folded. What is read of it is the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from flexmeasures_pms.storage.log import hot_rows
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.columns import Columns, columns_of, grain_of, joined

DAY = timedelta(days=1)
_UNIX, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Readable:
    """What may be read of a thing.

    :param devices: what these reported; None for all.
    :param periods: in these, each until before its end; None for always.
    """

    devices: Collection[int] | None = None
    periods: Sequence[tuple[datetime, datetime]] | None = None

    def of(self, chunk: Chunk) -> Chunk | None:
        """Return the samples of a run that may be read, if any."""
        if self.devices is not None and chunk.device_id not in self.devices:
            return None
        if self.periods is None:
            return chunk
        inside = np.zeros(len(chunk.times), dtype=bool)
        for begin, end in self.periods:
            inside |= (chunk.times >= _ceil(begin)) & (chunk.times < _ceil(end))
        if not inside.any():
            return None
        return replace(chunk, times=chunk.times[inside], readings=chunk.readings[:, inside])


ALL = Readable()


def chunks(
    subject_ids: Collection[int], begin: datetime, end: datetime, places: Sequence[int]
) -> Iterator[Chunk]:
    """Yield the samples of some things in a period: thing by thing, day by day of UTC.

    A day has a run for each device that reported, in the order of their numbers.

    :param begin: the first moment of the period; ``end`` is the first after it.
    :param places: of the readings that are wanted.
    """
    for subject_id in subject_ids:
        for first, last in _days(subject_id, begin, end):
            yield from hot_rows.samples(subject_id, first, last, places)


def summed(
    subject_id: int,
    begin: datetime,
    end: datetime,
    step: timedelta,
    places: Sequence[int],
    readable: Readable = ALL,
) -> dict[int, Columns]:
    """Return the readings of a thing in a period as columns, by device.

    :param begin: of the first column, and ``end`` of the last one.
    :param step: width of a column.
    """
    parts: dict[int, list[Columns]] = defaultdict(list)
    for chunk in chunks([subject_id], begin, end, places) if places else ():
        if (seen := readable.of(chunk)) is not None:
            parts[chunk.device_id].append(columns_of(seen, grain_of(step)))
    return {device: joined(parts[device], step, len(places)) for device in sorted(parts)}


def bounds(subject_id: int) -> tuple[datetime, datetime] | None:
    """Return when the first and the newest sample of a thing were taken, if any."""
    return hot_rows.bounds(subject_id)


def _days(subject_id: int, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of a period that are in one day of UTC each, and have samples."""
    first = hot_rows.next_sample(subject_id, begin, end)
    while first is not None:
        midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        yield first, min(midnight, end)
        first = hot_rows.next_sample(subject_id, midnight, end) if midnight < end else None


def _ceil(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970; of one between two, the later one."""
    return -((_UNIX - moment) // _MS)
