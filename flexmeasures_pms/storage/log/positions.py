"""Where in a folded day the last sample up to a moment is, from the sums of its hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import binary
from flexmeasures_pms.storage.log.clock import DAY_MS, milliseconds
from flexmeasures_pms.storage.log.days import FoldedDay

_KEYS = """
    FROM unnest(%s::int[], %s::date[], %s::int[]) WITH ORDINALITY AS k (subject, day, device, n)"""
_LEVEL = f"""
    SELECT k.n, l.places, l.begins, l.low, l.high, l.count, l.newest {_KEYS}
    JOIN pms_level l ON l.subject_id = k.subject AND l.minutes = 60 AND l.day = k.day
      AND l.device_id = k.device"""
_GAPS = """
    SELECT k.n, d.gaps[k.first:k.last]
    FROM unnest(%s::int[], %s::date[], %s::int[], %s::int[], %s::int[])
      WITH ORDINALITY AS k (subject, day, device, first, last, n)
    JOIN pms_day d ON d.subject_id = k.subject AND d.day = k.day AND d.device_id = k.device"""

_Count = npt.NDArray[np.int32]


class FoldedSpot(NamedTuple):
    """A sample of a folded day.

    :param position: in the day, from 1.
    :param time: [ms of the day].
    :param readings: by place, as far as the sums tell them; NaN for none.
    """

    position: int
    time: int
    readings: dict[int, float]


class _Hours(NamedTuple):
    """The hours of a folded day that have samples.

    :param places: of the rows of ``low``, ``high`` and ``counts``, arrays of (place, hour).
    :param begins: [ms of the day].
    :param samples: in each hour; None if that is not known for all of them.
    :param ends: time of the last sample of each [ms of the day].
    """

    places: list[int]
    begins: _Count
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    counts: _Count
    samples: _Count | None
    ends: _Count

    def constant(self, hour: int, samples: int) -> dict[int, float]:
        """Return what all samples of an hour have, by place."""
        low, high, count = (v[:, hour].tolist() for v in (self.low, self.high, self.counts))
        return {
            place: a if n else float("nan")
            for place, a, b, n in zip(self.places, low, high, count, strict=True)
            if n == 0 or (n == samples and a == b)
        }


def spots_of(days: Sequence[FoldedDay], at: datetime, since: datetime) -> list[FoldedSpot | None]:
    """Return the last sample of each folded day up to a moment; None where all are later.

    :param since: of samples before that no readings are needed.
    """
    found: list[FoldedSpot | None] = [None] * len(days)
    first = milliseconds(since)
    hours = dict(_hours({n: d for n, d in enumerate(days) if d.begin + d.last >= first}))
    parts: dict[int, tuple[int, int]] = {}
    for n, day in enumerate(days):
        ms = min(milliseconds(at) - day.begin, DAY_MS)
        part = hours.get(n)
        if day.last <= ms:
            readings: dict[int, float] = {}
            if part and part.samples is not None:
                readings = part.constant(-1, int(part.samples[-1]))
            found[n] = FoldedSpot(day.samples, day.last, readings)
        elif part is None or part.samples is None:
            parts[n] = 1, day.samples
        elif (hour := int(np.searchsorted(part.begins, ms, side="right")) - 1) >= 0:
            before = int(part.samples[:hour].sum())
            parts[n] = before + 1, before + int(part.samples[hour])
    for n, gaps in _gaps(days, parts):
        ms = milliseconds(at) - days[n].begin
        found[n] = _spot(parts[n][0], gaps, hours.get(n), ms)
    return found


def _spot(first: int, gaps: npt.NDArray[Any], part: _Hours | None, ms: int) -> FoldedSpot | None:
    """Return the last sample up to a time, of a day or of an hour and the sample before it.

    :param first: position of the first of the gaps.
    """
    steps = np.cumsum(gaps, dtype=np.int64)
    if part is None or part.samples is None:
        position = int(np.searchsorted(steps, ms, side="right"))
        return FoldedSpot(position, int(steps[position - 1]), {}) if position else None
    hour = int(np.searchsorted(part.begins, ms, side="right")) - 1
    times = steps - steps[-1] + part.ends[hour]
    inside = int(np.searchsorted(times, ms, side="right"))
    if inside:
        readings = part.constant(hour, len(times))
        return FoldedSpot(first - 1 + inside, int(times[inside - 1]), readings)
    if not hour:
        return None
    readings = part.constant(hour - 1, int(part.samples[hour - 1]))
    return FoldedSpot(first - 1, int(part.ends[hour - 1]), readings)


def _gaps(
    days: Sequence[FoldedDay], parts: dict[int, tuple[int, int]]
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    if not parts:
        return
    keys = [(*days[n][:3], first, last) for n, (first, last) in parts.items()]
    numbers = list(parts)
    columns = [array(column) for column in zip(*keys, strict=True)]
    for number, gaps in binary.rows(binary.copied(_GAPS, columns)):
        yield numbers[binary.whole(number or b"") - 1], binary.integers(gaps or b"", 4)


def _hours(days: Mapping[int, FoldedDay]) -> Iterator[tuple[int, _Hours]]:
    numbers = list(days)
    columns = [array(column) for column in list(zip(*days.values(), strict=True))[:3]]
    for row in binary.rows(binary.copied(_LEVEL, columns)) if days else ():
        number, places, begins, low, high, count, newest = (field or b"" for field in row)
        n, known = numbers[binary.whole(number) - 1], np.frombuffer(places, "<i2").tolist()
        starts = np.frombuffer(begins, "<i4")
        shape = (len(known), len(starts))
        counts = np.frombuffer(count, "<i4").reshape(shape)
        # A quantity that was read in each sample of an hour tells how many there are.
        most = counts.argmax(axis=0)
        samples = np.take_along_axis(counts, most[None], axis=0)[0]
        last = np.frombuffer(newest, "<i4").reshape(shape)
        yield (
            n,
            _Hours(
                known,
                starts,
                np.frombuffer(low, "<f8").reshape(shape),
                np.frombuffer(high, "<f8").reshape(shape),
                counts,
                samples if int(samples.sum()) == days[n].samples else None,
                starts + np.take_along_axis(last, most[None], axis=0)[0],
            ),
        )
