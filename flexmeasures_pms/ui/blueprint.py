"""The blueprint of the pages: for now the icons and names of the asset types."""

from __future__ import annotations

import inflection
from flask import Blueprint
from flask.blueprints import BlueprintSetupState
from flexmeasures.ui.utils import view_utils
from flexmeasures.utils.flexmeasures_inflection import pluralize

from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES

STATIC = "/pms/static"

pms_ui = Blueprint("pms_ui", "flexmeasures_pms.ui", static_folder="static", static_url_path=STATIC)


@pms_ui.record_once
def _at_registration(_state: BlueprintSetupState) -> None:
    # FlexMeasures' dashboard would make a "Pm" of a PMS.
    inflection.UNCOUNTABLES.add("pms")
    for asset_type in ASSET_TYPES:
        # The dashboard asks for the icon of a group of assets by the plural of their type.
        for name in (asset_type.name, pluralize(asset_type.name)):
            view_utils.ICON_MAPPING.setdefault(name, asset_type.icon)
        view_utils.NORMALIZED_SVG_ICON_MAPPING.setdefault(
            asset_type.name, f"{STATIC}/icons/{asset_type.name}.svg"
        )
