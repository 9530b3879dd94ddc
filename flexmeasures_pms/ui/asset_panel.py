"""What FlexMeasures' own pages of an asset show of the thing that it stands for.

A line above the page: its state, its figures, and the way to its page. It is made when the
page is rendered, so that assets of any age have it, and it is true at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa
from flask import current_app, render_template
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from markupsafe import Markup
from msgspec.structs import replace

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.overview.fleet import Device, fleet
from flexmeasures_pms.overview.packs import ShownPack, pack
from flexmeasures_pms.overview.rack import misplaced_now
from flexmeasures_pms.overview.states import worst_first
from flexmeasures_pms.registry.directory import Directory, Entry, RegistryQuery
from flexmeasures_pms.registry.kinds import CASE, DEVICES, PMS, SITE
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.location import above
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.flapping import flapping_now
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.ui.language import figures, findings
from flexmeasures_pms.ui.language.words import _, language
from flexmeasures_pms.ui.page import links
from flexmeasures_pms.ui.registry.subject import Addresses, zone_of
from flexmeasures_pms.ui.registry.terms import called, retired_note

MOST_TIME = "2s"
"""How long each of the panel's queries may take: FlexMeasures' own pages have no limit."""

_LIMIT = "statement_timeout"
_SAID = "flexmeasures_pms_panel_said"
AT_REST = 1
"""Watts in either direction: below these nothing charges or discharges."""

PanelFigures = Iterator[tuple[str, str]]


def asset_panel(asset: GenericAsset | None) -> Markup:
    """Return the panel of an asset of the plugin; nothing for other assets, and after a fault."""
    if not asset:
        return Markup("")
    try:
        # What FlexMeasures has not written yet is its own to write: a savepoint of the session
        # would write it.
        with db.session.no_autoflush, db.session.connection().begin_nested(), _limited():
            require_tables()
            return _panel(asset)
    except SchemaError as error:
        _say_once(error)
    except Exception:
        current_app.logger.exception("The panel of an asset can't be shown.")
    return Markup("")


@contextmanager
def _limited() -> Iterator[None]:
    """Limit the time of each query in the block. A failure rolls the limit back with the rest."""
    before = db.session.scalar(sa.select(sa.func.current_setting(_LIMIT)))
    db.session.execute(sa.select(sa.func.set_config(_LIMIT, MOST_TIME, True)))
    yield
    db.session.execute(sa.select(sa.func.set_config(_LIMIT, before, True)))


def _say_once(error: SchemaError) -> None:
    if not current_app.extensions.get(_SAID):
        current_app.extensions[_SAID] = True
        current_app.logger.error("FlexMeasures' pages of assets show no panel: %s", error)


def _panel(asset: GenericAsset) -> Markup:
    t = trackable.c
    # An asset that was given to another organisation shows it nothing of what it was.
    here = (t.asset_id == asset.id, t.account_id == asset.account_id)
    number = db.session.scalar(sa.select(t.id).where(*here))
    if number is None:
        return Markup("")
    registered, now = load_directory(asset.account_id, numbers=[number]), datetime.now(UTC)
    thing = registered.entry(number)
    zone = zone_of(asset.account_id, thing, *above(registered, thing, now))
    shown = _pack(registered, thing, now) if thing.kind == CASE else _device(registered, thing, now)
    text = render_template(
        "pms/asset_panel.html",
        name=called(thing),
        retired=retired_note(thing, now, zone),
        ways=_ways(registered.account_id, thing),
        state=None if shown is None else worst_first(shown.findings)[0],
        says=findings,
        zone=zone,
        clock=figures.clock,
        figures=() if shown is None else tuple(_figures(shown)),
        panel_language=language(),
        _=_,
    )
    return Markup(text)  # noqa: S704 - rendered by Jinja, which escapes


def _ways(account_id: int, thing: Entry) -> list[tuple[str, str]]:
    to = Addresses(account_id)
    ways = [(_("Registry"), to.thing(thing.kind, thing.ident))]
    if thing.kind in (SITE, CASE, *DEVICES):
        ways.insert(0, (_way(thing.kind), to.readings(thing.kind, thing.ident) or ""))
    if thing.kind == PMS:
        cells = links.rack(thing.ident, "cells", organisation=account_id)
        ways.insert(1, (_("Heat map"), cells))
    return ways


def _way(kind: str) -> str:
    return {SITE: _("Devices"), CASE: _("Pack page"), PMS: _("Rack")}.get(kind, _("Measurements"))


def _pack(registered: Directory, thing: Entry, now: datetime) -> ShownPack:
    row = latest_of([thing.id]).get(thing.id)
    if row is None:
        return pack(thing.ident, None, None, None, {}, now)
    registered.expect(RegistryQuery(numbers=[row.device_id]))
    source = registered.entry(row.device_id).ident
    flaps = flapping_now([thing.id], now).get(thing.id)
    time = row.event_time.astimezone(UTC)
    seen = pack(thing.ident, None, time, source, row.readings, now, flaps)
    wrong = misplaced_now(registered, thing, seen, now) if flaps is None else ()
    return replace(seen, findings=(*seen.findings, *wrong))


def _device(registered: Directory, thing: Entry, now: datetime) -> Device | None:
    if thing.kind not in DEVICES:
        return None
    return next(iter(fleet([registered.account_id], now, only=[thing.id])), None)


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
