"""Roll back a failed transaction, and empty the caches that it filled; end a session."""

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


def end(_error: BaseException | None = None) -> None:
    """End the session, also on a dead connection, when all else of a request or command is done.

    What was to be done is done, and the reply is ready: that the connection is lost now is
    no reason to fail.
    """
    if not db.session.registry.has():
        return
    try:
        db.session.close()
    except SQLAlchemyError:
        db.session().invalidate()
