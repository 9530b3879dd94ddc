"""Completeness: the share of the expected samples that were stored.

"No alarm" must never be mistaken for "no data". The expected number of a device in an hour
is not configured but observed: the most samples that came in any one hour of the day before
(including the hour itself). So a pack that is replaced, or moves to another dock, within an
hour is not expected twice afterwards. A device that was silent for the whole day has no
expected number, and a share of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from flexmeasures_pms.beliefs.resolve import EARLIEST
from flexmeasures_pms.ingest.packs_in_hour import start_of_hour
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.intake.receipt_hours import StoredHour, stored_hours

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Completeness(msgspec.Struct, frozen=True, gc=False):
    """The stored and expected samples of one device in one hour.

    :param device: its id as registered.
    :param kind: ``pms``, ``mppt`` or ``inverter``.
    :param hour: its beginning in UTC.
    :param samples: stored ones, whenever they arrived.
    :param packs: that they came from; 1 for other devices.
    :param expected: samples; for the current hour, those up to now.
    :param cadence: between two samples of a pack, as expected [s].
    :param share: stored of expected samples, from 0 to 1; 0 if nothing was stored.
    :param refused: samples that could neither be stored nor kept in quarantine.
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
    devices: Sequence[Entry], begin: datetime, end: datetime, now: datetime
) -> Iterator[Completeness]:
    """Yield each hour of each device, by device and time.

    :param begin: of the first hour; with ``end`` from :func:`period`.
    """
    stored = stored_hours([device.id for device in devices], begin - DAY, end)
    for device in devices:
        hour = begin
        while hour < end:
            yield of_hour(device, hour, stored, min(1.0, (now - hour) / HOUR))
            hour += HOUR


def of_hour(
    device: Entry, hour: datetime, stored: Mapping[tuple[int, datetime], StoredHour], elapsed: float
) -> Completeness:
    """Return how complete an hour is.

    :param elapsed: how much of the hour is over, from 0 to 1.
    """
    day = (stored.get((device.id, hour - n * HOUR)) for n in range(25))
    seen = [there for there in day if there and there.samples]
    came = stored.get((device.id, hour), StoredHour(0, 0))
    expected = cadence = None
    share = float(came.samples > 0)
    if seen:
        fullest = max(seen)
        expected = round(fullest.samples * elapsed)
        cadence = round(HOUR.total_seconds() * fullest.packs / fullest.samples, 3)
        share = min(1.0, round(came.samples / expected, 4)) if expected else share
    return Completeness(
        device.ident,
        device.kind,
        hour,
        came.samples,
        came.packs,
        expected,
        cadence,
        share,
        came.refused,
    )
