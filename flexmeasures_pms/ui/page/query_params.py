"""Query parameters of a page's URL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.moments import (
    QUERIES,
    SHOWN,
    on_clock,
    read_moment,
)
from flexmeasures_pms.ui.language.words import _

_A_MOMENT = timedelta(milliseconds=1)


def moment(name: str, zone: str | None, now: datetime) -> datetime | None:
    """Return a time in UTC, at the latest now, or None if it is missing.

    :param zone: the time zone of a time without an offset, as forms send it.
    :param now: when the page is asked for; a later time is cut to it.
    :raises BadRequest: for anything else, and for years that no period has.
    """
    # A plus sign in a URL means a space, and is often sent unescaped.
    text = request.args.get(name, "").strip().replace(" ", "+")
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is None:
            at = local.replace(tzinfo=ZoneInfo(zone or "UTC")).astimezone(UTC)
        else:
            at = read_moment(text)
    except (ValueError, OverflowError, RegistryError) as error:
        message = _("{name}: the time {text} can't be read.", name=name, text=text[:SHOWN])
        raise BadRequest(message) from error
    if at not in QUERIES:
        first, last = QUERIES.first, QUERIES.last
        message = _("{name}: choose a time in the years {first} to {last}.", name=name,
                    first=first, last=last)  # fmt: skip
        raise BadRequest(message)
    return min(at, now)


def past_moment(name: str, zone: str | None, now: datetime) -> datetime | None:
    """Return a time in UTC that is not later than now, or None if it is missing.

    :param zone: as in :func:`moment`.
    :raises BadRequest: for anything else.
    """
    # The clock of the reader's machine may be ahead.
    at = moment(name, zone, now + CLOCK_SKEW + _A_MOMENT)
    if at is not None and at > now + CLOCK_SKEW:
        raise BadRequest(_("{name}: this time is in the future.", name=name))
    return at and min(at, now)


def number(name: str, *, most: int = 1 << 31) -> int | None:
    """Return a whole number of at least 1, or None if it is missing.

    :raises BadRequest: for anything else.
    """
    text = request.args.get(name, "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most:
        return int(text)
    raise BadRequest(_("{text} is not a number that this page can use.", text=text[:40]))


def field(moment_: datetime, zone: str | None) -> str:
    """Return a time for a form's date and time field, in a site's time zone."""
    local = on_clock(moment_, zone)
    return local.strftime("%Y-%m-%dT%H:%M:%S" if local.second else "%Y-%m-%dT%H:%M")


def lasted(time: timedelta) -> str:
    """Return a duration in its two largest units: ``3 h 20 min``."""
    seconds = round(time.total_seconds())
    days, hours = seconds // 86_400, seconds // 3_600 % 24
    minutes, rest = seconds // 60 % 60, seconds % 60
    if days:
        return _("{days} d {hours} h", days=days, hours=hours) if hours else _("{n} d", n=days)
    if hours:
        return (
            _("{hours} h {minutes} min", hours=hours, minutes=minutes)
            if minutes
            else _("{n} h", n=hours)
        )
    if minutes and (not rest or minutes >= 10):
        return _("{n} min", n=minutes)
    return (
        _("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
        if minutes
        else _("{n} s", n=rest)
    )
