"""Error replies: always JSON, for any request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app
from msgspec import UNSET, Struct
from werkzeug.exceptions import BadRequest, HTTPException, default_exceptions

from flexmeasures_pms.api.credentials import sent_key
from flexmeasures_pms.api.refused_keys import note_refused
from flexmeasures_pms.api.replies import Error
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import (
    AccessError,
    BodyTooLarge,
    MisshapenBody,
    OutOfScope,
    SchemaError,
    StorageBusy,
    TooMany,
    UnreadableBody,
    UnsupportedBody,
    WireError,
)
from flexmeasures_pms.gateways.keys import key_id
from flexmeasures_pms.ingest.receipt import cap
from flexmeasures_pms.serving import timeouts
from flexmeasures_pms.serving.control_characters import in_url
from flexmeasures_pms.storage.session import abandon

_WIRE_CODES: dict[type[WireError], tuple[int, str]] = {
    UnreadableBody: (400, "UNREADABLE_BODY"),
    BodyTooLarge: (413, "BODY_TOO_LARGE"),
    UnsupportedBody: (415, "UNSUPPORTED_BODY"),
    MisshapenBody: (422, "MISSHAPEN_BODY"),
}
_HTTP_STATUS = {
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
}


def reply(code: int, body: Struct | Mapping[str, Any], **headers: str) -> Response:
    """Return a JSON response; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(msgspec.json.encode(body), code, named, mimetype="application/json")


def _refused(error: WireError) -> Response:
    code, status = _WIRE_CODES.get(type(error), (400, "UNREADABLE_BODY"))
    return reply(code, Error(status, str(error), problems=error.problems or UNSET))


def _forbidden(error: AccessError) -> Response:
    body = Error("INVALID_SENDER", str(error))
    if (key := sent_key()) is not None:
        what = "devices" if isinstance(error, OutOfScope) else "organisation"
        note_refused(f"it is not for the {what} that the request names", key_id(key), known=True)
    if isinstance(error, OutOfScope):
        body.problems, more = cap(error.problems, settings().max_problems)
        body.more_problems = more or UNSET
    return reply(403, body)


def _too_many(error: TooMany) -> Response:
    body = Error("TOO_MANY_REQUESTS", str(error))
    return reply(429, body, Retry_After=str(error.seconds))


def unavailable(error: Exception) -> Response:
    """Answer 503: nothing was stored, and the same body may be sent again."""
    abandon()
    if isinstance(error, StorageBusy | SchemaError):
        message = str(error)
    else:
        message = "The database is not available; nothing was stored. Send it again later."
    current_app.logger.error("Answered 503: %s", error)
    return reply(503, Error("UNAVAILABLE", message), Retry_After=timeouts.RETRY_AFTER)


def finish(response: Response) -> Response:
    """Add the headers of every reply: nobody on the way may keep it, or guess its type."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def not_the_senders_fault(response: Response) -> Response:
    """Turn a 401 into 503 if the database failed.

    After a 401 a gateway may never try again.
    """
    error = timeouts.failure()
    return unavailable(error) if error is not None and response.status_code == 401 else response


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    body = Error(_HTTP_STATUS.get(code, "REFUSED"), error.description or error.name)
    headers = {"WWW_Authenticate": "Token"} if code == 401 else {}
    return reply(code, body, **headers)


def _unforeseen(error: Exception) -> Response:
    # FlexMeasures' own handler would show the exception's text to the sender.
    abandon()
    current_app.logger.exception("A request failed with an unexpected error.", exc_info=error)
    message = "An unexpected error occurred; nothing was stored. Send it again later."
    return reply(500, Error("ERROR", message))


def refuse_control_characters() -> None:
    """Refuse a request whose URL has control characters.

    :raises BadRequest: saying where.
    """
    if found := in_url():
        name, character = found
        where = f"The parameter {name}" if name else "The path"
        raise BadRequest(f"{where} has the control character {character}: remove it.")


def register(blueprint: Blueprint) -> None:
    """Register the error replies of a blueprint."""
    blueprint.register_error_handler(WireError, _refused)
    blueprint.register_error_handler(AccessError, _forbidden)
    blueprint.register_error_handler(TooMany, _too_many)
    for kind in timeouts.FAILURES:
        blueprint.register_error_handler(kind, unavailable)
    # By code, because FlexMeasures has its own handlers for some: those would come first.
    for code in default_exceptions:
        blueprint.register_error_handler(code, _http)
    blueprint.register_error_handler(Exception, _unforeseen)
