"""The pages, one file each. Every one is imported here, which puts it on the blueprint."""

from flexmeasures_pms.ui.views import (
    completeness,
    device,
    fleet,
    heatmap,
    nowhere,
    pack,
    quarantine,
    rack,
    receipts,
    registry,
    registry_import,
    registry_register,
    registry_thing,
)

__all__ = [
    "completeness",
    "device",
    "fleet",
    "heatmap",
    "nowhere",
    "pack",
    "quarantine",
    "rack",
    "receipts",
    "registry",
    "registry_import",
    "registry_register",
    "registry_thing",
]
