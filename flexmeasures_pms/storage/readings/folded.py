"""Late readings of days that are folded: whether they are known is told without thawing a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

import numpy as np

from flexmeasures_pms import deadline
from flexmeasures_pms.storage.log import days
from flexmeasures_pms.storage.log.clock import day_of, microseconds
from flexmeasures_pms.storage.log.days import FoldedDay
from flexmeasures_pms.storage.log.places import Places
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import NONE, BeliefValue
from flexmeasures_pms.storage.readings.blocks import Block, Written, new_readings

_ThingDay = tuple[date, int]


def known_in_folded(
    blocks: Iterable[Block], places: Mapping[str, Places]
) -> dict[SampleKey, LoggedSample]:
    """Return what folded days have at the times of blocks that add nothing to them.

    Days that blocks add to are thawed: what these have is found among the hot samples then. The
    things are locked.

    :param places: by asset type.
    """
    by_day: dict[_ThingDay, list[Block]] = {}
    for block in blocks:
        by_day.setdefault((day_of(block.time), block.subject_id), []).append(block)
    folded: dict[_ThingDay, dict[int, FoldedDay]] = {}
    for row in days.listed([(subject, day) for day, subject in by_day]):
        folded.setdefault((row.day, row.subject_id), {})[row.device_id] = row
    known: dict[SampleKey, LoggedSample] = {}
    for key in sorted(folded):
        deadline.check()
        found = _known(by_day[key], folded[key], places)
        if found is None:
            days.thaw(key[1], [key[0]])
        else:
            known |= found
    return known


def _known(
    blocks: Collection[Block], by_device: Mapping[int, FoldedDay], places: Mapping[str, Places]
) -> dict[SampleKey, LoggedSample] | None:
    """Return what a thing's day has at the times of blocks; None if one adds something.

    So what is hot of a folded day is newer than what is folded.
    """
    known: dict[SampleKey, LoggedSample] = {}
    if any(block.device_id not in by_device for block in blocks):
        return None
    for device, row in by_device.items():
        of_device = [block for block in blocks if block.device_id == device]
        found = dict(_samples(row, of_device, places))
        if any(_adds(block, found.get(block.key), places) for block in of_device):
            return None
        known |= found
    return known


def _samples(
    row: FoldedDay, blocks: Collection[Block], places: Mapping[str, Places]
) -> Iterator[tuple[SampleKey, LoggedSample]]:
    if not blocks:
        return
    asset_type = next(iter(blocks)).asset_type
    length = len(places[asset_type])
    wanted = sorted({places[asset_type][name] for block in blocks for name in block.values})
    day = days.read_samples(row, wanted)
    for key in {block.key for block in blocks}:
        time = microseconds(key.time)
        at = int(np.searchsorted(day.times, time))
        if at < len(day.times) and day.times[at] == time:
            readings: list[BeliefValue] = [NONE] * length
            for place, value in zip(wanted, day.readings[:, at].tolist(), strict=True):
                readings[place] = value
            board = int(day.boards[at]) or None
            repeats = int(day.repeats[at])
            yield key, LoggedSample(key, row.source_id, board, repeats, readings)


def _adds(block: Block, sample: LoggedSample | None, places: Mapping[str, Places]) -> bool:
    """Whether a block would change what is stored: it neither contradicts nor is known."""
    if sample is None:
        return True
    return not isinstance(new_readings(block, sample, places[block.asset_type]), Written)
