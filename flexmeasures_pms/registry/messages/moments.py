"""Times as people give them: how they are read, and which are accepted where.

Everything that takes a time from outside checks it against one of the ranges of this module:
command line, forms, registry files, the API and the pages. What is stored may be older than
these rules, so what is shown is converted with :func:`on_clock` and :func:`shifted`, which
never fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.message import message, message_form
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER

SHOWN = 40
"""How many characters of an unreadable time are repeated in a message."""


@dataclass(frozen=True, slots=True)
class MomentRange:
    """The times that are accepted for one purpose.

    :param first: the year of the first one.
    :param ahead: how far after now the last one is; None for the end of the year ``last``.
    :param late: what is said of a later one.
    """

    first: int
    ahead: timedelta | None = None
    late: str = message_form("{t} is after the year {year}.")
    last: int = 2100

    @property
    def begin(self) -> datetime:
        """The first time, in UTC."""
        return datetime(self.first, 1, 1, tzinfo=UTC)

    def end(self, now: datetime) -> datetime:
        """Return the last time."""
        fixed = datetime(self.last, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
        return fixed if self.ahead is None else min(fixed, now + self.ahead)

    def __contains__(self, at: datetime) -> bool:
        """Whether a time is accepted now."""
        return self.begin <= at <= self.end(datetime.now(UTC))


_FUTURE = message_form("{t} is in the future.")
_FAR = message_form("{t} is more than a year ahead.")
_A_MINUTE = timedelta(minutes=1)

PAST = MomentRange(2000, _A_MINUTE, _FUTURE)
"""What was: until now. The clock of the machine that asks may be a minute ahead."""

EVENTS = MomentRange(2000, _A_MINUTE, _FAR)
"""Changes of the registry: until now, with the same minute."""

PLANNED = MomentRange(2000, timedelta(days=366), _FAR)
"""Changes of the registry that are said to be planned: up to a year ahead."""

QUERIES = MomentRange(2000)
"""Bounds of periods that are asked for, and the end of a key."""

SAMPLES_AHEAD = timedelta(days=1)
SAMPLES = MomentRange(2010, SAMPLES_AHEAD)
"""Telemetry."""


def read_moment(text: str) -> datetime:
    """Read a time as ISO 8601 with an offset, in whole milliseconds of UTC.

    :raises RegistryError: if it is none, or has no offset.
    """
    try:
        at = datetime.fromisoformat(text)
        if at.utcoffset() is not None:
            at = at.astimezone(UTC)
            return at.replace(microsecond=at.microsecond // 1000 * 1000)
    except (ValueError, OverflowError) as error:
        problem = message(
            "'{text}' is not a time such as 2026-03-01T12:00:00+07:00.", text=text[:SHOWN]
        )
        raise RegistryError(problem) from error
    problem = message(
        "'{text}' has no offset from UTC: write 2026-03-01T12:00:00+07:00, or Z for UTC.",
        text=text[:SHOWN],
    )
    raise RegistryError(problem)


def accepted(at: datetime, among: MomentRange) -> datetime:
    """Return a time if a range has it.

    :raises RegistryError: if not, saying what is accepted; its cure is ``planned`` where the
        time would be accepted of a planned change.
    """
    if at in among:
        return at
    if among is EVENTS and at in PLANNED:
        command = "if it is planned, say so with --planned"
        raise RegistryError(message(_FUTURE, t=at), command=command, cure="planned")
    if at < among.begin:
        raise RegistryError(message("{t} is before the year {year}.", t=at, year=among.first))
    raise RegistryError(message(among.late, t=at, year=among.last))


def on_clock(at: datetime, zone: str | None) -> datetime:
    """Return a time in a time zone, by default UTC; in its own where that ends the calendar."""
    try:
        return at.astimezone(ZoneInfo(zone or "UTC"))
    except OverflowError:
        return at


def shifted(at: datetime, by: timedelta) -> datetime:
    """Return a time moved by a duration, but not beyond the calendar's first or last day."""
    try:
        return at + by
    except OverflowError:
        return FOREVER if by > timedelta(0) else SINCE_EVER
