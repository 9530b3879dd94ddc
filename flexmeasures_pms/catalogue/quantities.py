"""The catalogue: every sensor of every asset type, one line each.

Adding a quantity is adding a line here, and its label to the translations. Its ``source``
is either the path of a field in a sample, as it is written in the current wire format, or a
formula over the sample's fields. The decoder reads the fields the catalogue names and marks
readings outside their bounds as faulty; provisioning makes the sensors; the graphs, the
charts and the documentation follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flexmeasures_pms.catalogue import derive, status
from flexmeasures_pms.catalogue.asset_types import AssetTypeName
from flexmeasures_pms.catalogue.charts import CHART_BY_KEY, Chart
from flexmeasures_pms.catalogue.status import StatusBits, StatusField

CELLS = 14
FETS = 2
HIGHEST_DOCK = 48
UNALLOCATED_DOCK = 99

# Devices send 16-bit numbers in tenths or hundredths. A small negative one that is read as
# unsigned is 6553.x or 655.3x, and one at the limit of a signed register is 3276.x or 327.6x, of
# either sign. Where the hardware can't reach these, the range excludes them.
# A device on the 48 V bus has fuses of some 300 A at most.
CURRENT = (-320.0, 320.0)
TEMPERATURE = (-40.0, 150.0)
CELL_VOLTAGE = (0.0, 5.0)
# 14 cells of at most 4.2 V are 58.8 V; the rest is for a charger that regulates badly.
BATTERY_VOLTAGE = (0.0, 100.0)
# Strings of modules are built for up to 1,500 V, so that 655.35 V is possible.
PV_VOLTAGE = (0.0, 1_500.0)
# Loads and grids of low voltage: 600 V between phases in North America is the highest.
LOW_VOLTAGE = (0.0, 600.0)
POWER_FACTOR = (-1.0, 1.0)
ANY = (-1e9, 1e9)

Source = str | Callable[[derive.Fields], Any]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured or derived quantity of an asset type.

    :param asset_type: the asset type that has the sensor.
    :param name: the sensor's name; ``{n}`` stands for the position in an array.
    :param unit: a unit FlexMeasures knows; ``dimensionless`` for counts and states.
    :param source: field path in a sample, or a formula over the sample's fields.
    :param bounds: lowest and highest plausible reading, in ``unit``.
    :param count: length of the array that the source gives; 0 for a single value.
    :param index: position in the array, for a quantity that takes just one element.
    :param grows: the sensors appear when the array first reaches their position.
    :param state: a discrete state rather than a measurement.
    :param consumption: what a positive power is to FlexMeasures; None for no power.
    :param graph: title of FlexMeasures' plot; None leaves it off FlexMeasures' graph page.
    :param chart: key of the chart of our own pages that shows it; None for no chart.
    :param label: what it is called in that chart; ``{n}`` stands for the position in an array.
    :param digits: to how many decimals a mean is rounded, where its unit does not say.
    :param status: the bits of the status code that it is read from.
    """

    asset_type: AssetTypeName
    name: str
    unit: str
    source: Source
    bounds: tuple[float, float] = ANY
    count: int = 0
    index: int | None = None
    grows: bool = False
    state: bool = False
    consumption: bool | None = None
    graph: str | None = None
    chart: str | None = None
    label: str = ""
    digits: int | None = None
    status: StatusField | StatusBits | None = None

    @property
    def decimals(self) -> int:
        """To how many decimals a mean of readings is rounded."""
        return _DECIMALS.get(self.unit, 3) if self.digits is None else self.digits

    def sensor_names(self) -> tuple[str, ...]:
        """Return the names of the quantity's sensors, in the order of the array."""
        if not self.count:
            return (self.name,)
        return tuple(self.name.format(n=n) for n in range(1, self.count + 1))


Q = Quantity
ONE = "dimensionless"

EHUB: tuple[AssetTypeName, ...] = ("cabinet", "pms")
CONVERTERS: tuple[AssetTypeName, ...] = ("mppt", "inverter")


_DECIMALS = {"V": 4, "A": 3, "W": 1, "°C": 2, "mV": 1}


def _status(
    kind: AssetTypeName, name: str, field: StatusField | StatusBits, label: str, **more: Any
) -> Quantity:
    """Return a state that is read from the status code."""
    source = partial(derive.status_bits, field)
    return Q(kind, name, ONE, source, state=True, status=field, label=label, **more)


