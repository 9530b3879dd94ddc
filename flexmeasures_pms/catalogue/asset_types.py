"""The kinds of device that report, and the FlexMeasures asset types of the plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AssetTypeName = str
DatasetName = str
Side = Literal["pv", "battery", "load", "grid"]


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """A kind of device that reports telemetry: one row defines everything that depends on the kind.

    :param name: of its dataset, its asset type, its kind in the registry, and the model of
        its data source.
    :param label: as written in sentences.
    :param plural: heading of a list of them.
    :param what: what is registered, with its article, for help texts.
    :param description: at most 80 characters, for FlexMeasures.
    :param icon: CSS classes of the icon fonts that FlexMeasures has on every page.
    :param example: an id, for help texts.
    :param lead: what it is, as the first line of its page.
    :param subject: the asset type that has the sensors of its samples, where that is not its own.
    :param feeds: further asset types that have sensors of its datasets.
    :param sides: what power flows to and from it, for the picture on its page; none for no
        picture.
    """

    name: DatasetName
    label: str
    plural: str
    what: str
    description: str
    icon: str
    example: str
    lead: str = ""
    subject: AssetTypeName = ""
    feeds: tuple[AssetTypeName, ...] = ()
    sides: tuple[Side, ...] = ()

    @property
    def asset_types(self) -> tuple[AssetTypeName, ...]:
        """The asset types that have sensors of its datasets, that of its samples first."""
        return (self.subject or self.name, *self.feeds)


DEVICE_KINDS: tuple[DeviceKind, ...] = (
    DeviceKind(
        "pms",
        label="PMS",
        plural="PMSes",
        what="a PMS: the site's battery system, named by its pms id",
        description="Pack management system: 1-4 cabinets of battery packs",
        icon="icon-battery",
        example="PMS-01-001",
        subject="case",
        feeds=("cabinet", "pms"),
    ),
    DeviceKind(
        "mppt",
        label="MPPT",
        plural="MPPTs",
        what="an MPPT solar controller",
        lead="Solar charge controller",
        description="MPPT solar controller",
        icon="icon-solar",
        example="IT6415AD-01-001",
        sides=("pv", "battery", "load"),
    ),
    DeviceKind(
        "inverter",
        label="inverter",
        plural="Inverters",
        what="an inverter",
        lead="Inverter between batteries, PV, loads and grid",
        description="Inverter",
        icon="fa fa-bolt",
        example="SPI-B2-01-001",
        sides=("pv", "battery", "load", "grid"),
    ),
)
"""A new kind of device is a row here, its quantities, its spellings and its words."""

DEVICE_KIND_BY_NAME: dict[str, DeviceKind] = {kind.name: kind for kind in DEVICE_KINDS}
DATASETS: tuple[DatasetName, ...] = tuple(DEVICE_KIND_BY_NAME)
SINGLE_DEVICES: tuple[DeviceKind, ...] = tuple(kind for kind in DEVICE_KINDS if not kind.subject)
"""The kinds whose samples are about the device itself: all but the PMS."""


def device_labels(conjunction: str = "or") -> str:
    """Return the kinds of device as a list in words: ``PMS, MPPT or inverter``."""
    *first, last = (kind.label for kind in DEVICE_KINDS)
    return f"{', '.join(first)} {conjunction} {last}"


@dataclass(frozen=True, slots=True)
class AssetType:
    """An asset type of FlexMeasures.

    :param name: ``GenericAssetType.name``.
    :param description: at most 80 characters, shown by FlexMeasures.
    :param icon: CSS classes of the icon fonts that FlexMeasures has on every page.
    """

    name: AssetTypeName
    description: str
    icon: str


def _of_device(kind: DeviceKind) -> AssetType:
    return AssetType(kind.name, kind.description, kind.icon)


ASSET_TYPES: tuple[AssetType, ...] = (
    AssetType("site", "Site: where PMSes, MPPTs and inverters stand", "icon-empty-marker"),
    _of_device(DEVICE_KIND_BY_NAME["pms"]),
    AssetType("cabinet", "Cabinet: an EHub and a busbar with docks for cases", "icon-battery"),
    AssetType("case", "Case (pack): 14 cell blocks, FET and acquisition board", "icon-battery"),
    *map(_of_device, SINGLE_DEVICES),
)
"""All asset types, each after those that its assets may be below."""

ASSET_TYPE_BY_NAME: dict[str, AssetType] = {t.name: t for t in ASSET_TYPES}
