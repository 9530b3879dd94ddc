"""Which sensors the charts of a pack or device show, and their names in URLs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from flexmeasures_pms.catalogue.asset_types import SINGLE_DEVICES
from flexmeasures_pms.catalogue.charts import CHART_BY_KEY, Chart
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, charts_of
from flexmeasures_pms.catalogue.readings import sensor_specs

KINDS = ("case", *(kind.name for kind in SINGLE_DEVICES))
CHARTS: Mapping[str, tuple[Chart, ...]] = {kind: charts_of(kind) for kind in KINDS}
"""The charts of each kind of asset, in the order of a page."""


@cache
def sensors_of(kind: str, code: str) -> tuple[str, ...]:
    """Return the names of the sensors that a chart of a kind of asset may show."""
    shown = (q for q in BY_ASSET_TYPE[kind] if q.chart and CHART_BY_KEY[q.chart].code == code)
    return tuple(name for quantity in shown for name in quantity.sensor_names())


def named(kind: str, word: str) -> tuple[str, ...]:
    """Return the sensors of a chart code or a sensor name; or none."""
    if any(chart.code == word for chart in CHARTS[kind]):
        return sensors_of(kind, word)
    return (word,) if word in sensor_specs(kind) else ()


@cache
def words() -> tuple[str, ...]:
    """Return all chart codes and sensor names of all kinds, charts first."""
    codes = (chart.code for charts in CHARTS.values() for chart in charts)
    return tuple(dict.fromkeys((*codes, *(name for kind in KINDS for name in sensor_specs(kind)))))
