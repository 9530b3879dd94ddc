"""``GET …/fleet`` and ``GET …/pms/<id>/rack``: what the pages of the same names show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Response
from werkzeug.exceptions import NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.latest import tagged
from flexmeasures_pms.gateways.caller import READ, may_see
from flexmeasures_pms.overview.docks import Rack
from flexmeasures_pms.overview.fleet import Device, arranged, fleet
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.serving.readiness import require_tables

_NAMES = {"ident": "id", "asset_id": "asset", "account_id": "account"}


def list_fleet() -> Response:
    """Reply with the PMSes, MPPTs and inverters of an organisation, the worst first."""
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    devices = arranged(fleet([organisation(sender, READ)], now))
    return tagged({"devices": [d for d in devices if may_see(sender, d.kind, d.ident)]})


def rack_of_pms(ident: str) -> Response:
    """Reply with a PMS's cabinets, their docks, and the packs and cells in them."""
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    registered = load_directory(organisation(sender, READ), things=[("pms", ident)], parts=True)
    pms = registered.find("pms", ident)
    if pms is None or pms.asset_id is None or not may_see(sender, "pms", pms.ident):
        raise NotFound("No PMS of this id is registered in the organisation.")
    return tagged(_named(msgspec.to_builtins(rack(registered, pms, now))))


def schemas() -> dict[str, Any]:
    """Return the schemas of both replies, by name."""
    template = "#/components/schemas/{name}"
    _, found = msgspec.json.schema_components([Device, Rack], ref_template=template)
    required = {n: [_NAMES.get(p, p) for p in schema["required"]] for n, schema in found.items()}
    return {n: _named(schema) | {"required": required[n]} for n, schema in found.items()}


def _named(value: Any) -> Any:
    """Return JSON with the names that the other routes have for the same things."""
    if isinstance(value, dict):
        return {_NAMES.get(name, name): _named(part) for name, part in value.items()}
    return [_named(part) for part in value] if isinstance(value, list | tuple) else value
