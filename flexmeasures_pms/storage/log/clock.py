"""Times of the log: milliseconds since 1970, and days (UTC)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts its times [µs] and its dates from then."""


def day_of(time: datetime) -> date:
    """Return the day of a time, in UTC."""
    return time.astimezone(UTC).date()


def begin_of(day: date) -> int:
    """Return when a day begins [ms since 1970-01-01 UTC]."""
    return (day - EPOCH.date()).days * DAY_MS


def milliseconds(time: datetime) -> int:
    """Return the first millisecond at or after a time."""
    return -((EPOCH - time) // timedelta(milliseconds=1))


def microseconds(time: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (time - EPOCH) // timedelta(microseconds=1)
