"""Who may read or change the registry of which organisation over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.errors import AccessError
from flexmeasures_pms.gateways.caller import READ
from flexmeasures_pms.serving.readiness import require_tables


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
