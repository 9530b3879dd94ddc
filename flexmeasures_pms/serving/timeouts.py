"""Time limits of a request for the database, and 503 when one is reached.

Every wait is limited: for a connection, for a lock and for a statement. The limits apply
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
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import DetachedInstanceError

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import SchemaError, StorageBusy

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
# rollback finds the connection dead, the user is detached, and can't be read again.
FAILURES: tuple[type[Exception], ...] = (
    StorageBusy, SchemaError, OperationalError, PoolTimeout, DBAPIError, psycopg2.Error,
    DetachedInstanceError,
)  # fmt: skip
"""Exceptions that mean that the database is not available."""

_ERROR = "flexmeasures_pms_database_error"
_BOUNDED = "flexmeasures_pms_bounded"


def install(app: Flask, blueprint: Blueprint) -> None:
    """Limit the waits of a blueprint's requests, and the time to connect for all."""
    bounded: set[str] = app.extensions.setdefault(_BOUNDED, set())
    if not bounded:
        _listen(app, bounded)
    bounded.add(blueprint.name)


def _listen(app: Flask, bounded: set[str]) -> None:
    def is_ours() -> bool:
        return has_request_context() and request.blueprint in bounded

    def bound_transaction(_session: Any, _transaction: Any, connection: Connection) -> None:
        if is_ours():
            found = settings()
            connection.exec_driver_sql(
                f"SET LOCAL lock_timeout = '{found.lock_timeout * 1000:.0f}ms';"
                f"SET LOCAL statement_timeout = '{found.statement_timeout * 1000:.0f}ms'"
            )

    def note_error(context: ExceptionContext) -> None:
        if is_ours():
            setattr(g, _ERROR, context.sqlalchemy_exception or context.original_exception)

    with app.app_context():
        event.listen(db.engine, "do_connect", _bound_connecting)
        event.listen(db.engine, "handle_error", note_error)
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
