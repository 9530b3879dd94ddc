"""Who sends a request, and for which organisation: a gateway with its key, or a user.

It is checked once a request; the pipeline keeps everything within the organisation.
"""

from __future__ import annotations

from datetime import datetime

from flask import current_app, request, session
from flask_login import current_user
from werkzeug.exceptions import Unauthorized

from flexmeasures_pms.api.refused_keys import note_refused
from flexmeasures_pms.errors import AccessError
from flexmeasures_pms.gateways.access import RefusedKey
from flexmeasures_pms.gateways.caller import (
    WRITE,
    Caller,
    foresee,
    may,
    of_key,
    of_user,
    spend,
)

KEY_HEADERS = ("x-api-key", "api_key")


def caller(now: datetime, *, counted: bool = True) -> Caller:
    """Return who sends the request, and count it.

    If a key was sent, it has to be valid, and the Authorization header is ignored. A session
    cookie is a credential only for reading, which is what the pages do: browsers also send it
    with requests that other sites trigger, but do not show those sites the reply.

    :param counted: False where it is counted later, with what its body has.
    :raises Unauthorized: without a valid credential; the reason is not given.
    :raises TooMany: beyond the sender's requests per minute, on all routes together.
    """
    found = _credential(now)
    if found is None:
        raise Unauthorized(
            "Send a valid gateway key in the x-api-key header, or a FlexMeasures auth token in the "
            "Authorization header (POST /api/requestAuthToken gives one)."
        )
    if counted:
        spend(found)
    else:
        foresee(found, request.content_length or 0)
    return found


def sent_key() -> str | None:
    """Return what the request sent as a gateway's key, if anything."""
    sent = (request.headers.get(header) for header in KEY_HEADERS)
    return next((key for key in sent if key is not None), None)


def _credential(now: datetime) -> Caller | None:
    if (key := sent_key()) is not None:
        found = of_key(key, now)
        if isinstance(found, RefusedKey):
            note_refused(found.why, found.key_id, known=found.known)
            return None
        return found
    user = None
    if request.headers.get("Authorization"):
        user = current_app.login_manager.request_callback(request)  # type: ignore[attr-defined]
    elif request.method == "GET" and "_user_id" in session:
        user = current_user
    return of_user(user) if user is not None and user.is_authenticated else None


def organisation(sender: Caller, permission: str = WRITE) -> int:
    """Return the organisation that a request is about: the sender's own, or ``?account=``.

    :param permission: what the sender wants to do there.
    :raises AccessError: if the sender may not, or it does not exist: the answer is the same.
    """
    named = request.args.get("account", "")
    if not named:
        return sender.account_id
    number = int(named) if named.isascii() and named.isdigit() and len(named) < 10 else 0
    if not may(sender, number, permission):
        raise AccessError(
            "The account parameter names no organisation that you may do this for. Leave it out "
            "for your own."
        )
    return number
