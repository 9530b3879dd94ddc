"""A PMS as it is arranged in the room: cabinets side by side, every dock and every cell."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.beliefs.resolve import forgotten_after
from flexmeasures_pms.catalogue import limits
from flexmeasures_pms.overview.docks import Occupant, Rack, UnknownPack
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.overview.rack_ranking import RANKINGS, ranked
from flexmeasures_pms.overview.shading import SHADINGS
from flexmeasures_pms.registry.kinds import CABINET, CASE
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language import findings
from flexmeasures_pms.ui.language.figures import lasting, number
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import live, period, query_params, strips
from flexmeasures_pms.ui.page.access import Seen, may, trackable_or_404
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.subject import CHANGE_THINGS, MAKE_THINGS, addresses
from flexmeasures_pms.ui.routes import pms_ui

AT_REST = 0.05  # A in either direction: below this no arrow is shown

COLOURED_BY = {
    "": mark("State"),
    "voltage": mark("Voltage"),
    "deviation": mark("Deviation"),
    "temperature": mark("Temperature"),
    "age": mark("Age"),
}
RANKED_BY = {
    "deviation": mark("Deviation"),
    "cells": mark("Single cells"),
    "temperature": mark("Temperature"),
    "age": mark("Age"),
}
MEANINGS = {
    "voltage": mark("Voltage: docks by the mean of the pack's cells, bars by their own."),
    "deviation": mark(
        "Deviation: how far below the mean of the pack's other cells. Docks by the weakest cell, "
        "bars by their own."
    ),
    "temperature": mark("Temperature: docks by the hottest of the pack's own three sensors."),
    "age": mark("Age of the newest reading."),
}
BEYOND = {
    "voltage": mark("above {limit} V: too high"),
    "deviation": mark("{limit} mV or more: beyond the limit"),
    "temperature": mark("{limit} °C or more: hot"),
    "age": mark("more than {limit} s: silent"),
}


@pms_ui.get("/pms/<ident>")
@pms_ui.get("/pms/pms/<path:ident>")
def show_rack(ident: str) -> Response:
    """Show the docks of a PMS, live or as they were at a moment in the past."""
    require_tables()
    seen = trackable_or_404("pms", ident)
    at = query_params.past_moment("at", seen.entry.timezone, seen.now)
    if at and (days := forgotten_after(at)):
        message = _("Readings are kept for {days} days, and those of this time are deleted. Choose "
                    "a later one.", days=days)  # fmt: skip
        raise BadRequest(message)
    colour, rank = _choice("colour", SHADINGS, ""), _choice("rank", RANKINGS, "deviation")
    shown, then = rack(seen.registered, seen.entry, seen.now, at=at), at or seen.now
    ranking, meaning = ranked(shown, rank, then), MEANINGS.get(colour, "")
    context: dict[str, Any] = {
        "rack": shown,
        "zone": shown.timezone,
        "field": query_params.field,
        "says": findings,
        "strips": strips,
        "limits": limits,
        "lasting": lasting,
        "at_rest": AT_REST,
        "around": period.bounds_around(at) if at else {},
        "then": then,
        "shading": SHADINGS.get(colour),
        "colours": {name: _(title) for name, title in COLOURED_BY.items()},
        "colour": colour,
        "meaning": _(meaning),
        "beyond": _beyond(colour),
        "ranking": ranking,
        "rank": rank,
        "rankings": {name: _(title) for name, title in RANKED_BY.items()},
        "install": partial(_install, seen, past=at is not None),
        "register": partial(_register, seen),
        "retired_at": partial(_retired_at, shown),
    }
    if live.is_asked():
        # Ages change without a new reading.
        ages = [one.figure for one in ranked(shown, "age", then)] if "age" in (colour, rank) else ()
        return live.part("pms/rack_live.html", [shown, ages], **context)
    return page("pms/rack.html", active="fleet", title=shown.ident, **context)


def _beyond(colour: str) -> str:
    """Return what a colour beyond the limit means."""
    message, shading = BEYOND.get(colour), SHADINGS.get(colour)
    if message is None or shading is None:
        return ""
    return _(message, limit=number(shading.high, 1 if shading.unit == "V" else 0))


def _choice(name: str, known: Iterable[str], usual: str) -> str:
    """Return what was chosen of some.

    :raises BadRequest: for anything else.
    """
    text = request.args.get(name, "")
    if text and text not in known:
        raise BadRequest(_("{name}: {text} can't be chosen here.", name=name, text=text[:40]))
    return text or usual


def _install(seen: Seen, cabinet: str | None, own: int, *, past: bool) -> str | None:
    """Return the URL of the form that fills an empty dock, if the user may."""
    if cabinet is None or past or not may(CHANGE_THINGS, seen.organisation):
        return None
    to = addresses(seen.organisation)
    return to.thing(CABINET, cabinet, do="fill", slot="dock", place=own)


def _retired_at(shown: Rack, dock: int | None) -> list[Occupant]:
    """Return the retired packs that report from a dock."""
    reporting = (o for o in shown.reported_here if dock is not None and o.dock == dock)
    return [o for o in reporting if any(f.code == "retired_reporting" for f in o.findings)]


def _register(seen: Seen, one: UnknownPack) -> str | None:
    """Return the URL of the form for an unknown pack, filled in already, if the user may.

    Members may register it in a cabinet only.
    """
    has_cabinets = bool(seen.registered.cabinets(seen.entry.id, seen.now))
    if not may(CHANGE_THINGS if has_cabinets else MAKE_THINGS, seen.organisation):
        return None
    place = {"pms": seen.entry.ident, "dock": one.dock} if one.dock else {}
    return addresses(seen.organisation).register(kind=CASE, ident=one.ident, **place)
