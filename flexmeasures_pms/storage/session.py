"""Roll back a failed transaction, and empty the caches that it filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flexmeasures.data import db
from sqlalchemy.exc import SQLAlchemyError

Forget = TypeVar("Forget", bound=Callable[[], None])

_caches: list[Callable[[], None]] = []


def forgets_after_failure(forget: Forget) -> Forget:
    """Register a function that empties a cache of row numbers, to be called by :func:`abandon`.

    A row may have been made in the transaction that failed. Its number is free again, and
    after a crash PostgreSQL may give it to another row.
    """
    _caches.append(forget)
    return forget


def abandon() -> None:
    """Roll back the transaction, also on a dead connection, and empty the caches.

    COPY uses the driver directly: SQLAlchemy does not notice a lost connection then, until
    it rolls back.
    """
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session().invalidate()
    for forget in _caches:
        forget()
