"""The pages, one file each. Every one is imported here, which puts it on the blueprint."""

from flexmeasures_pms.ui.views import (
    completeness,
    fleet,
    heatmap,
    nowhere,
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
    "fleet",
    "heatmap",
    "nowhere",
    "quarantine",
    "rack",
    "receipts",
    "registry",
    "registry_import",
    "registry_register",
    "registry_thing",
]
