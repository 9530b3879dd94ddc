"""Readings to be written, and the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import BeliefValue, is_none, same

WriteResult = Literal["stored", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Block:
    """The readings of one sample: of one thing, at one moment, by one source.

    :param subject_id: the registry's number of the case, cabinet or device.
    :param device_id: the number of the device that reported.
    :param source_id: that device's source.
    :param asset_type: of the subject.
    :param time: event start.
    :param values: value by sensor name.
    :param sensors: sensor id by name.
    :param board_id: of the acquisition board under whose id it was sent, if it was.
    """

    subject_id: int
    device_id: int
    source_id: int
    asset_type: str
    time: datetime
    values: Mapping[str, BeliefValue]
    sensors: Mapping[str, int]
    board_id: int | None = None

    @property
    def key(self) -> SampleKey:
        """What the sample is known by."""
        return SampleKey(self.subject_id, self.time, self.device_id)


@dataclass(frozen=True, slots=True)
class Written:
    """The result of one block.

    :param result: ``conflict`` if a stored value differs: then nothing of it was written.
    :param beliefs: rows that it added.
    """

    result: WriteResult
    beliefs: int


CONFLICT = Written("conflict", 0)
DUPLICATE = Written("duplicate", 0)

BeliefRows = list[tuple[datetime, int, int, BeliefValue]]
"""Beliefs as (event start, sensor, source, value)."""


def new_readings(
    block: Block, sample: LoggedSample, places: Mapping[str, int]
) -> Mapping[str, BeliefValue] | Written:
    """Return the readings that a sample has not yet, or the result if there is nothing to add."""
    values = block.values
    told = {n: known for n in values if not is_none(known := sample.readings[places[n]])}
    if any(not same(values[name], known) for name, known in told.items()):
        return CONFLICT
    if len(told) == len(values):
        return DUPLICATE
    return {name: value for name, value in values.items() if name not in told}
