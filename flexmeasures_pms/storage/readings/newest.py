"""The rule for readings in the order of their time: what is written, and what repeats.

It needs no query: the newest reading is sufficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flexmeasures_pms.catalogue.recording import Bands, Policies
from flexmeasures_pms.storage.log.places import Places
from flexmeasures_pms.storage.log.quarters import (
    FIVE_MINUTES,
    LAST_PLACE,
    QUARTER,
    mark,
    quarter_of,
)
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import NONE, BeliefValue, is_none, plain, same
from flexmeasures_pms.storage.readings.blocks import (
    BeliefRows,
    Block,
    Written,
    new_readings,
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
    :param thinned: whether only the first of each five minutes is written.
    :param others: as ``recorded``, of devices that reported before this one, if it is thinned.
    :param stored: ``recorded`` as the database has it, and the quarter of an hour that it is of.
    """

    time: datetime | None = None
    device_id: int = 0
    recorded: dict[str, Last] = field(default_factory=dict)
    readings: dict[str, BeliefValue] = field(default_factory=dict)
    policies: Policies = ()
    bands: Bands = field(default_factory=dict)
    changed: bool = False
    has_ahead: bool = False
    thinned: bool = False
    others: dict[int, dict[str, Last]] = field(default_factory=dict)
    stored: tuple[datetime, Mapping[str, Last]] | None = None

    @property
    def step(self) -> timedelta:
        """In which one reading at least is written of each sensor and source."""
        return FIVE_MINUTES if self.thinned else QUARTER

    def is_later(self, until: datetime) -> bool:
        """Whether the newest reading itself is after a time."""
        return self.time is not None and self.time > until

    def is_ahead(self, block: Block, until: datetime) -> bool:
        """Whether a block is newer, and too far ahead of the clock to be the newest reading."""
        return block.time > until and (self.time is None or self.time < block.time)

    def is_late(self, block: Block) -> bool:
        """Whether the log may have a block's sample already, or newer ones."""
        return self.has_ahead or (self.time is not None and self.time >= block.time)

    def is_unsure(self, block: Block) -> bool:
        """Whether only the log can tell if a block is the first of its five minutes."""
        if not self.thinned or self.time is None or self.time < quarter_of(block.time, self.step):
            return False
        return self.device_id != block.device_id or not block.values.keys() <= self.recorded.keys()

    def recorded_of(self, device_id: int) -> dict[str, Last]:
        """Return what is known to be written last of what a device reported."""
        if device_id == self.device_id:
            return self.recorded
        return self.others.setdefault(device_id, {}) if self.thinned else {}

    def pass_to(self, device_id: int) -> None:
        """Let another device be the one that reports."""
        if device_id != self.device_id:
            known = self.recorded_of(device_id)
            self.others[self.device_id] = self.recorded
            self.recorded, self.device_id = known, device_id

    def note(self, block: Block) -> None:
        """Note that of each reading of a late block one is written in its five minutes.

        Of a reading that is not known yet the log may have later ones: only the newest is noted.
        """
        recorded = self.recorded_of(block.device_id)
        is_newest = self.time is None or self.time <= block.time
        for name, value in block.values.items():
            if is_newest if name not in recorded else recorded[name][1] < block.time:
                recorded[name], self.changed = (value, block.time), True

    def follow(self, block: Block, sample: LoggedSample, places: Places) -> None:
        """Take a late block for the newest reading, if it is."""
        if (self.time, self.device_id) != (block.time, block.device_id):
            if self.time is not None and self.time >= block.time:
                return
            self.pass_to(block.device_id)
            self.time = block.time
            if not self.thinned:
                self.recorded = {}
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
        found = new_readings(block, sample, places)
        if isinstance(found, Written):
            return found
        values = found
    sample = log.put(block, values)
    if newest.time == block.time and newest.device_id != block.device_id:
        # Two devices reported the same moment: the first stays the newest.
        if newest.thinned:
            recorded = newest.recorded_of(block.device_id)
            sample.repeats |= _write(block, values, recorded, newest, places, rows)
            return Written("stored", len(rows) - before)
        rows += [(block.time, block.sensors[n], block.source_id, v) for n, v in values.items()]
        return Written("stored", len(rows) - before)
    if newest.time != block.time:
        newest.readings = {}
    newest.pass_to(block.device_id)
    if not newest.recorded.keys() <= newest.bands.keys():
        # A quantity that is now recorded every time has no last written value here.
        newest.recorded = {n: last for n, last in newest.recorded.items() if n in newest.bands}
    sample.repeats |= _write(block, values, newest.recorded, newest, places, rows)
    newest.readings |= values
    newest.time, newest.changed = block.time, True
    return Written("stored", len(rows) - before)


def _write(
    block: Block,
    values: Mapping[str, BeliefValue],
    recorded: dict[str, Last],
    newest: Newest,
    places: Places,
    rows: BeliefRows,
) -> int:
    bands = newest.bands
    repeats, time, source, sensors = 0, block.time, block.source_id, block.sensors
    if not bands:
        rows += [(time, sensors[name], source, value) for name, value in values.items()]
        return 0
    quarter = quarter_of(time, newest.step)
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
