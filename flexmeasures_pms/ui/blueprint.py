"""The blueprint of the pages, and what it changes in FlexMeasures when it is registered."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import partial
from typing import Any, cast

import inflection
from flask import Flask
from flask.blueprints import BlueprintSetupState
from flexmeasures.ui.utils import view_utils
from flexmeasures.utils.flexmeasures_inflection import pluralize

from flexmeasures_pms import config
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.serving import incoming, timeouts
from flexmeasures_pms.serving.compress import compressed
from flexmeasures_pms.serving.start import usable_settings
from flexmeasures_pms.ui import files, large, views
from flexmeasures_pms.ui.asset_panel import asset_panel
from flexmeasures_pms.ui.offline import serve
from flexmeasures_pms.ui.offline.loader import ChangedTemplates
from flexmeasures_pms.ui.page import csrf, frame, refusals
from flexmeasures_pms.ui.routes import MOST_BYTES, STATIC, pms_ui

__all__ = ["files", "pms_ui", "refusals", "views"]

MENU = {"VIEWS": ["dashboard"], "VIEW_TITLES": {}, "VIEW_ICONS": {}}
"""FlexMeasures' own defaults: if a host has not changed them, the plugin adds to the menu."""

pms_ui.before_request(refusals.refuse_control_characters)
pms_ui.before_request(csrf.require)
pms_ui.before_request(refusals.require_tables_for_changes)
pms_ui.context_processor(frame.context)
pms_ui.after_request(frame.finish)
pms_ui.after_request(compressed)


def list_in_menu(host: MutableMapping[str, Any]) -> None:
    """Put the pages first in FlexMeasures' menu, unless the host has changed it."""
    names = {key: f"FLEXMEASURES_MENU_LISTED_{key}" for key in MENU}
    if host.get(names["VIEWS"]) == MENU["VIEWS"]:
        host[names["VIEWS"]] = ["pms", *MENU["VIEWS"]]
    for key, value in (("VIEW_TITLES", "Batteries"), ("VIEW_ICONS", "battery-full")):
        host[names[key]] = {"pms": value, **host.get(names[key], {})}


def _draw_asset_types() -> None:
    # FlexMeasures' dashboard would make a "Pm" of a PMS.
    inflection.UNCOUNTABLES.add("pms")
    for asset_type in ASSET_TYPES:
        # The dashboard looks up the icon of a group of assets by the plural of their type.
        for name in (asset_type.name, pluralize(asset_type.name)):
            view_utils.ICON_MAPPING.setdefault(name, asset_type.icon)
        view_utils.NORMALIZED_SVG_ICON_MAPPING.setdefault(
            asset_type.name, f"{STATIC}/{_picture(asset_type.name)}"
        )


def _picture(asset_type: str) -> str:
    """Return the picture of an asset type: its own file, or that of any device."""
    own = f"icons/{asset_type}.svg"
    return own if (files.FOLDER / own).exists() else "icons/device.svg"


@pms_ui.record_once
def _at_registration(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    _draw_asset_types()
    timeouts.install(app, pms_ui)
    incoming.install(app, pms_ui, lambda: MOST_BYTES)
    large.install(app)
    list_in_menu(app.config)
    offline = config.read(app.config).offline_assets
    if offline:
        with usable_settings(app):
            serve.install(app)
    app.jinja_env.globals["pms_asset_panel"] = asset_panel
    inner = app.jinja_env.loader
    if inner is not None:
        app.jinja_env.loader = ChangedTemplates(
            inner,
            address=serve.here if offline else str,
            style=partial(files.url, "css/flexmeasures.css"),
        )
