"""Days by which warranties are looked for."""

from __future__ import annotations

from datetime import date, timedelta

Days = tuple[date, date]
"""A period of days; the last one is not included."""


def quarter(day: date, later: int = 0) -> Days:
    """Return the quarter of the calendar that has a day, or one some quarters later."""
    count = day.year * 4 + (day.month - 1) // 3 + later
    return _begin(count), _begin(count + 1)


def following_year(day: date) -> Days:
    """Return a day and the 364 after it."""
    return day, day + timedelta(days=365)


def _begin(count: int) -> date:
    return date(count // 4, count % 4 * 3 + 1, 1)
