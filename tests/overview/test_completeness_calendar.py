"""Completeness as a calendar, on the site's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from flexmeasures_pms.ingest.completeness import Completeness
from flexmeasures_pms.overview.completeness_calendar import (
    Calendar,
    HourState,
    calendar,
    days_before,
    state_of,
)
from flexmeasures_pms.registry.directory import Entry

HOUR = timedelta(hours=1)
NIGHT = datetime(2026, 3, 1, 20, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def hour(start: datetime, samples: int = 10, expected: int | None = 10) -> Completeness:
    share = min(1.0, samples / expected) if expected else float(samples > 0)
    return Completeness("PMS-1", "pms", start, samples, 1, expected, 360.0, share)


def of(*samples: int | None, zone: str = "Asia/Jakarta", now: datetime = LATER) -> Calendar:
    """Hours from 20:00 UTC on with so many of 10 samples; None where nothing is expected."""
    hours = (
        hour(NIGHT + n * HOUR, got or 0, None if got is None else 10)
        for n, got in enumerate(samples)
    )
    return calendar(Entry(1, "pms", "PMS-1", timezone=zone), hours, now)


@pytest.mark.parametrize(
    ("samples", "expected", "state"),
    [(10, 10, "complete"), (99, 100, "complete"), (98, 100, "most"), (9, 10, "most"),
     (89, 100, "part"), (1, 100, "part"), (0, 10, "nothing"), (0, None, "silent"), (0, 0, "begun"),
     (3, 0, "complete")],
)  # fmt: skip
def test_what_an_hour_is_shown_as(samples: int, expected: int | None, state: HourState) -> None:
    assert state_of(hour(NIGHT, samples, expected)) == state


def test_days_are_those_of_the_site() -> None:
    found = of(10, 10, 10, 10, 10, 10)
    assert [day.date for day in found.days] == [date(2026, 3, 2)]
    assert [n for n, squares in enumerate(found.days[0].hours) if squares] == [3, 4, 5, 6, 7, 8]
    in_utc = of(10, 10, 10, 10, 10, 10, zone="UTC")
    assert [day.date for day in in_utc.days] == [date(2026, 3, 1), date(2026, 3, 2)]


def test_an_hour_that_a_clock_goes_through_twice_has_two_squares() -> None:
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)
    hours = (hour(autumn + n * HOUR) for n in range(25))
    entry = Entry(1, "pms", "PMS-1", timezone="Europe/Amsterdam")
    (day,) = calendar(entry, hours, LATER).days
    assert [len(squares) for squares in day.hours] == [1, 1, 2, *[1] * 21]


def test_hours_without_anything_count_from_the_first_reading_on() -> None:
    found = of(None, None, 10, 0, 9, None, 10)
    assert (found.missing, found.incomplete, found.silent_for) == (2, 1, 0)
    assert of(10, 10, 0, 0).silent_for == 2
    assert of(None, None, None).silent_for == 3


def test_the_hour_that_goes_on_is_not_held_against_a_device() -> None:
    assert of(10, 5, now=NIGHT + 1.5 * HOUR).incomplete == 0
    assert of(10, 5, now=NIGHT + 2 * HOUR).incomplete == 1


def test_a_week_begins_with_a_day_of_the_site() -> None:
    # 03:00 on 2 March in Jakarta.
    assert days_before(NIGHT, 1, "Asia/Jakarta") == datetime(2026, 3, 1, 17, tzinfo=UTC)
    assert days_before(NIGHT, 7, "Asia/Jakarta") == datetime(2026, 2, 23, 17, tzinfo=UTC)
    # A day that begins at half past of UTC is shown from the hour before.
    assert days_before(NIGHT, 1, "Asia/Kolkata") == datetime(2026, 3, 1, 18, tzinfo=UTC)
