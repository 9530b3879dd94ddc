"""What FlexMeasures' graph page of an asset shows, from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexmeasures_pms.catalogue.readings import sensor_specs


def sensors_to_show(asset_type: str, known: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return FlexMeasures' ``sensors_to_show``: one plot for each graph title.

    The axis follows the data: with zero on it a weak cell would not be visible.

    :param known: ids of the sensors the asset has, by name.
    """
    plots: dict[str, list[int]] = {}
    for name, spec in sensor_specs(asset_type).items():
        if spec.quantity.graph and name in known:
            plots.setdefault(spec.quantity.graph, []).append(known[name])
    return [
        {"title": title, "y-axis": "data", "plots": [{"sensors": ids}]}
        for title, ids in plots.items()
    ]
