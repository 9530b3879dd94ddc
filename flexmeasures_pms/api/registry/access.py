"""Who may read or change the registry of which organisation over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.errors import AccessError
from flexmeasures_pms.gateways.caller import CHANGE, MAKE, READ, Caller, may_change, spend
from flexmeasures_pms.serving.readiness import require_tables


@dataclass(frozen=True, slots=True)
class Changer:
    """Who may change the registry of an organisation.

    :param may_make: whether also devices, and files, which only admins and consultants may.
    """

    sender: Caller
    account_id: int
    may_make: bool

    @property
    def name(self) -> str:
        """The author of the changes."""
        return self.sender.name

    def spend(self, size: int) -> None:
        """Count the request.

        :param size: of its body [bytes].
        :raises TooMany: beyond the sender's requests or bytes per minute.
        """
        spend(self.sender, size=size)


def changer(now: datetime) -> Changer:
    """Return who sends the request, of which the body is not read yet.

    :raises AccessError: if the sender may not change the organisation's registry.
    """
    require_tables()
    sender = caller(now, counted=False)
    account_id = organisation(sender, READ)
    if not may_change(sender, account_id, CHANGE):
        raise AccessError(
            "You may not change the registry of this organisation. Use the auth token of one of "
            "its users: the key of a gateway may not do it."
        )
    return Changer(sender, account_id, may_change(sender, account_id, MAKE))


def readable_registry() -> int:
    """Return the organisation whose registry the sender asks for and may read.

    :raises AccessError: if the sender may not, also for a key that is restricted to devices:
        the registry has more than these.
    """
    require_tables()
    sender = caller(datetime.now(UTC))
    account_id = organisation(sender, READ)
    if sender.devices is not None:
        raise AccessError(
            "The gateway's key is restricted to devices, and may not read the registry. Use a key "
            "for the whole organisation, or the auth token of a user."
        )
    return account_id
