"""The cells of a PMS over a period, as a heat map with a slider, and a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan
from typing import Any

import msgspec
from flask import Response, request
from markupsafe import Markup
from msgspec.structs import asdict
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.catalogue.limits import WEAK_CELL
from flexmeasures_pms.overview.cell_quantities import MAPPED, QUANTITIES, CellQuantity, as_shown
from flexmeasures_pms.overview.cell_ranking import RankedCell, ranking
from flexmeasures_pms.overview.cell_record import record
from flexmeasures_pms.overview.cells import HOUR, CellMap, cell_map, period
from flexmeasures_pms.registry.queries.dock_stays import dock_stays
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.ui.language import cell_maps
from flexmeasures_pms.ui.language.figures import NOTHING, number
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import links, query_params
from flexmeasures_pms.ui.page.access import Seen, trackable_or_404
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui

DAY = timedelta(days=1)
RANKED = 20
DEEPEST = "below"
_A_MOMENT = timedelta(milliseconds=2)
"""How far a moment in an address may be from the end of its column: scripts have milliseconds."""

SPANS = (
    (mark("1 hour"), HOUR),
    (mark("24 hours"), DAY),
    (mark("7 days"), 7 * DAY),
    (mark("30 days"), 30 * DAY),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of the URL."""

    start: datetime
    end: datetime
    quantity: CellQuantity


@pms_ui.get("/pms/<ident>/cells")
@pms_ui.get("/pms/pms/<path:ident>/cells")
def heatmap(ident: str) -> Response:
    """Show the cells of all packs that were in a PMS in a period."""
    require_tables()
    seen = trackable_or_404("pms", ident)
    pms = seen.entry
    newest = _newest(seen)
    wanted = _asked(newest or seen.now, seen)
    found = cell_map(seen.registered, pms.id, wanted.start, wanted.end, quantity=wanted.quantity)
    ranked = ranking(found)
    at = _column(found, query_params.moment("at", pms.timezone, seen.now))
    return page(
        "pms/heatmap.html",
        charts=True,
        title=_("Cells of {pms}", pms=pms.ident),
        pms=pms,
        zone=pms.timezone,
        newest=newest,
        found=found,
        wanted=wanted,
        quantities={name: cell_maps.words_of(name).name for name in QUANTITIES},
        words=cell_maps.words_of(wanted.quantity),
        heads=cell_maps.heads(wanted.quantity),
        unit=MAPPED[wanted.quantity].unit,
        limit=MAPPED[wanted.quantity].limit,
        spans=_spans(wanted),
        neighbours=_neighbours(wanted, seen.now),
        at=at,
        order=request.args.get("order"),
        weak=WEAK_CELL,
        ranked=_in_order(ranked)[:RANKED],
        data=_data(pms.ident, pms.timezone, found, ranked),
        frame=_frame(found, at),
        lasted=query_params.lasted,
        field=query_params.field,
    )


def _newest(seen: Seen) -> datetime | None:
    """Return the time of the newest reading of the packs that are in a PMS now."""
    cases = [
        t.case.id for t in dock_stays(seen.registered, seen.entry.id, seen.now - HOUR, seen.now)
    ]
    times = [row.event_time for row in latest_of(cases).values()]
    return max(times, default=None)


def _asked(newest: datetime, seen: Seen) -> Asked:
    """Return the parameters: by default the last hour with readings.

    :raises BadRequest: for an invalid period or quantity.
    """
    zone = seen.entry.timezone
    time = period(
        query_params.moment("start", zone, seen.now),
        query_params.moment("end", zone, seen.now) or newest,
        seen.now,
    )
    if time is None:
        raise BadRequest(_("The period must begin before it ends, and before now."))
    named = request.args.get("quantity", QUANTITIES[0])
    if named not in QUANTITIES:
        raise BadRequest(_("This page can't show {text}.", text=named[:40]))
    return Asked(*time, named)


def _spans(wanted: Asked) -> list[tuple[str, str, bool]]:
    """Return links to periods of some lengths with the same end, and which one is shown."""
    starts = ((_(words), wanted.end - span) for words, span in SPANS)
    return [(words, _link(start, wanted.end), start == wanted.start) for words, start in starts]


def _neighbours(wanted: Asked, now: datetime) -> tuple[str, str | None]:
    """Return links to the period before and, unless it is in the future, after it."""
    length = wanted.end - wanted.start
    after = min(wanted.end + length, now)
    later = _link(after - length, after) if after > wanted.end else None
    return _link(wanted.start - length, wanted.start), later


def _link(start: datetime, end: datetime) -> str:
    return links.same(start=start.isoformat(), end=end.isoformat(), at=None)


def _in_order(ranked: list[RankedCell]) -> list[RankedCell]:
    """Return cells in the order of ``?order=``: by distance below the others, or as ranked."""
    if request.args.get("order") != DEEPEST:
        return ranked
    return sorted(ranked, key=lambda one: -(one.weak_by or 0))


def _column(found: CellMap, at: datetime | None) -> int:
    """Return the column that shows a time; the last by default."""
    if at is None:
        return found.columns - 1
    before = -((found.start - at + _A_MOMENT) // found.width) - 1
    return max(0, min(found.columns - 1, before))


def _frame(found: CellMap, column: int) -> list[dict[str, Any]]:
    """Return one moment as a table: a dash where there is no reading."""
    unit = MAPPED[found.quantity].unit
    texts = {0: _("closed"), 1: _("open")} if unit == "dimensionless" else {}
    decimals, signed = int(unit == "°C"), found.quantity == "deviation"
    return [
        {
            "dock": row.stay.dock,
            "case": row.stay.case.ident,
            "cells": [
                NOTHING
                if isnan(value)
                else texts.get(value) or number(value, decimals, sign=signed)
                for value in as_shown(found.quantity, row.values)[:, column].tolist()
            ],
        }
        for row in found.rows
    ]


def _data(ident: str, zone: str | None, found: CellMap, ranked: Sequence[RankedCell]) -> Markup:
    """Return the map for the page's script, escaped so that it can't end the script."""
    body = record(ident, found, ranked)
    packs = [asdict(one) | {"href": links.device("case", one.case)} for one in body.packs]
    mapped = MAPPED[found.quantity]
    data = asdict(body) | {
        "zone": zone or "UTC",
        "readAt": [moment.isoformat() for moment in found.read_at],
        "packs": packs,
        "heads": cell_maps.heads(found.quantity),
        "strip": cell_maps.words_of(found.quantity).strip,
        "limit": mapped.limit,
        "scale": mapped.scale,
    }
    text = msgspec.json.encode(data).decode()
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - JSON without a character that HTML knows
