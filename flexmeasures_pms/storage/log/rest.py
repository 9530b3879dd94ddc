"""Days of things that are not folded for a while: why, and until when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from flexmeasures.data import db

LONGEST = timedelta(days=1)
"""No day rests longer: one that does rested already before a clock was set back."""

RESTS = "r.until > now() AND r.until <= now() + interval '1 day'"
"""Whether a day rests, as a condition on ``pms_day_rest r``."""

_REST = """
    INSERT INTO pms_day_rest (subject_id, day, until, reason) VALUES (%s, %s, now() + %s, %s)
    ON CONFLICT (subject_id, day) DO UPDATE SET until = excluded.until, reason = excluded.reason"""
_IS_RESTING = f"""
    SELECT EXISTS (SELECT FROM pms_day_rest r
      WHERE r.subject_id = %s AND r.day = %s AND {RESTS})"""  # noqa: S608 - of constants
_FORGET = f"DELETE FROM pms_day_rest r WHERE NOT ({RESTS})"  # noqa: S608 - of constants
_UNFOLDABLE = f"""
    SELECT t.kind, t.ident, r.day FROM pms_day_rest r JOIN pms_trackable t ON t.id = r.subject_id
    WHERE r.reason IS NOT NULL AND {RESTS} ORDER BY r.day, t.id"""  # noqa: S608 - of constants


class UnfoldableDay(NamedTuple):
    """A day of a thing that could not be folded."""

    kind: str
    ident: str
    day: date


def rest(subject_id: int, day: date, time: timedelta, reason: str | None = None) -> None:
    """Let a day of a thing rest for some time from now; the caller commits.

    :param time: at most :data:`LONGEST`.
    :param reason: why it could not be folded, if it was tried.
    """
    _cursor().execute(_REST, (subject_id, day, time, reason))


def is_resting(subject_id: int, day: date) -> bool:
    """Whether a day of a thing rests now."""
    cursor = _cursor()
    cursor.execute(_IS_RESTING, (subject_id, day))
    return bool(cursor.fetchone()[0])


def forget_rested() -> None:
    """Delete what says of days that they rested; the caller commits."""
    _cursor().execute(_FORGET)


def unfoldable() -> list[UnfoldableDay]:
    """Return the days that could not be folded, and are tried again later: the earliest first."""
    cursor = _cursor()
    cursor.execute(_UNFOLDABLE)
    return [UnfoldableDay(*row) for row in cursor]


def _cursor() -> Any:
    return db.session.connection().connection.cursor()
