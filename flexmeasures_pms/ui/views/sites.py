"""The first page: the sites that the user may see, or where there are none, the fleet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from flexmeasures_pms.overview.fleet import fleet
from flexmeasures_pms.overview.sites import SiteSummary, summed_up
from flexmeasures_pms.overview.unknown_packs import unregistered
from flexmeasures_pms.registry.queries.sites import has_sites, sites
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import links, live
from flexmeasures_pms.ui.page.access import chosen
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui
from flexmeasures_pms.ui.views.fleet import (
    MOST_UNKNOWN,
    Extent,
    devices_page,
    nearly_full_warnings,
    unknown_section,
)

MOST_READ = 2_000
"""The most sites that are read; those are looked through for the worst."""
MOST = 250
"""The most sites that are shown, as of devices."""


@pms_ui.get("/pms")
def show_start() -> Response:
    """Show the sites of the chosen organisations, the worst first; without sites the fleet."""
    require_tables()
    extent = Extent(chosen(), datetime.now(UTC))
    if has_sites(extent.accounts, extent.now):
        return _sites_page(extent)
    return devices_page(extent)


def _sites_page(extent: Extent) -> Response:
    seen, now, q = extent.seen, extent.now, request.args.get("q", "").strip()
    unknown = unregistered(extent.accounts, MOST_UNKNOWN)
    everything = fleet(extent.accounts, now, unknown=unknown)
    known = sites(extent.accounts, now, most=MOST_READ)
    found = [one for one in summed_up(known, everything) if q.upper() in one.ident.upper()]
    section = unknown_section(seen, unknown, everything, now)
    placed = {(one.account_id, *device) for one in known for device in one.devices}
    shown = {
        "sites": found[:MOST],
        "found": len(found),
        "more": max(0, len(found) - MOST),
        "elsewhere": sum((d.account_id, d.kind, d.ident) not in placed for d in everything),
        "devices": len(everything),
        **section.shown,
    }
    several = len(seen) > 1
    context: dict[str, Any] = {
        **shown,
        **section.context,
        "q": q,
        "site_address": lambda one: _address(one, several=several),
    }
    if live.is_asked():
        return live.part("pms/sites_live.html", shown, **context)
    warnings = nearly_full_warnings(seen)
    return page("pms/sites.html", active="fleet", title=_("Sites"), warnings=warnings, **context)


def _address(site: SiteSummary, *, several: bool) -> str:
    own = {"organisation": site.account_id} if several else {}
    return links.page("site", site.ident, **own)
