"""``GET …/fleet`` and ``GET …/pms/<id>/rack``: the data of the pages of the same names."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response
from werkzeug.exceptions import BadRequest, NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.latest import tagged
from flexmeasures_pms.api.query import past_moment
from flexmeasures_pms.api.replies import Fleet
from flexmeasures_pms.beliefs.resolve import forgotten_after
from flexmeasures_pms.gateways.caller import READ, may_see
from flexmeasures_pms.gateways.reading import reading_scope
from flexmeasures_pms.overview.fleet import arranged, fleet
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.serving.readiness import require_tables


def list_fleet() -> Response:
    """Reply with the devices of an organisation, the worst first."""
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    registered = load_directory(organisation(sender, READ))
    scope = reading_scope(sender, registered)
    found = fleet([registered.account_id], now, within=scope.devices if scope else None)
    return tagged(Fleet(list(arranged(found))))


def rack_of_pms(ident: str) -> Response:
    """Reply with a PMS's cabinets, their docks, and the packs and cells in them, now or then."""
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    registered = load_directory(organisation(sender, READ), things=[("pms", ident)], parts=True)
    pms = registered.find("pms", ident)
    if pms is None or pms.asset_is_gone or not may_see(sender, "pms", pms.ident):
        raise NotFound("No PMS of this id is registered in the organisation.")
    at = past_moment("at")
    if at and (days := forgotten_after(at)):
        raise BadRequest(
            f"The parameter at: the log keeps {days} days of samples (PMS_SAMPLE_DAYS), and none "
            "of this time. Ask for a later one."
        )
    return tagged(rack(registered, pms, now, reading_scope(sender, registered), at))
