"""The five FlexMeasures asset types of the plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

AssetTypeName = Literal["pms", "cabinet", "case", "mppt", "inverter"]
DatasetName = Literal["pms", "mppt", "inverter"]

DATASETS: tuple[DatasetName, ...] = get_args(DatasetName)


@dataclass(frozen=True, slots=True)
class AssetType:
    """An asset type as FlexMeasures is told about it.

    :param name: ``GenericAssetType.name``.
    :param description: at most 80 characters, shown by FlexMeasures.
    :param icon: CSS classes of the icon fonts that FlexMeasures has on every page.
    """

    name: AssetTypeName
    description: str
    icon: str


ASSET_TYPES: tuple[AssetType, ...] = (
    AssetType("pms", "Pack management system: 1-4 cabinets of battery packs", "icon-battery"),
    AssetType("cabinet", "Cabinet: an EHub and a busbar with docks for cases", "icon-battery"),
    AssetType("case", "Case (pack): 14 cell blocks, FET and acquisition board", "icon-battery"),
    AssetType("mppt", "MPPT solar controller", "icon-solar"),
    AssetType("inverter", "Inverter", "fa fa-bolt"),
)

ASSET_TYPE_BY_NAME: dict[str, AssetType] = {t.name: t for t in ASSET_TYPES}
