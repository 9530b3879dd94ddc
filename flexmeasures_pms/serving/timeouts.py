"""Time limits of a request, and 503 when one is reached.

A request has a deadline, and every wait is limited: for a connection, for a lock and for a
statement, each to what is left until the deadline. The limits apply
from the first query, which is FlexMeasures' own: it looks up the user and records when they
were last seen, before any view is called.
"""

from __future__ import annotations

from typing import Any

import psycopg2
from flask import Blueprint, Flask, g, has_request_context, request
from flexmeasures.data import db
from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import DetachedInstanceError

from flexmeasures_pms import deadline
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import SchemaError, StorageBusy
from flexmeasures_pms.storage.session import end

# For a server that vanished without closing connections; the host's own settings win.
# In seconds, except the last, which is in milliseconds.
CONNECTING = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

RETRY_AFTER = "30"
"""When a request that was refused because of the database may be sent again [s]."""

# A full or read-only database is neither an OperationalError to every driver. When even the
# rollback finds the connection dead, the user is detached, and can't be read again. What
# Flask-Security took for a wrong token leaves a transaction that has to be rolled back first.
FAILURES: tuple[type[Exception], ...] = (
    StorageBusy, SchemaError, OperationalError, PoolTimeout, DBAPIError, psycopg2.Error,
    DetachedInstanceError, PendingRollbackError,
)  # fmt: skip
"""Exceptions that mean that the database is not available."""

_ERROR = "flexmeasures_pms_database_error"
_BOUNDED = "flexmeasures_pms_bounded"


def install(app: Flask, blueprint: Blueprint) -> None:
    """Limit the waits of a blueprint's requests, and the time to connect for all."""
    bounded: set[str] = app.extensions.setdefault(_BOUNDED, set())
    if not bounded:
        _listen(app, bounded)
        # Before Flask-SQLAlchemy's own, whose failure would replace the reply by the server's 500.
        app.teardown_appcontext(end)
    bounded.add(blueprint.name)


def _limits() -> tuple[float, float]:
    """Return the longest waits for a lock and for a statement [s].

    :raises StorageBusy: the deadline is over.
    """
    found = settings()
    try:
        return deadline.at_most(found.lock_timeout), deadline.at_most(found.statement_timeout)
    except StorageBusy as error:
        if has_request_context():
            setattr(g, _ERROR, error)
        raise


def _limiting(lock: float, statement: float) -> str:
    return (
        f"SET LOCAL lock_timeout = '{lock * 1000:.0f}ms';"
        f"SET LOCAL statement_timeout = '{statement * 1000:.0f}ms'"
    )


def _tighten(_connection: Any, cursor: Any, *_: Any) -> None:
    """Cut the limits before a statement, if less is left until the deadline than they are."""
    if not deadline.is_set():
        return
    found, (lock, statement) = settings(), _limits()
    if (lock, statement) != (found.lock_timeout, found.statement_timeout):
        cursor.execute(_limiting(lock, statement))


def _listen(app: Flask, bounded: set[str]) -> None:
    def is_ours() -> bool:
        return has_request_context() and request.blueprint in bounded

    def bound_transaction(_session: Any, _transaction: Any, connection: Connection) -> None:
        if is_ours():
            connection.exec_driver_sql(_limiting(*_limits()))

    def note_error(context: ExceptionContext) -> None:
        if is_ours():
            setattr(g, _ERROR, context.sqlalchemy_exception or context.original_exception)

    def begin() -> None:
        if is_ours():
            deadline.begin(settings().request_timeout)

    def forget(_error: BaseException | None) -> None:
        deadline.forget()

    # Before FlexMeasures' own function, which asks the database.
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.teardown_request(forget)
    with app.app_context():
        event.listen(db.engine, "do_connect", _bound_connecting)
        event.listen(db.engine, "handle_error", note_error)
        event.listen(db.engine, "before_cursor_execute", _tighten)
    event.listen(db.session, "after_begin", bound_transaction)


def _bound_connecting(
    _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]
) -> None:
    for name, value in CONNECTING.items():
        parameters.setdefault(name, value)


def failure() -> Exception | None:
    """Return how the database failed in this request, if it did.

    Flask-Security treats any error while it reads a user or token as a wrong token,
    and does not report it.
    """
    found: Exception | None = g.get(_ERROR)
    return found
