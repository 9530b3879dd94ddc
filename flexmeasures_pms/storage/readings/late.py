"""The rule for late readings: the history, filled forward, stays correct at each reading.

A reading that was not written because it repeats the previous one relies on that one. A late
reading between them would replace it. So if it differs, the next reading that relied on the
previous one is written too, with the value that it had until then.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms.catalogue.recording import SNAPSHOT, Bands, Deadband
from flexmeasures_pms.storage.readings.blocks import (
    CONFLICT,
    DUPLICATE,
    BeliefRows,
    BeliefValue,
    Block,
    Written,
    same,
)
from flexmeasures_pms.storage.readings.newest import Bits


@dataclass(slots=True)
class SensorTrack:
    """Written readings of one sensor by one source, in order of time."""

    times: list[datetime] = field(default_factory=list)
    values: dict[datetime, BeliefValue] = field(default_factory=dict)

    def put(self, time: datetime, value: BeliefValue) -> None:
        """Add a reading."""
        if time not in self.values:
            insort(self.times, time)
            self.values[time] = value

    def drop(self, time: datetime) -> None:
        """Remove a reading."""
        if self.values.pop(time, None) is not None:
            del self.times[bisect_left(self.times, time)]

    def before(self, time: datetime) -> tuple[datetime, BeliefValue] | None:
        """Return the last reading at or before a time, with its time."""
        position = bisect_right(self.times, time)
        if not position:
            return None
        found = self.times[position - 1]
        return found, self.values[found]

    def near(self, time: datetime) -> BeliefValue | None:
        """Return the value on which a reading at a time may rely."""
        found = self.before(time)
        return found[1] if found and time - found[0] < SNAPSHOT else None

    def end(self, time: datetime) -> datetime | None:
        """Return the time of the first reading after a time."""
        position = bisect_right(self.times, time)
        return self.times[position] if position < len(self.times) else None


@dataclass(slots=True)
class StoredStream:
    """What is stored of one thing by one source, around the times of some readings.

    :param tracks: the written readings by sensor name.
    :param repeats: mask of the readings that were not written, by time.
    """

    tracks: dict[str, SensorTrack] = field(default_factory=dict)
    repeats: dict[datetime, int] = field(default_factory=dict)
    _times: list[datetime] = field(default_factory=list)

    def track(self, name: str) -> SensorTrack:
        """Return the written readings of a sensor."""
        return self.tracks.setdefault(name, SensorTrack())

    def repeat(self, time: datetime, mask: int) -> None:
        """Record readings that are not written."""
        if time not in self.repeats:
            insort(self._times, time)
        self.repeats[time] = self.repeats.get(time, 0) | mask

    def known(self, name: str, time: datetime, bit: int) -> BeliefValue | None:
        """Return the reading of a sensor at a time, written or not."""
        track = self.track(name)
        if (value := track.values.get(time)) is not None:
            return value
        return track.near(time) if self.repeats.get(time, 0) & bit else None

    def next_repeat(self, name: str, time: datetime, bit: int) -> datetime | None:
        """Return the next reading after a time that relies on the one written before."""
        end = self.track(name).end(time)
        for position in range(bisect_right(self._times, time), len(self._times)):
            found = self._times[position]
            if end is not None and found >= end:
                return None
            if self.repeats[found] & bit:
                return found
        return None


def record_late(
    block: Block,
    bands: Bands,
    stream: StoredStream,
    bits: Bits,
    rows: BeliefRows,
    *,
    whole: bool = False,
) -> tuple[Written, int]:
    """Add the rows of a block that may be older than stored readings.

    :param bands: deadband by sensor name, of what is recorded on change.
    :param whole: write each of its readings, also those that repeat.
    :returns: its result, and the mask of the readings that repeat.
    """
    new: dict[str, BeliefValue] = {}
    for name, value in block.values.items():
        known = stream.known(name, block.time, bits.get(name, 0))
        if known is None:
            new[name] = value
        elif not same(value, known, bands.get(name)):
            return CONFLICT, 0
    if not new:
        return DUPLICATE, 0
    before, mask = len(rows), 0
    for name, value in new.items():
        rule = None if whole else bands.get(name), bits.get(name, 0)
        mask |= _record(block, name, value, stream, rule, rows)
    if mask:
        stream.repeat(block.time, mask)
    return Written("stored", len(rows) - before), mask


def _record(
    block: Block,
    name: str,
    value: BeliefValue,
    stream: StoredStream,
    rule: tuple[Deadband, int],
    rows: BeliefRows,
) -> int:
    track, (band, bit) = stream.track(name), rule
    near = track.near(block.time)
    if bit and band is not None and near is not None and same(value, near, band):
        return bit
    before = track.before(block.time)
    if before is not None and float(before[1]) != float(value):
        after = stream.next_repeat(name, block.time, bit)
        if after is not None:
            _put(block, name, after, before[1], track, rows)
    _put(block, name, block.time, value, track, rows)
    return 0


def _put(
    block: Block,
    name: str,
    time: datetime,
    value: BeliefValue,
    track: SensorTrack,
    rows: BeliefRows,
) -> None:
    track.put(time, value)
    rows.append((time, block.sensors[name], block.source_id, value))


def withdraw(
    stream: StoredStream, names: Iterable[str], times: Iterable[datetime], bits: Bits
) -> tuple[dict[datetime, dict[str, BeliefValue]], list[tuple[datetime, str, BeliefValue]]]:
    """Remove all readings of some times from a stream.

    :returns: the removed readings by time, and the rows to be written so that the
        readings that relied on them stay: (time, sensor name, value).
    """
    gone = sorted(times)
    names = list(names)
    taken: dict[datetime, dict[str, BeliefValue]] = {time: {} for time in gone}
    rows: list[tuple[datetime, str, BeliefValue]] = []
    for name in names:
        bit = bits.get(name, 0)
        for time in gone:
            if (value := stream.known(name, time, bit)) is not None:
                taken[time][name] = value
        rows += _leave(stream, name, bit, taken)
    for time in gone:
        stream.repeats.pop(time, None)
    stream._times = sorted(stream.repeats)
    return taken, rows


def _leave(
    stream: StoredStream, name: str, bit: int, taken: Mapping[datetime, Mapping[str, BeliefValue]]
) -> list[tuple[datetime, str, BeliefValue]]:
    """Remove one sensor's rows of these times; write the readings that relied on them."""
    track = stream.track(name)
    staying = [
        (time, value)
        for time in stream.repeats
        if time not in taken
        and stream.repeats[time] & bit
        and (value := stream.known(name, time, bit)) is not None
    ]
    for time in taken:
        track.drop(time)
    rows = []
    for time, value in sorted(staying):
        near = track.near(time)
        if near is None or float(near) != float(value):
            track.put(time, value)
            rows.append((time, name, value))
    return rows
