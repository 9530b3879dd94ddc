"""Late readings of days that are folded: whether they are known is told without thawing a day.

What adds to folded days needs them thawed first, one by one in transactions of their own: so a
request that is late for many days gets further with each try, however long they take.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from flexmeasures.data import db

from flexmeasures_pms import deadline
from flexmeasures_pms.errors import StillFolded, StorageBusy
from flexmeasures_pms.plural import counted
from flexmeasures_pms.storage.log import days, rest
from flexmeasures_pms.storage.log.clock import day_of, microseconds
from flexmeasures_pms.storage.log.days import FoldedDay
from flexmeasures_pms.storage.log.lock import lock_thing
from flexmeasures_pms.storage.log.places import Places
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import NONE, BeliefValue
from flexmeasures_pms.storage.readings.blocks import Block, Written, new_readings

ThingDay = tuple[date, int]
"""(day, subject)."""

REST = timedelta(minutes=30)
"""How long a day is not folded after it was thawed: senders try again meanwhile."""

_LOOK_SECONDS = 2.0
"""How long folded days are compared, once one has to be thawed: the rest of a request's time is for
that."""


class ToThaw(Exception):
    """Readings add to days that are folded: these are to be thawed before all is done again.

    :param thing_days: some or all of these days, in order.
    """

    def __init__(self, thing_days: Sequence[ThingDay]) -> None:
        """Keep the days."""
        super().__init__("Days are to be thawed first.")
        self.thing_days = thing_days


def known_in_folded(
    blocks: Iterable[Block], places: Mapping[str, Places], *, thaws: bool = False
) -> dict[SampleKey, LoggedSample]:
    """Return what folded days have at the times of blocks that add nothing to them.

    The things are locked.

    :param places: by asset type.
    :param thaws: thaw days that blocks add to: what these have is found among the hot samples then.
    :raises ToThaw: if there are such days otherwise.
    """
    by_day: dict[ThingDay, list[Block]] = {}
    for block in blocks:
        by_day.setdefault((day_of(block.time), block.subject_id), []).append(block)
    folded: dict[ThingDay, dict[int, FoldedDay]] = {}
    for row in days.listed([(subject, day) for day, subject in by_day]):
        folded.setdefault((row.day, row.subject_id), {})[row.device_id] = row
    known: dict[SampleKey, LoggedSample] = {}
    added_to: list[ThingDay] = []
    end = time.monotonic() + _LOOK_SECONDS
    for key in sorted(folded):
        deadline.check()
        if added_to and time.monotonic() > end:
            break
        found = _known(by_day[key], folded[key], places)
        if found is not None:
            known |= found
        elif thaws:
            days.thaw(key[1], [key[0]])
        else:
            added_to.append(key)
    if added_to:
        raise ToThaw(added_to)
    return known


def thaw_ahead(thing_days: Sequence[ThingDay], end: float) -> None:
    """Thaw days for readings that are to be written next, each in a transaction of its own.

    :param end: when the time is over, by :func:`time.monotonic`.
    :raises StillFolded: when it is over, after one at least was thawed.
    :raises StorageBusy: when it is over before that.
    """
    for done, (day, subject_id) in enumerate(thing_days):
        try:
            deadline.check()
        except StorageBusy as error:
            if done:
                raise _still_folded(done) from error
            raise
        lock_thing(subject_id)
        days.thaw(subject_id, [day])
        rest.rest(subject_id, day, REST)
        db.session.commit()
        if time.monotonic() > end:
            raise _still_folded(done + 1)


def _still_folded(done: int) -> StillFolded:
    return StillFolded(
        "The request has late samples of folded days. Before its time was over "
        f"{counted(done, 'day')} of things could be thawed; nothing of it was stored. Send it "
        "again: each try gets further."
    )


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
