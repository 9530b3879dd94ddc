"""A PMS as it is arranged in the room: cabinets side by side, every dock and every cell."""

from __future__ import annotations

from typing import Any

from flask import Response
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.beliefs.resolve import forgotten_after
from flexmeasures_pms.overview import states
from flexmeasures_pms.overview.rack import rack
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language import findings
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import live, period, query_params
from flexmeasures_pms.ui.page.access import trackable_or_404
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui

AT_REST = 0.05  # A in either direction: below this no arrow is shown


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
    shown = rack(seen.registered, seen.entry, seen.now, at=at)
    context: dict[str, Any] = {
        "rack": shown,
        "zone": shown.timezone,
        "field": query_params.field,
        "says": findings,
        "limits": states,
        "at_rest": AT_REST,
        "around": period.bounds_around(at) if at else {},
    }
    if live.is_asked():
        return live.part("pms/rack_live.html", shown, **context)
    return page("pms/rack.html", active="fleet", title=shown.ident, **context)
