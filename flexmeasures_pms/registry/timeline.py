"""Installations over time: the pure interval algebra behind every change.

An installation holds from its begin up to, not including, its end. Rows handed around
here belong to one part (or one place), in order of time, and never overlap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter

SINCE_EVER = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)

_begin = attrgetter("begin")

Spot = tuple[int, str, int | None]
"""Where a part can be: assembly, slot, and place in the slot."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A part in its place from one moment to another.

    :param begin: :data:`SINCE_EVER` where the beginning is unknown.
    :param end: :data:`FOREVER` while it lasts.
    :param id: of the row in the database; 0 until it is there.
    """

    part_id: int
    assembly_id: int
    slot: str
    place: int | None
    begin: datetime
    end: datetime
    id: int = 0

    @property
    def spot(self) -> Spot:
        """Where the part is."""
        return self.assembly_id, self.slot, self.place

    def between(self, begin: datetime, end: datetime) -> Installation:
        """Return the same for another time, as a row that is not in the database yet."""
        return replace(self, begin=begin, end=end, id=0)


Rows = tuple[Installation, ...]


def iso(at: datetime) -> str:
    """Return a time as ISO 8601, to the second or, where it has a fraction, the millisecond."""
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def row_at(rows: Sequence[Installation], at: datetime) -> Installation | None:
    """Return the row that holds at a moment."""
    index = bisect_right(rows, at, key=_begin) - 1
    return rows[index] if index >= 0 and at < rows[index].end else None


def next_begin(rows: Iterable[Installation], at: datetime) -> datetime:
    """Return when the first row after a moment begins, or :data:`FOREVER`."""
    return min((r.begin for r in rows if r.begin > at), default=FOREVER)


def without(rows: Iterable[Installation], begin: datetime, end: datetime) -> Rows:
    """Return the rows less a time: trimmed, split in two, or gone where covered."""
    result: list[Installation] = []
    for row in rows:
        if row.end <= begin or end <= row.begin:
            result.append(row)
            continue
        if row.begin < begin:
            result.append(row.between(row.begin, begin))
        if end < row.end:
            result.append(row.between(end, row.end))
    return tuple(result)


def with_row(rows: Iterable[Installation], new: Installation) -> Rows:
    """Return the rows with one more; what it overlaps is trimmed, what it continues is joined."""
    if new.begin >= new.end:
        return tuple(rows)
    ordered = sorted((*without(rows, new.begin, new.end), new), key=_begin)
    result: list[Installation] = []
    for row in ordered:
        if result and result[-1].end == row.begin and result[-1].spot == row.spot:
            result[-1] = row.between(result[-1].begin, row.end)
        else:
            result.append(row)
    return tuple(result)


def previous_end(rows: Iterable[Installation], at: datetime) -> datetime:
    """Return when the last row before a moment ends, or :data:`SINCE_EVER`."""
    return max((r.end for r in rows if r.end < at), default=SINCE_EVER)
