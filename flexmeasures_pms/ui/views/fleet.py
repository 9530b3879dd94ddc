"""All PMSes, MPPTs and inverters that the user may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.config import settings
from flexmeasures_pms.ingest.limits import quarantine_bounds
from flexmeasures_pms.overview.fleet import SORTS, Device, arranged, fleet
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.intake.quarantine_room import nearly_full, waiting_by_device
from flexmeasures_pms.ui.language import findings, room
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import links, live, query_params
from flexmeasures_pms.ui.page.access import Organisation, chosen
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.terms import kind_title
from flexmeasures_pms.ui.routes import pms_ui

COLUMNS = {
    "state": mark("State"),
    "name": mark("Device"),
    "packs": mark("Packs reporting"),
    "power": mark("Battery power"),
    "soc": mark("State of charge"),
    "hottest": mark("Hottest"),
    "spread": mark("Cell spread"),
    "newest": mark("Newest reading"),
}


PAGE = 1_000
"""Maximum rows of one page: more make a browser slow."""


@pms_ui.get("/pms")
def show_fleet() -> Response:
    """Show the devices of the chosen organisations, the worst first."""
    require_tables()
    seen = chosen()
    sort, q = request.args.get("sort", "state"), request.args.get("q", "").strip()
    if sort.removeprefix("-") not in SORTS:
        raise BadRequest(_("This page can't be sorted by {text}.", text=sort[:40]))
    everything = fleet([organisation.id for organisation in seen], datetime.now(UTC))
    found = arranged(everything, sort, q)
    pages = max(1, -(-len(found) // PAGE))
    number = min(query_params.number("page") or 1, pages)
    shown = {
        "devices": found[(number - 1) * PAGE :][:PAGE],
        "found": len(found),
        "need_a_look": sum(device.state.level not in ("ok", "note") for device in found),
        "registered": len(everything),
        "page_number": number,
        "pages": pages,
    }
    context: dict[str, Any] = {
        **shown,
        "columns": _columns(everything),
        "sort": sort,
        "q": q,
        "kind_title": kind_title,
        "names": {organisation.id: organisation.name for organisation in seen},
        "says": findings,
        "address": partial(_address, several=len(seen) > 1),
    }
    if live.is_asked():
        return live.part("pms/fleet_live.html", shown, **context)
    warnings = _nearly_full(seen)
    return page("pms/fleet.html", active="fleet", title=_("Fleet"), warnings=warnings, **context)


def _nearly_full(seen: Sequence[Organisation]) -> list[tuple[tuple[str, ...], str]]:
    """Return what is to be said of nearly full quarantines, each with its address."""
    bounds = quarantine_bounds(settings())
    found = []
    for account, waiting in waiting_by_device([one.id for one in seen]).items():
        said = room.warnings(nearly_full(bounds, waiting))
        if said:
            name = next(one.name for one in seen if one.id == account)
            texts = tuple(f"{name}: {text}" for text in said) if len(seen) > 1 else said
            found.append((texts, links.page("quarantine", organisation=account)))
    return found


def _columns(devices: tuple[Device, ...]) -> dict[str, str]:
    """Return the columns by their sort order, without empty ones."""
    with_soc = any(device.soc is not None for device in devices)
    return {key: _(title) for key, title in COLUMNS.items() if key != "soc" or with_soc}


def _address(device: Device, *, several: bool) -> str:
    own = {"organisation": device.account_id} if several else {}
    return links.device(device.kind, device.ident, **own)
