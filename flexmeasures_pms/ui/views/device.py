"""A device other than a PMS: power flows, status, and charts over any period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from flask import Response

from flexmeasures_pms.catalogue.asset_types import DEVICE_KIND_BY_NAME, SINGLE_DEVICES
from flexmeasures_pms.overview.converters import Converter, Flow, converter
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.ui.language import sensors
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import live, query_params
from flexmeasures_pms.ui.page.access import Seen, trackable_or_404
from flexmeasures_pms.ui.page.chart_page import chart_page, zone_of
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.terms import called, kind_title, title
from flexmeasures_pms.ui.routes import pms_ui

NAMES = {
    "pv": mark("PV"),
    "battery": mark("Battery"),
    "load": mark("Load"),
    "grid": mark("Grid"),
}
_WAYS = {
    ("pv", False): mark("producing"),
    ("pv", True): mark("taking power"),
    ("battery", True): mark("charging"),
    ("battery", False): mark("discharging"),
    ("load", True): mark("consuming"),
    ("load", False): mark("giving power"),
    ("grid", True): mark("feeding in"),
    ("grid", False): mark("drawing"),
}


_KINDS = ", ".join(f'"{kind.name}"' for kind in SINGLE_DEVICES)


@pms_ui.get(f"/pms/<any({_KINDS}):kind>/<path:ident>")
def show_device(kind: str, ident: str) -> Response:
    """Show a device, such as an MPPT or an inverter."""
    return _show(trackable_or_404(kind, ident))


def _show(seen: Seen) -> Response:
    require_tables()
    zone = zone_of(seen)
    one = _converter(seen)
    kind = DEVICE_KIND_BY_NAME[seen.entry.kind]
    context: dict[str, Any] = {
        "one": one,
        "out_of_use": seen.entry.is_retired(seen.now),
        "kind": kind,
        "kind_title": kind_title(kind.name),
        "zone": zone,
        "names": {side: _(words) for side, words in NAMES.items()},
        "way": way,
        "labels": sensors.labels(kind.name),
        "says": says,
    }
    if live.is_asked():
        return live.part("pms/device_live.html", one, **context)
    shown = chart_page(seen, zone)
    return page(
        "pms/device.html",
        charts=True,
        title=title(called(seen.entry)),
        shown=shown,
        data=shown.data(seen),
        field=query_params.field,
        **context,
    )


def _converter(seen: Seen) -> Converter:
    entry = seen.entry
    row = latest_of([entry.id]).get(entry.id)
    time = row.event_time.astimezone(UTC) if row else None
    return converter(entry.kind, entry.ident, time, row.readings if row else {}, seen.now)


def way(flow: Flow) -> str:
    """Return the direction of a side's power as a word."""
    return _("at rest") if flow.outward is None else _(_WAYS[flow.side, flow.outward])


def says(words: Sequence[str]) -> str:
    """Return the words of a status in the language of the page."""
    return ", ".join(_(word) for word in words)
