"""FlexMeasures' pages that show all assets, made fit for tens of thousands of them.

The dashboard and the properties of an asset load all assets with all columns, and those of JSON
take most of that time: here they are loaded when something reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from flask import Flask, has_request_context, request
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.utils.flexmeasures_inflection import pluralize
from sqlalchemy import Select, event
from sqlalchemy.orm import ORMExecuteState, joinedload, load_only

from flexmeasures_pms.registry.kinds import CABINET, CASE

MANY = 500
"""Up to so many assets FlexMeasures' lists of them are left as they are."""

_PAGES = frozenset(("flexmeasures_ui.dashboard_view", "AssetCrudUI:properties"))
_COLUMNS = load_only(
    GenericAsset.name,
    GenericAsset.latitude,
    GenericAsset.longitude,
    GenericAsset.account_id,
    GenericAsset.parent_asset_id,
    GenericAsset.generic_asset_type_id,
)
_TYPE = joinedload(GenericAsset.generic_asset_type)


def install(app: Flask) -> None:
    """Let the pages of an application load less, and give its templates what FIXES names."""
    app.before_request_funcs.setdefault(None, []).append(_load_less)
    filters: dict[str, Callable[..., Any]] = app.jinja_env.filters
    # Inflecting takes 0.4 ms, and the dashboard does it for every marker.
    filters["pms_pluralize"] = cache(pluralize)
    filters["pms_markers"] = markers
    filters["pms_parents"] = parents


def markers(assets: Sequence[GenericAsset]) -> Sequence[GenericAsset]:
    """Return the assets that get a marker on the dashboard's map.

    Of many, not the packs and cabinets at the place of what they are in.
    """
    if len(assets) <= MANY:
        return assets
    inside = [asset for asset in assets if _is_inside(asset)]
    # Each parent once: by its relationship it would be looked up for every asset.
    numbers = {asset.parent_asset_id for asset in inside}
    around = {number: _place(db.session.get(GenericAsset, number)) for number in numbers}
    left_out = {asset.id for asset in inside if around[asset.parent_asset_id] == _place(asset)}
    return [asset for asset in assets if asset.id not in left_out]


def parents(assets: Sequence[GenericAsset], of: GenericAsset) -> Sequence[GenericAsset]:
    """Return the assets that can be chosen as the parent of one: of many, no packs.

    The one that is its parent is always there: saving the form would change it.
    """
    if len(assets) <= MANY:
        return assets
    current = of.parent_asset_id
    return [a for a in assets if a.id == current or a.generic_asset_type.name != CASE]


def _is_inside(asset: GenericAsset) -> bool:
    return asset.parent_asset_id is not None and asset.generic_asset_type.name in (CASE, CABINET)


def _place(asset: GenericAsset | None) -> tuple[object, ...] | None:
    return asset and (asset.account_id, asset.latitude, asset.longitude)


def _load_less() -> None:
    if request.endpoint in _PAGES:
        event.listen(db.session(), "do_orm_execute", _leave_columns_out)


def _leave_columns_out(state: ORMExecuteState) -> None:
    # A session can outlive its request where another application context is around it.
    if has_request_context() and request.endpoint in _PAGES and _is_of_many_assets(state):
        state.statement = state.statement.options(_COLUMNS, _TYPE)


def _is_of_many_assets(state: ORMExecuteState) -> bool:
    """Return whether a list of assets is asked for, and not one or what belongs to it."""
    statement = state.statement
    if not isinstance(statement, Select) or state.is_column_load or state.is_relationship_load:
        return False
    described = statement.column_descriptions
    # One asset is asked for by Query.first(), with a limit.
    is_list = statement._limit_clause is None
    return is_list and len(described) == 1 and described[0]["expr"] is GenericAsset
