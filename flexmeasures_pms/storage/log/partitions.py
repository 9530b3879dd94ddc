"""Partitions of the log: one for each day, which is dropped when the day is folded.

A day without one is in the default partition, and is folded from there all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from flask import current_app
from flexmeasures.data import db
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from flexmeasures_pms.migrations.sample_tables import PREFIX, names
from flexmeasures_pms.storage.log.clock import day_of
from flexmeasures_pms.storage.log.days import WAIT

AHEAD = 2
"""How many days ahead partitions are made: samples are at most one day ahead."""

# Everybody who writes samples waits meanwhile.
_LOCK = "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '5s'"


def name_of(day: date) -> str:
    """Return the name of a day's partition."""
    return f"{PREFIX}{day:%Y%m%d}"


def make_partitions(now: datetime) -> list[date]:
    """Make the partitions of today and of the next days that are not there; commits.

    A day that has samples already stays in the default partition. Where others hold the table
    for long, this is left to the next time.

    :returns: the days whose partitions were made.
    """
    there = set(names(db.session.connection()))
    days = [day_of(now) + timedelta(days=n) for n in range(AHEAD + 1)]
    return [day for day in days if name_of(day) not in there and _tried(*_making(day))]


def _making(day: date) -> tuple[str, ...]:
    bounds = (f"'{one}T00:00:00Z'" for one in (day, day + timedelta(days=1)))
    return (
        f"CREATE TABLE {name_of(day)} PARTITION OF pms_sample "
        f"FOR VALUES FROM ({next(bounds)}) TO ({next(bounds)})",
    )


def drop_empty_partitions(now: datetime) -> list[date]:
    """Drop the partitions of days that are over and folded; commits.

    Where others hold the table for long, this is left to the next time.

    :returns: the days whose partitions were dropped.
    """
    past = [day for day in _days() if day < day_of(now - WAIT)]
    return [day for day in past if _is_empty(day) and _tried(*_dropping(day))]


def _dropping(day: date) -> tuple[str, ...]:
    # Looks again while nobody can add anything.
    return (
        "LOCK TABLE ONLY pms_sample IN ACCESS EXCLUSIVE MODE",
        f"""DO $$ BEGIN
          IF EXISTS (SELECT FROM {name_of(day)}) THEN
            RAISE check_violation USING MESSAGE = 'The partition is not empty any more.';
          END IF;
        END $$""",
        f"DROP TABLE {name_of(day)}",
    )


def _days() -> Iterator[date]:
    for name in names(db.session.connection()):
        if (digits := name.removeprefix(PREFIX)).isdigit():
            yield datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()


def _is_empty(day: date) -> bool:
    query = text(f"SELECT NOT EXISTS (SELECT FROM {name_of(day)})")  # noqa: S608 - our names
    return bool(db.session.scalar(query))


def _tried(*statements: str) -> bool:
    """Do something in a transaction of its own, unless it takes too long or can't be done now."""
    db.session.rollback()
    try:
        for statement in (_LOCK, *statements):
            db.session.execute(text(statement))
    except (OperationalError, IntegrityError) as error:
        db.session.rollback()
        current_app.logger.info("A partition of the log is left as it is: %s", error.orig)
        return False
    db.session.commit()
    return True
