"""Completeness as a calendar: one square per hour, by days in the site's time zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import dropwhile, groupby, takewhile
from typing import Literal
from zoneinfo import ZoneInfo

from flexmeasures_pms.ingest.cases_in_hour import HOUR
from flexmeasures_pms.ingest.completeness import Completeness, completeness
from flexmeasures_pms.registry.directory import Entry

HourState = Literal["complete", "most", "part", "nothing", "silent", "begun"]

HOURS = 24
COMPLETE, MOST = 0.99, 0.9
"""Shares from which an hour counts as complete, or as mostly complete."""


@dataclass(frozen=True, slots=True)
class CalendarHour:
    """One hour of a device.

    :param start: its beginning in UTC.
    :param state: ``nothing`` if samples were expected and none arrived, ``silent`` if none had
        arrived in the day before either, ``begun`` if none is expected yet.
    :param running: it is not over yet.
    """

    start: datetime
    state: HourState
    hour: Completeness
    running: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A day in the site's time zone.

    :param hours: its 24 hours: none outside the requested period, and two squares for the hour
        that a clock goes through twice.
    """

    date: date
    hours: tuple[tuple[CalendarHour, ...], ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one device, oldest first.

    :param zone: time zone of the days.
    """

    device: Entry
    zone: str
    days: tuple[Day, ...]

    @property
    def calendar_hours(self) -> list[CalendarHour]:
        """All squares in order of time."""
        return [one for day in self.days for hour in day.hours for one in hour]

    @property
    def missing(self) -> int:
        """In how many hours nothing arrived, since the first in which something did."""
        since = dropwhile(lambda one: one.state == "silent", self.calendar_hours)
        return sum(one.state in ("nothing", "silent") for one in since)

    @property
    def incomplete(self) -> int:
        """In how many hours only a part arrived, without the current hour."""
        return sum(s.state in ("most", "part") and not s.running for s in self.calendar_hours)

    @property
    def refused(self) -> int:
        """How many samples could neither be stored nor kept in quarantine."""
        return sum(one.hour.refused for one in self.calendar_hours)

    @property
    def silent_for(self) -> int:
        """For how many hours up to the end nothing has arrived."""
        silent = takewhile(lambda s: not s.hour.samples, reversed(self.calendar_hours))
        return sum(one.state != "begun" for one in silent)


def state_of(hour: Completeness) -> HourState:
    """Return how an hour is shown."""
    if hour.samples == 0:
        if hour.expected is None:
            return "silent"
        return "nothing" if hour.expected else "begun"
    if hour.share >= COMPLETE and not hour.missing:
        return "complete"
    return "most" if hour.share >= MOST else "part"


def calendars(
    account_id: int, devices: Sequence[Entry], begin: datetime, end: datetime, now: datetime
) -> list[Calendar]:
    """Return the calendars of some devices of an organisation, in their order.

    :param begin: of the first hour in UTC, from ``ingest.completeness.period``.
    """
    found: dict[str, list[Completeness]] = {}
    for hour in completeness(account_id, devices, begin, end, now):
        found.setdefault(f"{hour.kind}:{hour.device}", []).append(hour)
    return [calendar(d, found.get(f"{d.kind}:{d.ident}", ()), now) for d in devices]


def calendar(device: Entry, hours: Iterable[Completeness], now: datetime) -> Calendar:
    """Return the calendar of one device's hours, which are in order of time."""
    zone = device.timezone or "UTC"
    clock = ZoneInfo(zone)
    calendar_hours = [CalendarHour(h.hour, state_of(h), h, h.hour + HOUR > now) for h in hours]
    by_day = groupby(calendar_hours, key=lambda s: s.start.astimezone(clock).date())
    return Calendar(
        device, zone, tuple(Day(day, _by_hour(list(group), clock)) for day, group in by_day)
    )


def _by_hour(
    calendar_hours: Sequence[CalendarHour], clock: ZoneInfo
) -> tuple[tuple[CalendarHour, ...], ...]:
    hours: list[list[CalendarHour]] = [[] for _ in range(HOURS)]
    for one in calendar_hours:
        hours[one.start.astimezone(clock).hour].append(one)
    return tuple(tuple(hour) for hour in hours)


def first_hour(day: date, zone: str) -> datetime:
    """Return the beginning of the UTC hour in which a day of a site begins."""
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def days_before(end: datetime, days: int, zone: str) -> datetime:
    """Return the beginning of the first of some days of a site; the last is the day of a time."""
    last = (end - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
    return first_hour(last - timedelta(days=days - 1), zone)
