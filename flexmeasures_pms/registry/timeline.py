"""Installations over time: the pure interval algebra behind every change.

An installation holds from its begin up to, not including, its end. Rows handed around
here belong to one part (or one place), in order of time, and never overlap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

SINCE_EVER = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)

_begin = attrgetter("begin")
_end = attrgetter("end")

Spot = tuple[int, str, int | None]
"""Where a part can be: assembly, slot, and place in the slot."""


class Installation(Struct, frozen=True, gc=False):
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

    @property
    def last(self) -> datetime:
        """The last moment at which it holds."""
        return self.end if self.end == FOREVER else self.end - timedelta(microseconds=1)

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


def ended_at(rows: Sequence[Installation], at: datetime) -> Installation | None:
    """Return the row that ends at a moment."""
    index = bisect_left(rows, at, key=_end)
    return rows[index] if index < len(rows) and rows[index].end == at else None


def next_begin(rows: Sequence[Installation], at: datetime) -> datetime:
    """Return when the first row after a moment begins, or :data:`FOREVER`."""
    index = bisect_right(rows, at, key=_begin)
    return rows[index].begin if index < len(rows) else FOREVER


def previous_end(rows: Sequence[Installation], at: datetime) -> datetime:
    """Return when the last row before a moment ends, or :data:`SINCE_EVER`."""
    index = bisect_left(rows, at, key=_end) - 1
    return rows[index].end if index >= 0 else SINCE_EVER


def overlapping(rows: Sequence[Installation], begin: datetime, end: datetime) -> slice:
    """Return which rows hold at some moment of a time."""
    return slice(bisect_right(rows, begin, key=_end), bisect_left(rows, end, key=_begin))


def spliced(rows: Rows, cut: slice, new: Rows) -> Rows:
    """Return the rows with others in the place of some."""
    held = list(rows)
    held[cut] = new
    return tuple(held)


def without(rows: Rows, begin: datetime, end: datetime) -> Rows:
    """Return the rows less a time: trimmed, split in two, or gone where covered."""
    cut = overlapping(rows, begin, end)
    if begin >= end or cut.start >= cut.stop:
        return rows
    before, after = _outside(rows[cut], begin, end)
    return spliced(rows, cut, (*before, *after))


def _outside(rows: Rows, begin: datetime, end: datetime) -> tuple[Rows, Rows]:
    """Return what is before, and after, a time of rows that hold in it."""
    first, last = rows[0], rows[-1]
    before = (first.between(first.begin, begin),) if first.begin < begin else ()
    after = (last.between(end, last.end),) if end < last.end else ()
    return before, after


def with_row(rows: Rows, new: Installation) -> Rows:
    """Return the rows with one more; what it overlaps is trimmed, what it continues is joined."""
    if new.begin >= new.end:
        return rows
    if not rows:
        return (new,)
    left = without(rows, new.begin, new.end)
    start = stop = bisect_right(left, new.begin, key=_begin)
    begin, end = new.begin, new.end
    if start and left[start - 1].end == begin and left[start - 1].spot == new.spot:
        start -= 1
        begin = left[start].begin
    if stop < len(left) and left[stop].begin == end and left[stop].spot == new.spot:
        end = left[stop].end
        stop += 1
    joined = new if (begin, end) == (new.begin, new.end) else new.between(begin, end)
    return spliced(left, slice(start, stop), (joined,))


def difference(before: Rows, after: Rows) -> slice:
    """Return which rows of ``after`` may differ from those of ``before``.

    As many follow on them in both. Most rows are the same objects in both, and whole ranges
    of them are compared at once: a part that was moved often has thousands, of which a move
    changes two.
    """
    most = min(len(before), len(after))
    if not most:
        return slice(0, len(after))
    start = _alike(most, lambda a, b: before[a:b] == after[a:b])
    x, y = len(before), len(after)
    same = _alike(most - start, lambda a, b: before[x - b : x - a] == after[y - b : y - a])
    return slice(start, y - same)


def _alike(most: int, alike: Callable[[int, int], bool]) -> int:
    """Return how many of the first elements are alike; each is looked at about once."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if alike(low, middle):
            low = middle
        else:
            high = middle - 1
    return low
