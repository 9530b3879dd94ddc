"""How long a request waits for the database, and that this is not the sender's fault.

Every wait is bounded: for a connection, for a lock and for a statement. It holds from
the first query on, and that is FlexMeasures': it looks up the user of a token and notes
when they were last seen, before any view is reached.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, g, has_request_context, request
from flexmeasures.data import db
from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext

from flexmeasures_pms.api.failures import unavailable
from flexmeasures_pms.config import settings

# For a server that vanished without a word; where the host says otherwise, that holds.
# In seconds, but for the last, which is in milliseconds.
CONNECTING = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

_ERROR = "flexmeasures_pms_database_error"


def install(app: Flask, blueprint: Blueprint) -> None:
    """Bound the waits of a blueprint's requests, and connecting for everyone."""

    def is_ours() -> bool:
        return has_request_context() and request.blueprint == blueprint.name

    def bound_transaction(_session: Any, _transaction: Any, connection: Connection) -> None:
        if is_ours():
            found = settings()
            connection.exec_driver_sql(
                f"SET LOCAL lock_timeout = '{found.lock_timeout}s';"
                f"SET LOCAL statement_timeout = '{found.statement_timeout}s'"
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


def not_the_senders_fault(response: Response) -> Response:
    """Turn a 401 into 503 where the database failed.

    Flask-Security takes whatever goes wrong with a token for a wrong token, and a gateway
    that is told so may never try again.
    """
    error = g.get(_ERROR)
    return unavailable(error) if error is not None and response.status_code == 401 else response
