"""Packs, or cells of packs, over each other in one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest, NotFound

from flexmeasures_pms.catalogue.charts import CHART_BY_KEY
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, CELLS
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.queries.dock_stays import dock_stays
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.log import series
from flexmeasures_pms.ui.language import sensors
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import period, query_params
from flexmeasures_pms.ui.page.access import Seen, trackable_or_404
from flexmeasures_pms.ui.page.chart_page import ChartPage, ShownChart, history_address, zone_of
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui

MOST_LINES = 12
OF_CELLS = "cells"
BY_DEFAULT = "pack voltage"
CODE = "compare"


@dataclass(frozen=True, slots=True)
class Tickable:
    """Something to tick.

    :param value: in the address.
    """

    value: str
    words: str
    chosen: bool


@pms_ui.get("/pms/compare")
def compare() -> Response:
    """Show one quantity of the packs, or of the cells of the packs, in the address."""
    require_tables()
    seen = _seen()
    zone = zone_of(seen)
    cases = _cases(seen)
    named = _quantity()
    cells = _cells()
    labels = _labels(named, cases, cells)
    shown = _chart_page(seen, zone, named, cases, labels)
    return page(
        "pms/compare.html",
        charts=True,
        title=_("Compare packs"),
        zone=zone,
        pms=request.args.get("pms", ""),
        most=MOST_LINES,
        packs=_packs(seen, cases, shown.period),
        quantities=_quantities(),
        named=named,
        cells=[Tickable(str(n), str(n), n in cells) for n in range(1, CELLS + 1)],
        lines=len(labels),
        shown=shown,
        data=_data(seen, shown, cases, labels),
        field=query_params.field,
    )


def _seen() -> Seen:
    """Return the PMS of the address, or its first pack.

    :raises BadRequest: for an address without either, or with too many packs.
    :raises NotFound: for what is not registered.
    """
    named = _named()
    if pms := request.args.get("pms"):
        return trackable_or_404("pms", pms)
    if named:
        return trackable_or_404("case", named[0])
    raise BadRequest(_("The address names no PMS and no pack: begin at a rack or a pack."))


def _named() -> list[str]:
    """Return the ids of packs in the address.

    :raises BadRequest: for more than a chart can show: none is looked up then.
    """
    named = dict.fromkeys(name.strip() for name in request.args.getlist("case") if name.strip())
    if len(named) > MOST_LINES:
        raise BadRequest(
            _("These are {n} packs: choose at most {most}.", n=len(named), most=MOST_LINES)
        )
    return list(named)


def _cases(seen: Seen) -> list[Entry]:
    found = [(name, seen.registered.find("case", name)) for name in _named()]
    if missing := [name for name, case in found if case is None]:
        raise NotFound(_("No pack {pack} is registered here.", pack=missing[0][:40]))
    return list(dict.fromkeys(case for _name, case in found if case is not None))


def _quantities() -> dict[str, str]:
    """Return what can be compared: the names of sensors, or ``cells``."""
    found = {OF_CELLS: _(CHART_BY_KEY[OF_CELLS].title)}
    for quantity in BY_ASSET_TYPE["case"]:
        if not quantity.chart or quantity.state or quantity.chart == OF_CELLS:
            continue
        title = _(CHART_BY_KEY[quantity.chart].title)
        for n, name in enumerate(quantity.sensor_names(), 1):
            label = _(quantity.label, n=n)
            found[name] = title if label == title else f"{title}: {label}"
    return found


def _quantity() -> str:
    named = request.args.get("quantity") or (OF_CELLS if "cell" in request.args else BY_DEFAULT)
    if named not in _quantities():
        raise BadRequest(_("This page can't show {text}.", text=named[:40]))
    return named


def _cells() -> list[int]:
    texts = request.args.getlist("cell")
    valid = {str(n) for n in range(1, CELLS + 1)}
    if wrong := [text for text in texts if text not in valid]:
        raise BadRequest(_("{text} is not a number that this page can use.", text=wrong[0][:40]))
    return sorted({int(text) for text in texts})


def _labels(named: str, cases: Sequence[Entry], cells: Sequence[int]) -> dict[tuple[str, str], str]:
    """Return the lines, by pack and sensor, with what each is called.

    :raises BadRequest: for more than a chart can show.
    """
    own = sensors.labels("case")
    names = [f"cell {n:02d} voltage" for n in cells] if named == OF_CELLS else [named]
    found = {
        (case.ident, name): f"{case.ident} · {own[name]}" if named == OF_CELLS else case.ident
        for case in cases
        for name in names
    }
    if len(found) > MOST_LINES:
        raise BadRequest(
            _("These are {n} lines: choose fewer packs or cells, at most {most} lines together.",
              n=len(found), most=MOST_LINES)
        )  # fmt: skip
    return found


def _chart_page(
    seen: Seen, zone: str, named: str, cases: Sequence[Entry], labels: Mapping[tuple[str, str], str]
) -> ChartPage:
    known = [bounds for case in cases if (bounds := series.bounds(case.id))]
    bounds = (min(b[0] for b in known), max(b[1] for b in known)) if known else None
    sensor = "cell 01 voltage" if named == OF_CELLS else named
    chart = ShownChart(
        code=CODE,
        title=_quantities()[named],
        note="",
        unit=sensor_specs("case")[sensor].quantity.unit,
        look="ends",
        sensors=tuple(f"{case} {name}" for case, name in labels),
        shown=True,
    )
    return ChartPage.of((chart,), bounds, zone, seen.now)


def _packs(seen: Seen, cases: Sequence[Entry], shown: period.Period) -> list[Tickable]:
    """Return the packs of the PMS in the period, and the chosen ones."""
    chosen = {case.ident for case in cases}
    found: dict[str, str] = {}
    if seen.entry.kind == "pms":
        for stay in dock_stays(seen.registered, seen.entry.id, *_time(shown, seen.now)):
            name = stay.case.ident
            found.pop(name, None)  # one that was moved stands where it was last
            found[name] = f"{stay.dock} · {name}" if stay.dock else name
    found |= {name: name for name in chosen - found.keys()}
    return [Tickable(ident, words, ident in chosen) for ident, words in found.items()]


def _time(shown: period.Period, now: datetime) -> tuple[datetime, datetime]:
    return min(shown.start, now), min(shown.end, now)


def _data(
    seen: Seen, shown: ChartPage, cases: Sequence[Entry], labels: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    sources = [
        {
            "prefix": f"{case.ident} ",
            "history": history_address(case, seen.organisation.id),
            "quantities": [name for ident, name in labels if ident == case.ident],
        }
        for case in cases
    ]
    words = {f"{case} {name}": text for (case, name), text in labels.items()}
    return shown.record(CODE, seen.now, sources, labels=words, states={})
