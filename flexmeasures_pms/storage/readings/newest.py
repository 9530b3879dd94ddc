"""The rule for readings in the order of their time: what is written, and what repeats.

It needs no query: the newest reading is sufficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms.catalogue.recording import Bands, Policies
from flexmeasures_pms.storage.log.places import Places
from flexmeasures_pms.storage.log.quarters import LAST_PLACE, mark, quarter_of
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import NONE, BeliefValue, is_none, plain, same
from flexmeasures_pms.storage.readings.blocks import (
    CONFLICT,
    DUPLICATE,
    BeliefRows,
    Block,
    Written,
)

Last = tuple[BeliefValue, datetime]
"""A value that was written, and the time of its event."""


@dataclass(slots=True)
class Newest:
    """The newest reading of one thing.

    :param time: event time; None if it has never reported.
    :param device_id: who reported it.
    :param recorded: the last value written on change, and when, by sensor name.
    :param readings: all readings of that time by sensor name, if they were requested.
    :param policies: the host's recording policies for this one thing.
    :param bands: deadband by sensor name, of what is recorded on change.
    :param changed: whether it differs from what the database has.
    :param has_ahead: whether samples are in the log that are ahead of the clock, and newer.
    """

    time: datetime | None = None
    device_id: int = 0
    recorded: dict[str, Last] = field(default_factory=dict)
    readings: dict[str, BeliefValue] = field(default_factory=dict)
    policies: Policies = ()
    bands: Bands = field(default_factory=dict)
    changed: bool = False
    has_ahead: bool = False

    def is_later(self, until: datetime) -> bool:
        """Whether the newest reading itself is after a time."""
        return self.time is not None and self.time > until

    def is_ahead(self, block: Block, until: datetime) -> bool:
        """Whether a block is newer, and too far ahead of the clock to be the newest reading."""
        return block.time > until and (self.time is None or self.time < block.time)

    def is_late(self, block: Block) -> bool:
        """Whether the log may have a block's sample already, or newer ones."""
        return self.has_ahead or (self.time is not None and self.time >= block.time)

    def follow(self, block: Block, sample: LoggedSample, places: Places) -> None:
        """Take a late block for the newest reading, if it is."""
        if (self.time, self.device_id) != (block.time, block.device_id):
            if self.time is not None and self.time >= block.time:
                return
            self.time, self.device_id, self.recorded = block.time, block.device_id, {}
        told = named(sample.readings, places)
        self.readings = told | dict(block.values)
        self.changed = True


def named(readings: list[BeliefValue], places: Places) -> dict[str, BeliefValue]:
    """Return a sample's readings by sensor name."""
    return {
        name: plain(readings[place])
        for name, place in places.items()
        if place < len(readings) and not is_none(readings[place])
    }


@dataclass(slots=True)
class NewSamples:
    """Samples that a request adds to the log without a look at it.

    :param places: by asset type.
    """

    places: Mapping[str, Places]
    added: dict[SampleKey, LoggedSample] = field(default_factory=dict)

    def put(self, block: Block, values: Mapping[str, BeliefValue]) -> LoggedSample:
        """Add readings of a block to its sample, and return it."""
        places, key = self.places[block.asset_type], block.key
        sample = self.added.get(key)
        if sample is None:
            readings: list[BeliefValue] = [NONE] * len(places)
            for name, value in values.items():
                readings[places[name]] = value
            sample = LoggedSample(key, block.source_id, block.board_id, 0, readings)
            self.added[key] = sample
        else:
            for name, value in values.items():
                sample.readings[places[name]] = value
            sample.board_id = block.board_id if sample.board_id is None else sample.board_id
        return sample


def record_next(block: Block, newest: Newest, log: NewSamples, rows: BeliefRows) -> Written:
    """Add a block that is not late to the log and the rows, and make it the newest reading."""
    before, places = len(rows), log.places[block.asset_type]
    values = block.values
    if (sample := log.added.get(block.key)) is not None:
        told = {n: k for n in values if not is_none(k := sample.readings[places[n]])}
        if any(not same(values[name], known) for name, known in told.items()):
            return CONFLICT
        if len(told) == len(values):
            return DUPLICATE
        values = {name: value for name, value in values.items() if name not in told}
    sample = log.put(block, values)
    if newest.time == block.time and newest.device_id != block.device_id:
        # Two devices reported the same moment: the first stays the newest.
        rows += [(block.time, block.sensors[n], block.source_id, v) for n, v in values.items()]
        return Written("stored", len(rows) - before)
    if newest.time != block.time:
        newest.readings = {}
    if newest.device_id != block.device_id:
        newest.recorded = {}  # another source's
    sample.repeats |= _write(block, values, newest, places, rows)
    newest.readings |= values
    newest.time, newest.device_id, newest.changed = block.time, block.device_id, True
    return Written("stored", len(rows) - before)


def _write(
    block: Block,
    values: Mapping[str, BeliefValue],
    newest: Newest,
    places: Places,
    rows: BeliefRows,
) -> int:
    recorded, bands = newest.recorded, newest.bands
    if not recorded.keys() <= bands.keys():
        # A quantity that is now recorded every time has no last written value here.
        recorded = newest.recorded = {n: last for n, last in recorded.items() if n in bands}
    repeats, time, source, sensors = 0, block.time, block.source_id, block.sensors
    if not bands:
        rows += [(time, sensors[name], source, value) for name, value in values.items()]
        return 0
    quarter = quarter_of(time)
    for name, value in values.items():
        if (band := bands.get(name)) is not None:
            last = recorded.get(name)
            if (
                last is not None
                and last[1] >= quarter
                and (last[0] == value or same(value, last[0], band))
                and places[name] <= LAST_PLACE
            ):
                repeats |= mark(places[name], value, last[0])
                continue
            recorded[name] = value, time
        rows.append((time, sensors[name], source, value))
    return repeats
