"""A caller: the gateway or user whose credential came with a request, and what it may do.

Nothing here needs a Flask request, so that every way in can use it. For users FlexMeasures'
rule holds: who may add beliefs to the sensors of an organisation's assets may send telemetry
for it. Those are its members, its consultants and admins.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from flexmeasures.auth.policy import (
    CONSULTANT_ROLE,
    user_has_admin_access,
    user_matches_principals,
)
from flexmeasures.data import db
from flexmeasures.data.models.user import Account, User

from flexmeasures_pms.config import settings
from flexmeasures_pms.gateways import access, rates
from flexmeasures_pms.gateways.access import Gateway, RefusedKey
from flexmeasures_pms.gateways.rates import Cost
from flexmeasures_pms.gateways.scope import require_scope, scoped
from flexmeasures_pms.wire.samples import Decoded

READ, WRITE = "read", "create-children"
CHANGE, MAKE = "update", "create-children"
"""FlexMeasures' permissions to change an organisation's assets, which every member has, and to
create some at the top, which only its admins and consultants have: the registry's are the same."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credential came with a request: a gateway's or a user's.

    :param name: for receipts and the quarantine: ``gateway:North mast`` or ``user:7``.
    :param account_id: the caller's own organisation.
    """

    name: str
    account_id: int
    gateway: Gateway | None = None
    user: User | None = None

    @property
    def devices(self) -> Collection[str] | None:
        """The devices that a gateway's key is for, as ``pms:PMS-1``; None without a limit."""
        return self.gateway.devices if self.gateway else None

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

    @property
    def bytes_per_minute(self) -> int:
        """How many bytes it may send: more, if it may send more samples than others."""
        found = settings()
        usual = found.gateway_bytes_per_minute
        return max(usual, usual * self.samples_per_minute // found.gateway_samples_per_minute)


def of_key(key: str, now: datetime) -> Caller | RefusedKey:
    """Return the gateway that a key belongs to, or why it is not valid."""
    found = access.of_key(key, now)
    if isinstance(found, RefusedKey):
        return found
    return Caller(f"gateway:{found.name}", found.account_id, gateway=found)


def of_user(user: User) -> Caller:
    """Return a FlexMeasures user as a caller."""
    return Caller(f"user:{user.id}", user.account_id, user=user)


def may(sender: Caller, account_id: int, permission: str) -> bool:
    """Return whether a caller may read or add to what belongs to an organisation."""
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


def may_change(sender: Caller, account_id: int, permission: str) -> bool:
    """Return whether a caller may change the registry of an organisation.

    :param permission: :data:`CHANGE` or :data:`MAKE`, by FlexMeasures' rules for accounts. The
        key of a gateway has neither.
    """
    account = db.session.get(Account, account_id) if sender.user is not None else None
    if account is None:
        return False
    allowed: bool = user_has_admin_access(sender.user, permission) or user_matches_principals(
        sender.user, account.__acl__().get(permission)
    )
    return allowed


def may_see(sender: Caller, kind: str, ident: str) -> bool:
    """Return whether a caller may see a device of an organisation it may read."""
    return sender.devices is None or scoped(kind, ident) in sender.devices


def spend(sender: Caller, *, samples: int = 0, size: int = 0) -> None:
    """Count a request of a caller.

    :param size: of its body, as sent or decoded, whichever is larger [bytes].
    :raises TooMany: beyond the caller's requests, samples or bytes per minute.
    """
    rates.spend(sender.bucket, _costs(sender, samples, size))


def foresee(sender: Caller, size: int) -> None:
    """Refuse a request of a caller that is beyond its rates already, before its body is read.

    :param size: of its body as sent [bytes].
    :raises TooMany: as far as this process knows.
    """
    rates.foresee(sender.bucket, _costs(sender, 0, size))


def _costs(sender: Caller, samples: int, size: int) -> dict[str, Cost]:
    costs = {"requests": Cost(1, sender.requests_per_minute)}
    if samples:
        costs["samples"] = Cost(samples, sender.samples_per_minute)
    if size:
        costs["bytes"] = Cost(size, sender.bytes_per_minute)
    return costs


def admit(sender: Caller, received: int, decoded: Decoded) -> None:
    """Make sure that a caller may send these samples, and count them.

    :param received: size of the body as sent [bytes].
    :raises OutOfScope: for devices that a gateway's key is not for.
    :raises TooMany: beyond the caller's requests, samples or bytes per minute.
    """
    spend(sender, samples=len(decoded.samples), size=max(received, decoded.size))
    if sender.devices is not None:
        require_scope(sender.account_id, sender.devices, decoded.samples)
