"""Which charts a pack, an MPPT and an inverter have, and of which sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, Quantity
from flexmeasures_pms.catalogue.readings import sensor_specs

_DIGITS = {"V": 4, "A": 3, "W": 1, "°C": 2, "mV": 1}


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    :param code: its name in addresses.
    :param quantities: names in the catalogue.
    """

    code: str
    quantities: tuple[str, ...]


_CONVERTER = (
    Chart("power", ("PV {n} power", "battery power", "load {n} power", "grid power")),
    Chart("pv-voltage", ("PV {n} voltage",)),
    Chart("pv-current", ("PV {n} current",)),
    Chart("battery-voltage", ("battery voltage",)),
    Chart("battery-current", ("battery current",)),
    Chart("load-voltage", ("load {n} voltage",)),
    Chart("load-current", ("load {n} current",)),
)
CHARTS: Mapping[str, tuple[Chart, ...]] = {
    "case": (
        Chart("cells", ("cell {n:02d} voltage",)),
        Chart("spread", ("cell spread",)),
        Chart("voltage", ("pack voltage",)),
        Chart("current", ("pack current",)),
        Chart("power", ("pack power",)),
        Chart(
            "temperatures",
            ("temperature top", "temperature middle", "temperature bottom", "FET {n} temperature"),
        ),
        Chart("open", ("FET {n} open", "cell {n:02d} open")),
        Chart("dock", ("dock",)),
    ),
    "mppt": (
        *_CONVERTER,
        Chart(
            "status",
            (
                *("bus connected", "running", "charging status", "input status", "load status"),
                *("system fault", "short circuits"),
            ),
        ),
    ),
    "inverter": (
        *_CONVERTER,
        Chart("grid-voltage", ("grid {n} voltage",)),
        Chart("grid-current", ("grid {n} current",)),
        Chart("grid-power-factor", ("grid {n} power factor",)),
        Chart("status", ("bus connected",)),
    ),
}
"""The charts of each kind of thing, in the order in which a page has them."""

KINDS = tuple(CHARTS)


@cache
def sensors_of(kind: str, code: str) -> tuple[str, ...]:
    """Return the names of the sensors that a chart of a kind of thing may show."""
    chart = next(chart for chart in CHARTS[kind] if chart.code == code)
    by_name = {q.name: q for q in BY_ASSET_TYPE[kind]}
    known = [by_name[name] for name in chart.quantities if name in by_name]
    return tuple(name for quantity in known for name in quantity.sensor_names())


def named(kind: str, word: str) -> tuple[str, ...]:
    """Return the sensors that a word names: a chart's, or the one of that name; or none."""
    if any(chart.code == word for chart in CHARTS[kind]):
        return sensors_of(kind, word)
    return (word,) if word in sensor_specs(kind) else ()


@cache
def words() -> tuple[str, ...]:
    """Return all words that name something of any kind of thing: charts, then sensors."""
    codes = (chart.code for charts in CHARTS.values() for chart in charts)
    return tuple(dict.fromkeys((*codes, *(name for kind in KINDS for name in sensor_specs(kind)))))


def digits(quantity: Quantity) -> int:
    """Return to how many decimals a mean of readings is rounded."""
    return _DIGITS.get(quantity.unit, 3)
