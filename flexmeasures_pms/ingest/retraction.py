"""Retraction: samples that were stored under a wrong time leave the log again.

They go to the quarantine, as discarded, with who took them back and why: a replay stores exactly
the same again. Ten minutes of a thing are a transaction: each sample is in the log or in the
quarantine, so a retraction that was interrupted is done again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset

from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.catalogue.recording import bands
from flexmeasures_pms.config import is_thinned, settings
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.carry_through import carry_through
from flexmeasures_pms.ingest.packs_in_hour import start_of_hour
from flexmeasures_pms.ingest.retracted_texts import RetractedThing, SentAgain, sent_again
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.kinds import CABINET, PMS
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.intake.quarantining import QuarantinedSample, keep_discarded
from flexmeasures_pms.storage.intake.receipt_hours import take_back
from flexmeasures_pms.storage.log import samples
from flexmeasures_pms.storage.log.counted import counted_samples, next_sample
from flexmeasures_pms.storage.log.days import folded_days, thaw
from flexmeasures_pms.storage.log.quarters import quarter_of
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.readings.newest import Newest
from flexmeasures_pms.storage.readings.taking import TakenFrom, take_out
from flexmeasures_pms.storage.readings.turns import rebuild, take_turns

RETRACTED = "retracted"
"""Reason of samples that were stored under a wrong time and taken back."""

# A thing is locked for the time of each: 120 samples of a pack take 0.15 s.
_STEP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class WrongTime:
    """What is to be retracted.

    :param end: not included.
    :param device_id: of what one device reported; None for all.
    :param things: what it may be about.
    """

    account_id: int
    begin: datetime
    end: datetime
    device_id: int | None
    things: Sequence[RetractedThing]

    def counted(self) -> dict[int, int]:
        """Return how many samples there are of each thing that has any."""
        numbers = [thing.id for thing in self.things]
        return counted_samples(numbers, self.begin, self.end, self.device_id)


@dataclass(frozen=True, slots=True)
class Retracted:
    """What was retracted.

    :param left: samples that stay, since no request would store the same again.
    """

    samples: int = 0
    left: int = 0

    def __add__(self, other: Retracted) -> Retracted:
        """Add two up."""
        return Retracted(self.samples + other.samples, self.left + other.left)


def wrong_time(found: Found, begin: datetime, end: datetime) -> WrongTime:
    """Return what a device reported in a period, or what was reported of a case or cabinet.

    A clock is a gateway's: of a PMS it is all that this reported, of its packs and EHubs too.
    """
    thing = trackable.c
    is_owned = sa.and_(
        GenericAsset.id == thing.asset_id, GenericAsset.account_id == thing.account_id
    )
    query = sa.select(thing.id, thing.kind, thing.ident, thing.asset_id)
    query = query.join(GenericAsset, is_owned).where(thing.account_id == found.account_id)
    whole = found.kind == PMS
    among = thing.kind.in_(BY_ASSET_TYPE) if whole else thing.id == found.id
    rows = db.session.execute(query.where(among).order_by(thing.id))
    things = [RetractedThing(*row) for row in rows]
    return WrongTime(found.account_id, begin, end, found.id if whole else None, things)


def retract(
    wanted: WrongTime, things: Collection[int], author: Author, tell: Callable[[int], None]
) -> Retracted:
    """Take samples back, in transactions of its own.

    :param things: those of ``wanted`` that have samples.
    :param author: with a note.
    :param tell: is told how many more samples were looked at.
    """
    total = Retracted()
    for thing in (thing for thing in wanted.things if thing.id in things):
        begin = wanted.begin
        while (first := _next(wanted, thing, begin)) is not None:
            begin = min(quarter_of(first, _STEP) + _STEP, wanted.end)
            done = carry_through(partial(_retract, wanted, thing, (first, begin), author))
            tell(done.samples + done.left)
            total += done
    return total


def _next(wanted: WrongTime, thing: RetractedThing, begin: datetime) -> datetime | None:
    found = next_sample(thing.id, begin, wanted.end, wanted.device_id)
    db.session.rollback()
    return found


def _retract(
    wanted: WrongTime,
    thing: RetractedThing,
    period: tuple[datetime, datetime],
    author: Author,
    _hold_registry: bool,
) -> Retracted:
    now = datetime.now(UTC)
    quarantine.hold(wanted.account_id)
    newest = take_turns(wanted.account_id, [thing.id], now + CLOCK_SKEW)[thing.id]
    if folded := folded_days([thing.id], *period):
        thaw(thing.id, {row.day for row in folded})
    found = samples.within(thing.id, *period, wanted.device_id)
    again = sent_again(wanted.account_id, thing, found, now)
    taken = take_out(_taken_from(thing, newest), again)
    if _concerns_newest(newest, taken):
        rebuild([thing.id], now + CLOCK_SKEW)
    entries = [e for sample in taken for e in _entries(thing, sample.key, again[sample.key])]
    keep_discarded(wanted.account_id, entries, author=author.name, note=author.note or "")
    if thing.kind not in (CABINET, PMS):  # the status of an EHub comes with a pack
        take_back(Counter((s.key.device_id, start_of_hour(s.key.time)) for s in taken))
    db.session.commit()
    return Retracted(len(taken), len(found) - len(taken))


def _taken_from(thing: RetractedThing, newest: Newest) -> TakenFrom:
    thinned = is_thinned()
    on_change = bands(thing.kind, settings().recording, newest.policies, thinned=thinned)
    sensors = sensor_ids([thing.asset_id])[thing.asset_id]
    return TakenFrom(thing.id, thing.kind, sensors, on_change, thinned)


def _concerns_newest(newest: Newest, taken: Sequence[LoggedSample]) -> bool:
    """Whether the latest readings, or what was written last before them, were among samples."""
    last = max((sample.key.time for sample in taken), default=None)
    return last is not None and (newest.time is None or last >= quarter_of(newest.time))


def _entries(thing: RetractedThing, key: SampleKey, sent: SentAgain) -> list[QuarantinedSample]:
    problem = Problem(
        "datasets[0].data[0].time_local",
        RETRACTED,
        "It was stored, and was retracted since its time is wrong. "
        "`flexmeasures pms quarantine replay --discarded --reason retracted` stores it again.",
    )
    return [
        QuarantinedSample(
            thing.dataset, "application/json", problem, sent.device, sent.pack, key.time, text
        )
        for text in sent.texts
    ]
