"""``GET …/completeness``: the stored and expected samples per device and hour."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, request
from werkzeug.exceptions import BadRequest, NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import moment
from flexmeasures_pms.api.replies import CompletenessList
from flexmeasures_pms.catalogue.asset_types import DATASETS, device_labels
from flexmeasures_pms.gateways.caller import READ, Caller, may_see
from flexmeasures_pms.ingest.cases_in_hour import HOUR
from flexmeasures_pms.ingest.completeness import completeness, period
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.loading.rows import of_kinds
from flexmeasures_pms.serving.readiness import require_tables

MOST_HOURS = 10_000
"""Maximum device hours in one reply."""


def list_completeness() -> Response:
    """Reply with the hours of a device, or of all devices that the sender may read."""
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    account_id = organisation(sender, READ)
    devices = _devices(sender, account_id)
    asked = period(moment("since"), moment("until"), now)
    if asked is None:
        raise BadRequest("The parameter since is a time before until, and before now.")
    hours = (asked[1] - asked[0]) / HOUR * max(1, len(devices))
    if hours > MOST_HOURS:
        raise BadRequest(
            f"These are {hours:.0f} hours of {len(devices)} devices, more than {MOST_HOURS}: ask "
            "for one device, or for a shorter time."
        )
    return reply(200, CompletenessList(list(completeness(account_id, devices, *asked, now))))


def _devices(sender: Caller, account_id: int) -> list[Entry]:
    """Return the requested devices that the sender's key covers.

    :raises NotFound: for one that is not registered, or not covered by the key.
    """
    named = request.args.get("device", "")
    if named:
        registered = load_directory(account_id, things=[(kind, named) for kind in DATASETS])
        found = [entry for kind in DATASETS if (entry := registered.find(kind, named))]
    else:
        found = of_kinds(account_id, DATASETS)
    allowed = [entry for entry in found if may_see(sender, entry.kind, entry.ident)]
    if named and not allowed:
        raise NotFound(f"No {device_labels()} of this id is registered in the organisation.")
    return sorted(allowed, key=lambda entry: (entry.kind, entry.ident))
