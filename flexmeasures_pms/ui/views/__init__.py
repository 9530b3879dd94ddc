"""The pages, one file each. Every one is imported here, which puts it on the blueprint."""

from flexmeasures_pms.ui.views import (
    fleet,
    heatmap,
    nowhere,
    rack,
    registry,
    registry_import,
    registry_register,
    registry_thing,
)

__all__ = [
    "fleet",
    "heatmap",
    "nowhere",
    "rack",
    "registry",
    "registry_import",
    "registry_register",
    "registry_thing",
]
