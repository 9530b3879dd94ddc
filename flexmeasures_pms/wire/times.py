"""Times as devices write them: local time with an offset from UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

LONGEST = 40
EXAMPLE = "20200210T150006.032+0700"

_OFFSET = r"(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_CLOCK = (
    re.compile(
        r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})"
        r"(?:([0-9]{2})(?:\.([0-9]+))?)?" + _OFFSET
    ),
    re.compile(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})"
        r"(?::([0-9]{2})(?:\.([0-9]+))?)?" + _OFFSET
    ),
)
_FARTHEST = timedelta(hours=14)


class ParsedTime(NamedTuple):
    """A time in UTC, and whether it was given to the second."""

    utc: datetime
    has_seconds: bool


# The packs of one message share their time, so that most calls hit the cache.
@lru_cache(maxsize=1024)
def parse(text: str) -> ParsedTime:
    """Return a time in UTC, cut to whole milliseconds.

    Compressed and extended ISO 8601 are read; seconds and their fraction may be left
    out, the offset may not: a time without one could be hours off.

    :raises ValueError: with what is wrong.
    """
    match = None if len(text) > LONGEST else next(filter(None, _matches(text)), None)
    if match is None:
        raise ValueError(f"is not a time like {EXAMPLE}")
    if match["offset"] is None:
        raise ValueError(f"has no offset from UTC; write it like {EXAMPLE}")
    year, month, day, hour, minute = map(int, match.group(1, 2, 3, 4, 5))
    thousandths = int((match[7] or "").ljust(3, "0")[:3])
    second, microsecond = int(match[6] or 0), thousandths * 1000
    try:
        zone = timezone(_offset(match["offset"]))
        local = datetime(year, month, day, hour, minute, second, microsecond, zone)
        utc = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("names a day, hour or offset that does not exist") from None
    return ParsedTime(utc, match[6] is not None)


def _matches(text: str) -> list[re.Match[str] | None]:
    return [clock.fullmatch(text) for clock in _CLOCK]


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta(0)
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or offset > _FARTHEST:
        raise ValueError
    return -offset if text[0] == "-" else offset
