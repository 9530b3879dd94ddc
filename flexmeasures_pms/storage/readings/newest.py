"""The rule for readings in the order of their time: what is written, and what repeats.

It needs no query: the newest reading is sufficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms.catalogue.recording import SNAPSHOT, Bands, Policies
from flexmeasures_pms.storage.readings.blocks import (
    CONFLICT,
    DUPLICATE,
    BeliefRows,
    BeliefValue,
    Block,
    Written,
    same,
)

Bits = Mapping[str, int]
"""Mask by sensor name, of those that have a bit."""

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
    :param has_ahead: whether readings are stored that were ahead of the clock, and are newer.
    """

    time: datetime | None = None
    device_id: int = 0
    recorded: dict[str, Last] = field(default_factory=dict)
    readings: dict[str, BeliefValue] = field(default_factory=dict)
    policies: Policies = ()
    bands: Bands = field(default_factory=dict)
    changed: bool = False
    has_ahead: bool = False

    def precedes(self, block: Block) -> bool:
        """Whether no reading of the block's stream can be newer than the block."""
        if self.time is None or self.time < block.time:
            return True
        return self.time == block.time and self.device_id == block.device_id

    def is_later(self, until: datetime) -> bool:
        """Whether the newest reading itself is after a time."""
        return self.time is not None and self.time > until

    def is_ahead(self, block: Block, until: datetime) -> bool:
        """Whether a block is newer, and too far ahead of the clock to be the newest reading."""
        return block.time > until and (self.time is None or self.time < block.time)


def record_next(block: Block, newest: Newest, bits: Bits, rows: BeliefRows) -> tuple[Written, int]:
    """Add the rows of a block that is newer than the newest reading, and make it the newest.

    :returns: its result, and the mask of the readings that repeat.
    """
    before = len(rows)
    if newest.time == block.time and newest.device_id != block.device_id:
        # Two devices reported the same moment: the first stays the newest.
        rows += [
            (block.time, block.sensors[n], block.source_id, v) for n, v in block.values.items()
        ]
        return Written("stored", len(rows) - before), 0
    if newest.time == block.time:
        known = newest.readings
        told = [name for name in block.values if name in known]
        if any(not same(block.values[n], known[n], newest.bands.get(n)) for n in told):
            return CONFLICT, 0
        if len(told) == len(block.values):
            return DUPLICATE, 0
        values = {n: v for n, v in block.values.items() if n not in known}
    else:
        known = newest.readings = {}
        values = dict(block.values)
    if newest.device_id != block.device_id:
        newest.recorded = {}  # another source's
    mask = _write(block, values, newest, bits, rows)
    known.update(values)
    newest.time, newest.device_id, newest.changed = block.time, block.device_id, True
    return Written("stored", len(rows) - before), mask


def _write(
    block: Block,
    values: Mapping[str, BeliefValue],
    newest: Newest,
    bits: Bits,
    rows: BeliefRows,
) -> int:
    recorded, bands = newest.recorded, newest.bands
    if not recorded.keys() <= bands.keys():
        # A quantity that is now recorded every time has no last written value here.
        recorded = newest.recorded = {n: last for n, last in recorded.items() if n in bands}
    mask, time, source, sensors = 0, block.time, block.source_id, block.sensors
    if not bands:
        rows += [(time, sensors[name], source, value) for name, value in values.items()]
        return 0
    for name, value in values.items():
        if (band := bands.get(name)) is not None:
            last = recorded.get(name)
            if (
                last is not None
                and (last[0] == value or same(value, last[0], band))
                and time - last[1] < SNAPSHOT
                and name in bits
            ):
                mask |= bits[name]
                continue
            recorded[name] = value, time
        rows.append((time, sensors[name], source, value))
    return mask
