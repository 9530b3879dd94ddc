"""The catalogue: every sensor of every asset type, one line each.

Adding a quantity is adding a line here. Its ``source`` is either the path of a field
in a sample, as it is written in the current wire format, or a formula over the
sample's fields. The decoder reads the fields the catalogue names and marks readings
outside their bounds as faulty; provisioning makes the sensors; the graphs and the
documentation follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flexmeasures_pms.catalogue import derive, status
from flexmeasures_pms.catalogue.asset_types import AssetTypeName

CELLS = 14
FETS = 2
HIGHEST_DOCK = 48
UNALLOCATED_DOCK = 99

# A current of 6553.x A is a 16-bit wrap in tenths of an ampere, never a reading.
CURRENT = (-6552.9, 6552.9)
TEMPERATURE = (-40.0, 150.0)
CELL_VOLTAGE = (0.0, 5.0)
# No string, bus or grid here reaches this: a larger number is a broken one.
VOLTAGE = (0.0, 10_000.0)
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
    :param bounds: lowest and highest believable reading, in ``unit``.
    :param count: length of the array that the source gives; 0 for a single value.
    :param index: position in the array, for a quantity that takes just one element.
    :param grows: the sensors appear when the array first reaches their position.
    :param state: a discrete state rather than a measurement.
    :param consumption: what a positive power is to FlexMeasures; None for no power.
    :param graph: title of the plot it is drawn in; None leaves it off the graph page.
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

    def sensor_names(self) -> tuple[str, ...]:
        """Return the names of the quantity's sensors, in the order of the array."""
        if not self.count:
            return (self.name,)
        return tuple(self.name.format(n=n) for n in range(1, self.count + 1))


Q = Quantity
ONE = "dimensionless"

EHUB: tuple[AssetTypeName, ...] = ("cabinet", "pms")
CONVERTERS: tuple[AssetTypeName, ...] = ("mppt", "inverter")


def _bit(field: status.StatusField) -> Source:
    return partial(derive.status_bits, field)


# fmt: off
QUANTITIES: tuple[Quantity, ...] = (
    # The EHub's own, on its cabinet, or on the PMS where the docks do not tell which.
    *(q for kind in EHUB for q in (
        Q(kind, "status code", ONE, "status.code", state=True),
        Q(kind, "bus connected", ONE, _bit(status.BUS_CONNECTED), state=True),
        Q(kind, "EHub temperature", "°C", "status.temp", TEMPERATURE, graph="EHub temperature"),
    )),
    Q("case", "pack voltage", "V", derive.pack_voltage, graph="Pack voltage"),
    # Off the graph page: most packs do not send it, and would look stale for ever.
    Q("case", "reported pack voltage", "V", "pack.volts", VOLTAGE),
    Q("case", "pack current", "A", "pack.amps", CURRENT, graph="Pack current"),
    Q("case", "pack power", "W", derive.pack_power, consumption=True, graph="Pack power"),
    Q("case", "temperature top", "°C", "pack.temp", TEMPERATURE, index=0, graph="Temperature"),
    Q("case", "temperature middle", "°C", "pack.temp", TEMPERATURE, index=1, graph="Temperature"),
    Q("case", "temperature bottom", "°C", "pack.temp", TEMPERATURE, index=2, graph="Temperature"),
    Q("case", "dock", ONE, "pack.dock", state=True),
    Q("case", "lowest cell voltage", "V", derive.lowest_cell_voltage),
    Q("case", "highest cell voltage", "V", derive.highest_cell_voltage),
    Q("case", "cell spread", "mV", derive.cell_spread, graph="Cell spread"),
    Q("case", "cell {n:02d} voltage", "V", "cell.volts", CELL_VOLTAGE, CELLS, graph="Cell voltage"),
    Q("case", "cell {n:02d} open", ONE, derive.cells_open, count=CELLS, state=True),
    Q("case", "FET {n} temperature", "°C", "fet.temp", TEMPERATURE, FETS, graph="FET temperature"),
    Q("case", "FET {n} open", ONE, derive.fets_open, count=FETS, state=True),
    *(q for kind in CONVERTERS for q in (
        Q(kind, "PV {n} voltage", "V", "pv.volts", VOLTAGE, 4, grows=True, graph="PV voltage"),
        Q(kind, "PV {n} current", "A", "pv.amps", CURRENT, 4, grows=True),
        Q(kind, "PV {n} power", "W", derive.pv_power, ANY, 4, grows=True, consumption=False,
          graph="PV power"),
        Q(kind, "battery voltage", "V", "battery.volts", VOLTAGE, graph="Battery voltage"),
        Q(kind, "battery current", "A", "battery.amps", CURRENT, graph="Battery current"),
        Q(kind, "battery power", "W", derive.battery_power, consumption=True,
          graph="Battery power"),
        Q(kind, "load {n} voltage", "V", "load.volts", VOLTAGE, 2, grows=True),
        Q(kind, "load {n} current", "A", "load.amps", CURRENT, 2, grows=True),
        Q(kind, "load {n} power", "W", derive.load_power, ANY, 2, grows=True, consumption=True,
          graph="Load power"),
        Q(kind, "status code", ONE, "status.code", state=True),
        Q(kind, "bus connected", ONE, _bit(status.BUS_CONNECTED), state=True),
    )),
    Q("inverter", "grid {n} voltage", "V", "grid.volts", VOLTAGE, 3, grows=True,
      graph="Grid voltage"),
    Q("inverter", "grid {n} current", "A", "grid.amps", CURRENT, 3, grows=True),
    Q("inverter", "grid {n} power factor", ONE, "grid.pf", POWER_FACTOR, 3, grows=True),
    Q("inverter", "grid {n} power", "W", derive.grid_powers, ANY, 3, grows=True,
      consumption=False),
    Q("inverter", "grid power", "W", derive.grid_power, grows=True, consumption=False,
      graph="Grid power"),
    Q("mppt", "input status", ONE, _bit(status.INPUT), state=True),
    Q("mppt", "charging status", ONE, _bit(status.CHARGING), state=True, graph="Charging status"),
    Q("mppt", "load status", ONE, _bit(status.LOAD), state=True),
    Q("mppt", "system fault", ONE, _bit(status.SYSTEM_FAULT), state=True),
    Q("mppt", "running", ONE, _bit(status.RUNNING), state=True),
    Q("mppt", "short circuits", ONE, derive.short_circuits, state=True),
)
# fmt: on

BY_ASSET_TYPE: dict[str, tuple[Quantity, ...]] = {
    kind: tuple(q for q in QUANTITIES if q.asset_type == kind)
    for kind in dict.fromkeys(q.asset_type for q in QUANTITIES)
}
