"""All PMSes, MPPTs and inverters that the user may see, or those of a site."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.config import settings
from flexmeasures_pms.identifiers import key
from flexmeasures_pms.ingest.limits import quarantine_bounds
from flexmeasures_pms.overview.fleet import SORTS, Device, arranged, fleet
from flexmeasures_pms.overview.states import is_silent
from flexmeasures_pms.overview.unknown_packs import Unregistered, unregistered
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.recorded import facts_of
from flexmeasures_pms.registry.kinds import PMS, SITE
from flexmeasures_pms.registry.queries.sites import NO_FACTS, SiteFacts, has_sites
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.intake.quarantine_room import nearly_full, waiting_by_device
from flexmeasures_pms.storage.queries.racks import with_cabinets
from flexmeasures_pms.ui.language import findings, room
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import links, live, query_params
from flexmeasures_pms.ui.page.access import Organisation, chosen, may, trackable_or_404
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.subject import CHANGE_THINGS, MAKE_THINGS, addresses
from flexmeasures_pms.ui.registry.terms import kind_name, kind_title
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


MOST_UNKNOWN = 10
"""How many unknown packs and devices of an organisation are listed; the quarantine has all."""
PAGE = 250
"""Maximum rows of one page: to write 1,000 takes longer than to read a fleet of that size."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Which devices are shown: all of some organisations, or those in a site of one.

    :param only: the numbers of those in the site.
    """

    seen: tuple[Organisation, ...]
    now: datetime
    site: Entry | None = None
    only: frozenset[int] | None = None

    @property
    def accounts(self) -> list[int]:
        """The organisations' accounts."""
        return [organisation.id for organisation in self.seen]


@pms_ui.get("/pms/fleet")
def show_fleet() -> Response:
    """Show the devices of the chosen organisations, the worst first."""
    require_tables()
    return devices_page(Extent(chosen(), datetime.now(UTC)))


@pms_ui.get("/pms/site/<path:ident>")
def show_site(ident: str) -> Response:
    """Show the devices in a site, the worst first."""
    require_tables()
    found = trackable_or_404(SITE, ident)
    inside = found.registered.parts_of(found.entry.id, found.now)
    only = frozenset(row.part_id for row in inside)
    return devices_page(Extent((found.organisation,), found.now, found.entry, only))


def devices_page(extent: Extent) -> Response:
    """Show devices, the worst first."""
    sort, q = request.args.get("sort", "state"), request.args.get("q", "").strip()
    if sort.removeprefix("-") not in SORTS:
        raise BadRequest(_("This page can't be sorted by {text}.", text=sort[:40]))
    seen, now, unknown = extent.seen, extent.now, unregistered(extent.accounts, MOST_UNKNOWN)
    everything = fleet(extent.accounts, now, only=extent.only, unknown=unknown)
    section = unknown_section(seen, unknown, everything, now)
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
        **({} if extent.site else section.shown),
    }
    context: dict[str, Any] = {
        **shown,
        **section.context,
        "columns": _columns(everything),
        "sort": sort,
        "q": q,
        "site": extent.site,
    }
    if live.is_asked():
        return live.part("pms/fleet_live.html", shown, **context)
    title = _("Site {name}", name=extent.site.ident) if extent.site else _("Fleet")
    context |= {"warnings": nearly_full_warnings(seen), "facts": _facts(extent.site)}
    context |= {"with_sites": has_sites(extent.accounts, now), "to": addresses(seen[0])}
    return page("pms/fleet.html", active="fleet", title=title, **context)


def _facts(site: Entry | None) -> SiteFacts:
    return (facts_of(site.id) if site else None) or NO_FACTS


@dataclass(frozen=True, slots=True)
class UnknownSection:
    """What a page shows of packs and devices that report without being registered.

    :param shown: what may change from one moment to the next.
    :param context: what the template needs besides.
    """

    shown: dict[str, Any]
    context: dict[str, Any]


def unknown_section(
    seen: Sequence[Organisation],
    unknown: Sequence[Unregistered],
    everything: Sequence[Device],
    now: datetime,
) -> UnknownSection:
    """Return what a page shows of what reports without being registered."""
    listed, more = _listed(unknown)
    silent = [(one, one.time is None or is_silent(one.time, now)) for one in listed]
    context = {
        "kind_name": kind_name,
        "kind_title": kind_title,
        "names": {organisation.id: organisation.name for organisation in seen},
        "says": findings,
        "address": partial(_address, several=len(seen) > 1),
        "register": partial(_register, seen, _with_cabinets(seen, listed)),
        "reported_by": {(d.account_id, key(d.ident)): d for d in everything if d.kind == PMS},
    }
    return UnknownSection({"unknown": silent, "more_unknown": more}, context)


def _listed(unknown: Sequence[Unregistered]) -> tuple[list[Unregistered], dict[int, int]]:
    """Return what is listed of unknown packs and devices, and how many more organisations have."""
    shown: list[Unregistered] = []
    left = {one.account_id: one.of_organisation for one in unknown}
    for one in unknown:
        if one.of_organisation - left[one.account_id] < MOST_UNKNOWN:
            shown.append(one)
            left[one.account_id] -= 1
    return shown, {account: more for account, more in left.items() if more}


def _with_cabinets(
    seen: Sequence[Organisation], unknown: Sequence[Unregistered]
) -> set[tuple[int, str]]:
    """Return which PMSes of unknown packs have cabinets, where members may register these there."""
    accounts = {one.id for one in seen if may(CHANGE_THINGS, one)}
    found = {(one.account_id, one.pms) for one in unknown if one.pms}
    members = {one for one in found if one[0] in accounts}
    return with_cabinets(members) if members else set()


def _register(
    seen: Sequence[Organisation], cabinets: Collection[tuple[int, str]], one: Unregistered
) -> str | None:
    """Return the URL of the form for something that is not registered, filled in already.

    None where only an admin may register it, and the user is none.
    """
    organisation = next(found for found in seen if found.id == one.account_id)
    if not ((one.account_id, one.pms) in cabinets or may(MAKE_THINGS, organisation)):
        return None
    place = {"pms": one.pms, "dock": one.dock} if one.pms and one.dock else {}
    return addresses(organisation).register(kind=one.kind, ident=one.ident, **place)


def nearly_full_warnings(seen: Sequence[Organisation]) -> list[tuple[tuple[str, ...], str]]:
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
