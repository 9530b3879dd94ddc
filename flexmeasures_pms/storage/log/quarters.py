"""Which readings of a quarter of an hour are written as beliefs, where not all of them are.

A reading on change is written if it is the first of its sensor and source in a quarter of an hour
of the clock, or differs from the last one that was written before it by more than the deadband.
So the samples of one quarter tell all of it, whenever they come: a sample that comes late only
adds beliefs.

Where beliefs are thinned from the start, five minutes take the place of a quarter, and all readings
that of those that are the same.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import BeliefValue, is_none, same

QUARTER = timedelta(minutes=15)
FIVE_MINUTES = timedelta(minutes=5)
ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""Quarters of an hour begin at this time."""

LAST_PLACE = 61
"""The last one with a bit of its own: others are always written."""

INEXACT = 1 << 62
"""Bit of a sample with a reading that is not written and only nearly what is shown.

The last bit of a PostgreSQL bigint without its sign.
"""

_LOSSLESS = Decimal(0)


def quarter_of(time: datetime, step: timedelta = QUARTER) -> datetime:
    """Return the beginning of the quarter of an hour of a time.

    :param step: what takes its place.
    """
    return time - (time - ORIGIN) % step


def mark(place: int, value: BeliefValue, shown: BeliefValue) -> int:
    """Return the bits of a reading that is not written.

    :param shown: what was written last before it.
    """
    return 1 << place if same(value, shown) else 1 << place | INEXACT


@dataclass(slots=True)
class SampleStream:
    """Samples of one thing by one device, in order of time: whole quarters, or some of them.

    :param changed: keys of those that differ from what the log has.
    :param step: what takes the place of a quarter.
    """

    samples: list[LoggedSample] = field(default_factory=list)
    changed: dict[SampleKey, LoggedSample] = field(default_factory=dict)
    step: timedelta = QUARTER

    def find(self, time: datetime) -> LoggedSample | None:
        """Return the sample of a time."""
        position = self._position(time)
        if position < len(self.samples) and self.samples[position].key.time == time:
            return self.samples[position]
        return None

    def put(self, sample: LoggedSample) -> None:
        """Add a sample."""
        insort(self.samples, sample, key=_time_of)

    def before(self, time: datetime) -> Iterator[LoggedSample]:
        """Yield the samples of the same quarter before a time, the last one first."""
        begin = quarter_of(time, self.step)
        for position in range(self._position(time) - 1, -1, -1):
            if (sample := self.samples[position]).key.time < begin:
                return
            yield sample

    def after(self, time: datetime) -> Iterator[LoggedSample]:
        """Yield the samples of the same quarter after a time."""
        end = quarter_of(time, self.step) + self.step
        for position in range(self._position(time), len(self.samples)):
            if (sample := self.samples[position]).key.time >= end:
                return
            if sample.key.time > time:
                yield sample

    def written_before(self, time: datetime, place: int) -> BeliefValue | None:
        """Return the last value of a place that was written in the same quarter before a time."""
        for sample in self.before(time):
            value = sample.readings[place]
            shown = not sample.repeats & (1 << place) or not sample.repeats & INEXACT
            if not is_none(value) and shown:
                return value
        return None

    def write_following(
        self, time: datetime, place: int, value: BeliefValue | None, band: Decimal = _LOSSLESS
    ) -> Iterator[tuple[datetime, BeliefValue]]:
        """Yield the readings after a time that have to be written now, and note that they are.

        :param value: what is written last at the time.
        """
        bit = 1 << place
        for sample in self.after(time):
            reading = sample.readings[place]
            if is_none(reading):
                continue
            if not sample.repeats & bit:
                return
            if value is None or not same(reading, value, band):
                sample.repeats &= ~bit
                self.changed[sample.key] = sample
                yield sample.key.time, reading
                value = reading
            elif not same(reading, value):
                sample.repeats |= INEXACT
                self.changed[sample.key] = sample

    def _position(self, time: datetime) -> int:
        return bisect_left(self.samples, time, key=_time_of)


def suffices(
    stream: SampleStream, time: datetime, places: Iterable[int], bands: Mapping[int, Decimal]
) -> bool:
    """Whether the samples next to a time tell what is to be written, or its whole quarter does.

    :param places: of the readings at that time.
    :param bands: deadband by place, of what is recorded on change.
    """
    if any(bands.values()):
        return False
    wanted = tuple(places)
    return not any(
        sample.repeats & INEXACT or any(is_none(sample.readings[place]) for place in wanted)
        for sample in (next(stream.before(time), None), next(stream.after(time), None))
        if sample is not None
    )


def _time_of(sample: LoggedSample) -> datetime:
    return sample.key.time
