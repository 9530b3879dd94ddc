"""The period that charts show: from the URL, or the newest one with readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.registry.messages.moments import shifted
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import query_params

LENGTHS: Mapping[str, tuple[str, timedelta]] = {
    "1h": (mark("1 hour"), timedelta(hours=1)),
    "24h": (mark("24 hours"), timedelta(days=1)),
    "7d": (mark("7 days"), timedelta(days=7)),
    "30d": (mark("30 days"), timedelta(days=30)),
}
LIFE, LIFE_WORDS = "life", mark("Whole life")
AROUND = timedelta(hours=3)
"""How much charts show on either side of a selected moment."""
BY_DEFAULT = "24h"
_LEAST = timedelta(seconds=10)
_LONGEST = timedelta(days=20 * 366)

PeriodBounds = tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Period:
    """A period that charts show.

    :param name: of a length that ends with the newest reading; None for a fixed period.
    :param follows: it ends now, and moves with the clock.
    """

    name: str | None
    start: datetime
    end: datetime
    follows: bool


def bounds_around(at: datetime) -> dict[str, str]:
    """Return the query of charts around a moment."""
    start, end = shifted(at, -AROUND), shifted(at, AROUND)
    return {"start": start.isoformat(), "end": end.isoformat()}


def period(bounds: PeriodBounds, zone: str, now: datetime) -> Period:
    """Return the period in the URL; by default the newest 24 hours of readings.

    :param bounds: when the first and the newest reading were taken.
    :raises BadRequest: for an invalid period.
    """
    start, end = (query_params.moment(name, zone, now) for name in ("start", "end"))
    if start is None and end is None:
        return named(request.args.get("period", BY_DEFAULT), bounds, now)
    length = LENGTHS[BY_DEFAULT][1]
    if start is not None and start >= now:
        raise BadRequest(_("The period begins in the future: choose an earlier start."))
    end = end or (min(start + length, now) if start else now)
    start = start or end - length
    if start >= end:
        raise BadRequest(_("The period must begin before it ends."))
    if end - start > _LONGEST:
        raise BadRequest(_("The period is longer than 20 years."))
    return Period(None, start, max(end, start + _LEAST), follows=False)


def named(name: str, bounds: PeriodBounds, now: datetime) -> Period:
    """Return the newest period of a length: up to now, or to the newest reading if that is old.

    :raises BadRequest: for an unknown name.
    """
    first, newest = bounds or (now - LENGTHS[BY_DEFAULT][1], now)
    newest = min(newest, now)  # a reading may be ahead of the clock
    if name == LIFE:
        length = now - first
    elif name in LENGTHS:
        length = LENGTHS[name][1]
    else:
        raise BadRequest(_("This page has no period {text}.", text=name[:40]))
    recent = now - newest < length / 2
    end = now if recent and name != LIFE else newest + _LEAST
    if name == LIFE:
        length = max(end - first, timedelta(minutes=1))
    return Period(name, end - length, end, follows=recent and name != LIFE)
