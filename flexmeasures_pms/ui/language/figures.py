"""Numbers and times as a page shows them, in the language of the request."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.ui.language.words import _, language

NOTHING = "–"
_MINUS = "−"


def number(value: float | Decimal | None, digits: int = 0, *, sign: bool = False) -> str:
    """Return a number with so many decimals, or a dash for none.

    :param sign: show the sign of positive numbers too.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = _decimal(-value if value < 0 else value, digits, language())
    if round(value, digits) == 0:
        return text
    return (_MINUS if value < 0 else "+" if sign else "") + text


@lru_cache(maxsize=65_536)  # a rack shows 1,300 numbers, many of them repeatedly
def _decimal(size: float | Decimal, digits: int, language_name: str) -> str:
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    text: str = format_decimal(size, format=pattern, locale=language_name)
    return text


def moment(value: datetime | None, zone: str | None, *, seconds: bool = True) -> str:
    """Return a time in a site's time zone, ``2026-03-01 19:00:06``, or a dash for none."""
    if value is None:
        return NOTHING
    local = on_clock(value, zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def clock(zone: str | None, at: datetime | None = None) -> str:
    """Return a timezone by its name and offset: ``Asia/Jakarta (UTC+07:00)``."""
    name = zone or "UTC"
    offset = (at or datetime.now(UTC)).astimezone(ZoneInfo(name)).strftime("%z")
    return f"{name} (UTC{offset[:3]}:{offset[3:5]})"


def age(value: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago a time was, ``12 s ago``, or a dash for none."""
    if value is None:
        return NOTHING
    return ago(((now or datetime.now(UTC)) - value).total_seconds())


def lasting(seconds: float | None) -> str:
    """Return a duration in its largest suitable unit, ``12 s``, or a dash for none."""
    if seconds is None:
        return NOTHING
    if seconds < 600:
        return _("{n} s", n=int(seconds))
    if seconds < 7_200:
        return _("{n} min", n=int(seconds // 60))
    return _("{n} h", n=number(seconds // 3_600))


def ago(seconds: float) -> str:
    """Return an age in the largest suitable unit."""
    if seconds < -CLOCK_SKEW.total_seconds():
        return _("in the future")
    if seconds < 120:
        return _("{n} s ago", n=max(0, int(seconds)))
    if seconds < 7_200:
        return _("{n} min ago", n=int(seconds // 60))
    if seconds < 172_800:
        return _("{n} h ago", n=int(seconds // 3_600))
    return _("{n} days ago", n=int(seconds // 86_400))
