"""Completeness: the share of the expected samples that were stored.

"No alarm" must never be mistaken for "no data". How many samples are expected is not configured but
observed: as many of each case as came in the best hour of the day before (including the hour
itself), for the part of the hour in which it was installed in the PMS. So cases that are swapped
within an hour are expected for the time that they were there. A device that was silent for the
whole day has no expected number, and a share of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec

from flexmeasures_pms.beliefs.resolve import EARLIEST
from flexmeasures_pms.ingest.cases_in_hour import HOUR, CasesInHour, cases_in_hours
from flexmeasures_pms.ingest.packs_in_hour import start_of_hour
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.kinds import PMS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.intake.receipt_hours import StoredHour, stored_hours

DAY = timedelta(days=1)

_SeenHour = tuple[StoredHour, CasesInHour | None]
_NOTHING = StoredHour(0, 0)


class Completeness(msgspec.Struct, frozen=True, gc=False):
    """The stored and expected samples of one device in one hour.

    :param device: its id as registered.
    :param kind: ``pms``, ``mppt`` or ``inverter``.
    :param hour: its beginning in UTC.
    :param samples: stored ones, whenever they arrived.
    :param packs: that they came from, also for a part of the hour; 1 for other devices.
    :param expected: samples; for the current hour, those up to now.
    :param cadence: between two samples of a pack, as expected [s].
    :param share: stored of expected samples, from 0 to 1; 0 if nothing was stored.
    :param refused: samples that could neither be stored nor kept in quarantine.
    :param installed: how many cases were installed in the PMS, also for a part of the hour; 0 for
        other devices.
    :param missing: ids of those of which the PMS sent no sample in the hour, and at least one was
        expected.
    """

    device: str
    kind: str
    hour: datetime
    samples: int
    packs: int
    expected: int | None
    cadence: float | None
    share: float
    refused: int = 0
    installed: int = 0
    missing: tuple[str, ...] = ()


def period(
    since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime, datetime] | None:
    """Return the requested period: by default the last day; never the future.

    :returns: the start of its first hour and its end, or None for an empty period.
    """
    end = min(until or now, now)
    begin = start_of_hour(max(since or max(end, EARLIEST + DAY) - DAY, EARLIEST))
    return (begin, end) if begin < end else None


def completeness(
    account_id: int, devices: Sequence[Entry], begin: datetime, end: datetime, now: datetime
) -> Iterator[Completeness]:
    """Yield each hour of each device of an organisation, by device and time.

    :param begin: of the first hour; with ``end`` from :func:`period`.
    """
    stored = stored_hours([device.id for device in devices], begin - DAY, end)
    numbers = [device.id for device in devices if device.kind == PMS]
    registered = load_directory(account_id, numbers=numbers, parts=True) if numbers else None
    for device in devices:
        cases: Mapping[datetime, CasesInHour] = {}
        if registered and device.kind == PMS:
            cases = cases_in_hours(registered, device, begin - DAY, end, now)
        hour = begin
        while hour < end:
            yield of_hour(device, hour, stored, min(1.0, (now - hour) / HOUR), cases)
            hour += HOUR


def of_hour(
    device: Entry,
    hour: datetime,
    stored: Mapping[tuple[int, datetime], StoredHour],
    elapsed: float,
    cases: Mapping[datetime, CasesInHour] = MappingProxyType({}),
) -> Completeness:
    """Return how complete an hour is.

    :param elapsed: how much of the hour is over, from 0 to 1.
    :param cases: of a PMS, by hour.
    """
    day = [hour - n * HOUR for n in range(25)]
    came, there = stored.get((device.id, hour), _NOTHING), cases.get(hour)
    seen = [(one, cases.get(h)) for h in day if (one := stored.get((device.id, h))) and one.samples]
    each = _of_each(seen) if seen else None
    expected = None if each is None else _expected(each, there, seen, elapsed)
    return Completeness(
        device.ident,
        device.kind,
        hour,
        came.samples,
        packs=max(came.packs, len(there.reported)) if there else came.packs,
        expected=expected,
        cadence=round(HOUR.total_seconds() / each, 3) if each else None,
        share=_share(came.samples, expected, each, there),
        refused=came.refused,
        installed=len(there.parts) if there else 0,
        missing=there.missing(each) if there else (),
    )


def _of_each(seen: Sequence[_SeenHour]) -> float:
    """Return how many samples one case, or another device, sends in an hour.

    Hours in which cases came or went count only if there are no others: what was sent by packs that
    were installed elsewhere, or longer than is registered, would be divided by too little.
    """
    whole, others = [], []
    for one, cases in seen:
        if cases is None or not cases.reported:
            whole.append(one.samples / max(1, one.packs))
        elif cases.elapsed < 1 or not cases.is_partial:
            whole.append(one.samples / max(one.packs, len(cases.reported)))
        else:
            others.append(one.samples / cases.case_hours)
    return max(whole or others)


def _expected(
    each: float, cases: CasesInHour | None, seen: Sequence[_SeenHour], elapsed: float
) -> int:
    if cases is None:
        return round(max(one.samples for one, _ in seen) * elapsed)
    return round(cases.expected(each))


def _share(
    samples: int, expected: int | None, each: float | None, cases: CasesInHour | None
) -> float:
    if not expected:
        return float(samples > 0)
    share = min(1.0, round(samples / expected, 4))
    if cases is None or each is None or not cases.missing(each):
        return share
    # Cases that are installed elsewhere, and reported here, don't replace those that are missing.
    return min(share, round(cases.expected(each, cases.reported) / expected, 4))
