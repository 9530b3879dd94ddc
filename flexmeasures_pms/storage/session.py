"""Roll back a failed transaction, and empty the caches that it filled; end a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg2
from flask import current_app
from flexmeasures.data import db
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures_pms import deadline

DATABASE_ERRORS = (SQLAlchemyError, psycopg2.Error)
"""What a statement may fail with: a part of them uses the driver directly."""

Forget = TypeVar("Forget", bound=Callable[[], None])

_caches: list[Callable[[], None]] = []


def forgets_after_failure(forget: Forget) -> Forget:
    """Register a function that empties a cache of row numbers, to be called by :func:`abandon`.

    A row may have been made in the transaction that failed. Its number is free again, and
    after a crash PostgreSQL may give it to another row.
    """
    _caches.append(forget)
    return forget


def cause(error: Exception) -> BaseException:
    """Return what the driver said, if it was the driver."""
    return getattr(error, "orig", None) or error


def is_lost(error: Exception) -> bool:
    """Whether an error means that the database is not available: it is no answer of the server.

    A connection that ends within an answer is no ``OperationalError`` to the driver.
    """
    said = cause(error)
    broken = isinstance(said, psycopg2.Error) and said.pgcode is None
    return broken or isinstance(said, psycopg2.OperationalError)


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


@contextmanager
def after_commit(put_off: str) -> Iterator[None]:
    """Do what follows a commit: what fails is rolled back and logged, and raises nothing.

    The deadline of the request is forgotten: an answer of "nothing was stored" would be untrue.

    :param put_off: says in the log what is done later.
    """
    deadline.forget()
    try:
        yield
    except Exception:
        abandon()
        current_app.logger.exception(put_off)
