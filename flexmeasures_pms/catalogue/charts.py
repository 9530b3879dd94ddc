"""The charts of the pages: one table, in the order in which every page has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Look = Literal["lines", "cells", "lanes", "steps"]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    :param code: its name in addresses.
    :param title: as its heading.
    :param note: what has to be known to read it.
    :param look: how it is drawn: lines, all cells together, a lane for each state, or steps.
    :param key: how quantities name it, where that is not its code.
    """

    code: str
    title: str
    note: str = ""
    look: Look = "lines"
    key: str = ""


_CHARGING = "Charging is positive."

CHARTS: tuple[Chart, ...] = (
    Chart("cells", "Cell voltage", look="cells"),
    Chart("spread", "Cell spread", "Between the weakest and the strongest cell."),
    Chart("voltage", "Pack voltage"),
    Chart("current", "Pack current", _CHARGING),
    Chart("power", "Pack power", _CHARGING, key="pack-power"),
    Chart("power", "Power", "Charging, loads, PV and feeding in are positive."),
    Chart("temperatures", "Temperatures"),
    Chart("open", "Open FETs and cells", "A bar shows how long it was open.", "lanes"),
    Chart("dock", "Dock", look="steps"),
    Chart("pv-voltage", "PV voltage"),
    Chart("pv-current", "PV current"),
    Chart("battery-voltage", "Battery voltage"),
    Chart("battery-current", "Battery current", _CHARGING),
    Chart("load-voltage", "Load voltage"),
    Chart("load-current", "Load current"),
    Chart("grid-voltage", "Grid voltage"),
    Chart("grid-current", "Grid current", "Feeding in is positive."),
    Chart("grid-power-factor", "Grid power factor"),
    Chart("status", "Status", look="lanes"),
)

CHART_BY_KEY: dict[str, Chart] = {chart.key or chart.code: chart for chart in CHARTS}
