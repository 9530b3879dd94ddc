"""Who sends a request, and for which organisation: a gateway with its key, or a user.

For users FlexMeasures' rule holds: who may add beliefs to the sensors of an organisation's
assets may post telemetry for it. Those are its members, its consultants and admins. It is
checked once a request; the line makes sure that nothing leaves the organisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import current_app, request, session
from flask_login import current_user
from flexmeasures.auth.policy import (
    CONSULTANT_ROLE,
    user_has_admin_access,
    user_matches_principals,
)
from flexmeasures.data import db
from flexmeasures.data.models.user import Account, User
from werkzeug.exceptions import Unauthorized

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import AccessError
from flexmeasures_pms.gateways import access, rates
from flexmeasures_pms.gateways.access import Gateway
from flexmeasures_pms.gateways.scope import require_scope
from flexmeasures_pms.wire.samples import Sample

READ, WRITE = "read", "create-children"

KEY_HEADERS = ("x-api-key", "api_key")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credential came with a request: a gateway's or a user's.

    :param name: for receipts and the quarantine: ``gateway:North mast`` or ``user:7``.
    :param account_id: the sender's own organisation.
    """

    name: str
    account_id: int
    gateway: Gateway | None = None
    user: User | None = None

    @property
    def key_id(self) -> str | None:
        """Which of a gateway's keys was shown."""
        return self.gateway.key_id if self.gateway else None

    @property
    def bucket(self) -> str:
        """Under which name it is counted: all keys of a gateway together."""
        return f"gateway:{self.gateway.id}" if self.gateway else self.name

    @property
    def requests_per_minute(self) -> int:
        """How many requests it may send."""
        own = self.gateway.requests_per_minute if self.gateway else None
        return own or settings().gateway_requests_per_minute

    @property
    def samples_per_minute(self) -> int:
        """How many samples it may send."""
        own = self.gateway.samples_per_minute if self.gateway else None
        return own or settings().gateway_samples_per_minute


def caller(now: datetime) -> Caller:
    """Return who sends the request.

    A key that was sent has to be valid, whatever else was sent: then the Authorization
    header is not looked at. A session cookie is a credential for reading only, which is what
    the pages do: browsers send it along with requests that other sites make them send, but
    show those sites none of the reply.

    :raises Unauthorized: without a valid credential; why it is none is not said.
    :raises TooMany: beyond the sender's requests per minute, whichever routes they were for.
    """
    found = _credential(now)
    rates.spend(found.bucket, "requests", 1, found.requests_per_minute)
    return found


def _credential(now: datetime) -> Caller:
    for header in KEY_HEADERS:
        if (key := request.headers.get(header)) is not None:
            return _gateway(key, now)
    user = None
    if request.headers.get("Authorization"):
        user = current_app.login_manager.request_callback(request)  # type: ignore[attr-defined]
    elif request.method == "GET" and "_user_id" in session:
        user = current_user
    if user is None or not user.is_authenticated:
        raise _unauthorized()
    return Caller(f"user:{user.id}", user.account_id, user=user)


def _gateway(key: str, now: datetime) -> Caller:
    found = access.of_key(key, now)
    if found is None:
        raise _unauthorized()
    return Caller(f"gateway:{found.name}", found.account_id, gateway=found)


def _unauthorized() -> Unauthorized:
    return Unauthorized(
        "Send a valid gateway key in the x-api-key header, or a FlexMeasures auth token in the "
        "Authorization header (POST /api/requestAuthToken gives one)."
    )


def organisation(sender: Caller, permission: str = WRITE) -> int:
    """Return the organisation that a request is about: the sender's own, or ``?account=``.

    :param permission: what the sender wants to do there.
    :raises AccessError: for one where the sender may not, or that does not exist: nobody
        can tell these apart.
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


def may(sender: Caller, account_id: int, permission: str) -> bool:
    """Whether the sender may read or add to what belongs to an organisation."""
    if sender.user is None:
        return account_id == sender.account_id
    account = db.session.get(Account, account_id) if account_id else None
    if account is None:
        return False
    principals = [
        f"account:{account.id}",
        (f"account:{account.consultancy_account_id}", f"role:{CONSULTANT_ROLE}"),
    ]
    allowed: bool = user_has_admin_access(sender.user, permission) or user_matches_principals(
        sender.user, principals
    )
    return allowed


def admit(sender: Caller, samples: Sequence[Sample]) -> None:
    """Make sure that the sender may send these samples.

    :raises OutOfScope: for devices that a gateway's key is not for.
    :raises TooMany: beyond the sender's samples per minute.
    """
    if sender.gateway and sender.gateway.devices is not None:
        require_scope(sender.gateway.account_id, sender.gateway.devices, samples)
    if samples:
        rates.spend(sender.bucket, "samples", len(samples), sender.samples_per_minute)
