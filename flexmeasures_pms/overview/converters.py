"""The newest reading of a device: power flows, status, and other readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flexmeasures_pms.catalogue.asset_types import DEVICE_KIND_BY_NAME, Side
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, Quantity
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.overview.states import is_silent

ConverterReadings = Mapping[str, float]
_LINES: Mapping[Side, str] = {
    "pv": "PV {n}",
    "battery": "battery",
    "load": "load {n}",
    "grid": "grid {n}",
}
"""How the names of a side's quantities begin."""
_MEASURED = ("voltage", "current", "power", "power factor")
AT_REST = 0.5  # W in either direction: below this no arrow is shown


@dataclass(frozen=True, slots=True)
class Line:
    """A PV string, the battery, a load or a phase of the grid.

    :param number: None where there is only one.
    :param power: [W]; positive for PV produced, a battery charged, a load consumed, feed-in to
        the grid.
    """

    number: int | None
    volts: float | None
    amps: float | None
    power: float | None
    power_factor: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """One side of a converter.

    :param power: of all its lines together [W]; None if unknown.
    :param outward: the power leaves the converter; None if nothing flows.
    """

    side: Side
    lines: tuple[Line, ...]
    power: float | None
    outward: bool | None


@dataclass(frozen=True, slots=True)
class ConverterStatus:
    """One state of a converter.

    :param words: in English, from the catalogue.
    """

    name: str
    words: tuple[str, ...]
    bad: bool


@dataclass(frozen=True, slots=True)
class OtherReading:
    """A reading that is not part of a flow or a state.

    :param name: of the sensor.
    """

    name: str
    quantity: Quantity
    value: float


@dataclass(frozen=True, slots=True)
class Converter:
    """The newest reading of a device, such as an MPPT or an inverter."""

    ident: str
    time: datetime | None
    silent: bool
    flows: tuple[Flow, ...]
    states: tuple[ConverterStatus, ...]
    others: tuple[OtherReading, ...]


def converter(
    kind: str, ident: str, time: datetime | None, readings: ConverterReadings, now: datetime
) -> Converter:
    """Return a device with its newest reading.

    :param readings: value by sensor name; empty for one that has not reported yet.
    """
    return Converter(
        ident,
        time,
        time is not None and is_silent(time, now),
        tuple(_flows(kind, readings)),
        tuple(_states(kind, readings)),
        tuple(_others(kind, readings)),
    )


def _flows(kind: str, readings: ConverterReadings) -> Iterator[Flow]:
    for side in DEVICE_KIND_BY_NAME[kind].sides:
        lines = tuple(_lines(readings, _LINES[side], _most(kind, side)))
        if lines:
            powers = [line.power for line in lines if line.power is not None]
            power = readings.get("grid power") if side == "grid" else None
            if power is None and powers:
                power = sum(powers)
            yield Flow(side, lines, power, _outward(side, power))


def _most(kind: str, side: Side) -> int:
    """Return how many lines of a side a kind may have; 0 for one without a number."""
    name = f"{_LINES[side]} voltage"
    return max((q.count for q in BY_ASSET_TYPE[kind] if q.name == name), default=0)


def _lines(readings: ConverterReadings, name: str, most: int) -> Iterator[Line]:
    for n in range(1, most + 1) if most else (None,):
        prefix = name.format(n=n)
        volts, amps, power, factor = (
            readings.get(f"{prefix} {what}")
            for what in ("voltage", "current", "power", "power factor")
        )
        if (volts, amps, power) != (None, None, None):
            yield Line(n, volts, amps, power, factor)


def _outward(side: Side, power: float | None) -> bool | None:
    """Return the direction of a power: for PV a positive power flows in, else out."""
    if power is None or abs(power) < AT_REST:
        return None
    return (power > 0) != (side == "pv")


def _states(kind: str, readings: ConverterReadings) -> Iterator[ConverterStatus]:
    for quantity in BY_ASSET_TYPE[kind]:
        value = readings.get(quantity.name)
        if quantity.status is None or value is None:
            continue
        number = int(value)
        known = quantity.status.states().get(number, (str(number),))
        yield ConverterStatus(quantity.name, known, number in quantity.status.faults)


def _others(kind: str, readings: ConverterReadings) -> Iterator[OtherReading]:
    prefixes = tuple(_LINES[side].split(" ")[0] for side in DEVICE_KIND_BY_NAME[kind].sides)
    for name, spec in sensor_specs(kind).items():
        in_flow = name.startswith(prefixes) and name.endswith(_MEASURED)
        if name in readings and not (in_flow or spec.quantity.state):
            yield OtherReading(name, spec.quantity, readings[name])