# fmt: off
QUANTITIES: tuple[Quantity, ...] = (
    # The EHub's own readings: on its cabinet, or on the PMS if the docks do not tell which.
    *(q for kind in EHUB for q in (
        Q(kind, "status code", ONE, "status.code", state=True),
        _status(kind, "bus connected", status.BUS_CONNECTED, "Bus"),
        Q(kind, "EHub temperature", "°C", "status.temp", TEMPERATURE, graph="EHub temperature"),
    )),
    Q("case", "pack voltage", "V", derive.pack_voltage, graph="Pack voltage", chart="voltage",
      label="Pack voltage"),
    # Not on the graph page: most packs do not send it, and would look stale forever.
    Q("case", "reported pack voltage", "V", "pack.volts", BATTERY_VOLTAGE),
    Q("case", "pack current", "A", "pack.amps", CURRENT, graph="Pack current", chart="current",
      label="Pack current"),
    Q("case", "pack power", "W", derive.pack_power, consumption=True, graph="Pack power",
      chart="pack-power", label="Pack power"),
    Q("case", "temperature top", "°C", "pack.temp", TEMPERATURE, index=0, graph="Temperature",
      chart="temperatures", label="Top"),
    Q("case", "temperature middle", "°C", "pack.temp", TEMPERATURE, index=1, graph="Temperature",
      chart="temperatures", label="Middle"),
    Q("case", "temperature bottom", "°C", "pack.temp", TEMPERATURE, index=2, graph="Temperature",
      chart="temperatures", label="Bottom"),
    Q("case", "dock", ONE, "pack.dock", state=True, chart="dock", label="Dock"),
    Q("case", "lowest cell voltage", "V", derive.lowest_cell_voltage),
    Q("case", "highest cell voltage", "V", derive.highest_cell_voltage),
    Q("case", "cell spread", "mV", derive.cell_spread, graph="Cell spread", chart="spread",
      label="Cell spread"),
    Q("case", "cell {n:02d} voltage", "V", "cell.volts", CELL_VOLTAGE, CELLS, graph="Cell voltage",
      chart="cells", label="Cell {n}"),
    Q("case", "FET {n} temperature", "°C", "fet.temp", TEMPERATURE, FETS, graph="FET temperature",
      chart="temperatures", label="FET {n}"),
    Q("case", "FET {n} open", ONE, derive.fets_open, count=FETS, state=True, chart="open",
      label="FET {n}"),
    Q("case", "cell {n:02d} open", ONE, derive.cells_open, count=CELLS, state=True, chart="open",
      label="Cell {n}"),
    *(q for kind in CONVERTERS for q in (
        Q(kind, "PV {n} voltage", "V", "pv.volts", PV_VOLTAGE, 4, grows=True, graph="PV voltage",
          chart="pv-voltage", label="PV {n}"),
        Q(kind, "PV {n} current", "A", "pv.amps", CURRENT, 4, grows=True, chart="pv-current",
          label="PV {n}"),
        Q(kind, "PV {n} power", "W", derive.pv_power, ANY, 4, grows=True, consumption=False,
          graph="PV power", chart="power", label="PV {n}"),
        Q(kind, "battery voltage", "V", "battery.volts", BATTERY_VOLTAGE,
          graph="Battery voltage", chart="battery-voltage", label="Battery"),
        Q(kind, "battery current", "A", "battery.amps", CURRENT, graph="Battery current",
          chart="battery-current", label="Battery"),
        Q(kind, "battery power", "W", derive.battery_power, consumption=True,
          graph="Battery power", chart="power", label="Battery"),
        Q(kind, "load {n} voltage", "V", "load.volts", LOW_VOLTAGE, 2, grows=True,
          chart="load-voltage", label="Load {n}"),
        Q(kind, "load {n} current", "A", "load.amps", CURRENT, 2, grows=True,
          chart="load-current", label="Load {n}"),
        Q(kind, "load {n} power", "W", derive.load_power, ANY, 2, grows=True, consumption=True,
          graph="Load power", chart="power", label="Load {n}"),
        Q(kind, "status code", ONE, "status.code", state=True),
        _status(kind, "bus connected", status.BUS_CONNECTED, "Bus", chart="status"),
    )),
    Q("inverter", "grid {n} voltage", "V", "grid.volts", LOW_VOLTAGE, 3, grows=True,
      graph="Grid voltage", chart="grid-voltage", label="Grid {n}"),
    Q("inverter", "grid {n} current", "A", "grid.amps", CURRENT, 3, grows=True,
      chart="grid-current", label="Grid {n}"),
    Q("inverter", "grid {n} power factor", ONE, "grid.pf", POWER_FACTOR, 3, grows=True,
      chart="grid-power-factor", label="Grid {n}"),
    Q("inverter", "grid {n} power", "W", derive.grid_powers, ANY, 3, grows=True,
      consumption=False),
    Q("inverter", "grid power", "W", derive.grid_power, grows=True, consumption=False,
      graph="Grid power", chart="power", label="Grid"),
    _status("mppt", "running", status.RUNNING, "Running", chart="status"),
    _status("mppt", "charging status", status.CHARGING, "Charging", chart="status",
            graph="Charging status"),
    _status("mppt", "input status", status.INPUT, "Input", chart="status"),
    _status("mppt", "load status", status.LOAD, "Load", chart="status"),
    _status("mppt", "system fault", status.SYSTEM_FAULT, "System", chart="status"),
    _status("mppt", "short circuits", status.SHORT_CIRCUITS, "Short circuits", chart="status"),
)
# fmt: on

BY_ASSET_TYPE: dict[str, tuple[Quantity, ...]] = {
    kind: tuple(q for q in QUANTITIES if q.asset_type == kind)
    for kind in dict.fromkeys(q.asset_type for q in QUANTITIES)
}


def charts_of(asset_type: str) -> tuple[Chart, ...]:
    """Return the charts of an asset type, in the order of a page."""
    used = {q.chart for q in BY_ASSET_TYPE[asset_type]}
    return tuple(chart for key, chart in CHART_BY_KEY.items() if key in used)
