"""What FlexMeasures' own pages of an asset show of the thing that it stands for.

A line above the page: its state, its figures, and the way to its page. It is made when the
page is rendered, so that assets of any age have it, and it is true at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa
from flask import current_app, render_template
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.overview.fleet import Device, fleet
from flexmeasures_pms.overview.packs import ShownPack, pack
from flexmeasures_pms.overview.states import worst_first
from flexmeasures_pms.registry.kinds import CASE, PMS, SITE_KINDS
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.ui.language import figures, findings
from flexmeasures_pms.ui.language.words import _, language
from flexmeasures_pms.ui.page import links
from flexmeasures_pms.ui.registry.subject import Addresses
from flexmeasures_pms.ui.registry.terms import called, retired_note

AT_REST = 1
"""Watts in either direction: below these nothing charges or discharges."""

PanelFigures = Iterator[tuple[str, str]]


def asset_panel(asset: GenericAsset | None) -> Markup:
    """Return the panel of an asset of the plugin; nothing for other assets, and after a fault."""
    if not asset:
        return Markup("")
    try:
        require_tables()
        with db.session.begin_nested():
            return _panel(asset)
    except (SQLAlchemyError, PmsError):
        # FlexMeasures' page is worth more than what we add to it.
        current_app.logger.exception("The panel of asset %s can't be shown.", asset.id)
        return Markup("")


def _panel(asset: GenericAsset) -> Markup:
    t = trackable.c
    query = sa.select(t.account_id, t.id, t.kind, t.ident, t.retired_at)
    row = db.session.execute(query.where(t.asset_id == asset.id)).first()
    if row is None:
        return Markup("")
    thing = Found(*row)
    to, now = Addresses(thing.account_id), datetime.now(UTC)
    ways = [(_("Registry"), to.thing(thing.kind, thing.ident))]
    if thing.kind in (CASE, *SITE_KINDS):
        ways.insert(0, (_way(thing.kind), to.readings(thing.kind, thing.ident) or ""))
    if thing.kind == PMS:
        cells = links.rack(thing.ident, "cells", organisation=thing.account_id)
        ways.insert(1, (_("Heat map"), cells))
    shown = _pack(thing, now) if thing.kind == CASE else _device(thing, now)
    text = render_template(
        "pms/asset_panel.html",
        name=called(thing),
        retired=retired_note(thing, now, asset.attributes.get("timezone", "UTC")),
        ways=ways,
        state=None if shown is None else worst_first(shown.findings)[0],
        says=findings,
        figures=() if shown is None else tuple(_figures(shown)),
        panel_language=language(),
        _=_,
    )
    return Markup(text)  # noqa: S704 - rendered by Jinja, which escapes


def _way(kind: str) -> str:
    return {CASE: _("Pack page"), PMS: _("Rack")}.get(kind, _("Measurements"))


def _pack(thing: Found, now: datetime) -> ShownPack:
    row = latest_of([thing.id]).get(thing.id)
    time = row.event_time.astimezone(UTC) if row else None
    return pack(thing.ident, None, time, None, row.readings if row else {}, now)


def _device(thing: Found, now: datetime) -> Device | None:
    if thing.kind not in SITE_KINDS:
        return None
    return next(iter(fleet([thing.account_id], now, within=[thing.id])), None)


def _figures(shown: ShownPack | Device) -> PanelFigures:
    if isinstance(shown, Device) and shown.packs is not None:
        said = {"n": shown.reporting, "all": shown.packs}
        yield _("Packs reporting"), _("{n} of {all}", **said)
    if shown.power is not None:
        yield _("Power"), f"{figures.number(abs(shown.power))} W {_direction(shown.power)}"
    yield from _measured(_values(shown))
    newest = shown.newest if isinstance(shown, Device) else shown.time
    yield _("Newest reading"), figures.age(newest)


def _direction(watts: float) -> str:
    if abs(watts) < AT_REST:
        return _("at rest")
    return _("charging") if watts > 0 else _("discharging")


def _values(shown: ShownPack | Device) -> Mapping[str, tuple[float | None, int, str]]:
    """Return figures with their decimals and units."""
    return {
        _("State of charge"): (shown.soc, 0, "%"),
        _("Hottest"): (shown.hottest, 1, "°C"),
        _("Cell spread"): (shown.spread, 0, "mV"),
    }


def _measured(values: Mapping[str, tuple[float | None, int, str]]) -> PanelFigures:
    for name, (value, decimals, unit) in values.items():
        if value is not None:
            yield name, f"{figures.number(value, decimals)} {unit}"
