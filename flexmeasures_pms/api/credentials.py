"""Who sends a request, and for which organisation.

FlexMeasures' rule holds: who may add beliefs to the sensors of an organisation's assets
may post telemetry for it. Those are its members, its consultants and admins. It is
checked once a request; the line makes sure that nothing leaves the organisation.
"""

from __future__ import annotations

from flask import current_app, request
from flexmeasures.auth.policy import (
    CONSULTANT_ROLE,
    user_has_admin_access,
    user_matches_principals,
)
from flexmeasures.data import db
from flexmeasures.data.models.user import Account, User
from werkzeug.exceptions import Unauthorized

from flexmeasures_pms.errors import AccessError

PERMISSION = "create-children"


def sender() -> User:
    """Return the user whose auth token came with the request.

    A session cookie is no credential here: browsers send it along with requests that
    other sites make them send.

    :raises Unauthorized: without a valid token in the ``Authorization`` header.
    """
    user = None
    if request.headers.get("Authorization"):
        user = current_app.login_manager.request_callback(request)  # type: ignore[attr-defined]
    if user is None or not user.is_authenticated:
        raise Unauthorized(
            "Send a valid FlexMeasures auth token in the Authorization header "
            "(POST /api/requestAuthToken gives one)."
        )
    return user


def organisation(user: User) -> int:
    """Return the organisation that a request writes to: the user's own, or ``?account=``.

    :raises AccessError: for one that the user may not write to, or that does not exist:
        nobody can tell these apart.
    """
    named = request.args.get("account", "")
    if not named:
        own: int = user.account_id
        return own
    account = None
    if named.isascii() and named.isdigit() and len(named) < 10:
        account = db.session.get(Account, int(named))
    if account is None or not _may_write(user, account):
        raise AccessError(
            "The account parameter names no organisation that you may post telemetry for. "
            "Leave it out to post for your own."
        )
    found: int = account.id
    return found


def _may_write(user: User, account: Account) -> bool:
    principals = [
        f"account:{account.id}",
        (f"account:{account.consultancy_account_id}", f"role:{CONSULTANT_ROLE}"),
    ]
    allowed: bool = user_has_admin_access(user, PERMISSION) or user_matches_principals(
        user, principals
    )
    return allowed
