"""An MPPT or inverter as its newest reading shows it: what flows where, and its status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flexmeasures_pms.catalogue.status import (
    BUS_CONNECTED,
    CHARGING,
    INPUT,
    LOAD,
    RUNNING,
    SHORT_CIRCUITS,
    SYSTEM_FAULT,
    StatusField,
)
from flexmeasures_pms.overview.states import is_silent

ConverterReadings = Mapping[str, float]
Side = Literal["pv", "battery", "load", "grid"]
_NAMES: Mapping[Side, tuple[str, int]] = {
    "pv": ("PV {n}", 4),
    "battery": ("battery", 0),
    "load": ("load {n}", 2),
    "grid": ("grid {n}", 3),
}
_FIELDS: Mapping[str, StatusField] = {
    "bus connected": BUS_CONNECTED,
    "running": RUNNING,
    "charging status": CHARGING,
    "input status": INPUT,
    "load status": LOAD,
    "system fault": SYSTEM_FAULT,
}
_BAD: Mapping[str, frozenset[int]] = {
    "bus connected": frozenset({0}),
    "input status": frozenset({2, 3}),
    "load status": frozenset({1, 2}),
    "system fault": frozenset({1}),
    "short circuits": frozenset(range(1, 1 << len(SHORT_CIRCUITS))),
}
AT_REST = 0.5  # W either way: less is no flow worth an arrow


@dataclass(frozen=True, slots=True)
class Line:
    """A PV string, the battery, a load or a phase of the grid.

    :param number: None where there is only one.
    :param power: [W]; of PV produced, of a battery charged, of a load consumed, of a grid
        fed in.
    """

    number: int | None
    volts: float | None
    amps: float | None
    power: float | None
    power_factor: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """One side of a converter.

    :param power: of all its lines together [W]; None where none tells it.
    :param outward: the power leaves the converter; None where nothing flows.
    """

    side: Side
    lines: tuple[Line, ...]
    power: float | None
    outward: bool | None


@dataclass(frozen=True, slots=True)
class ConverterStatus:
    """One state of a converter.

    :param words: in English, as the catalogue says.
    """

    name: str
    words: tuple[str, ...]
    bad: bool


@dataclass(frozen=True, slots=True)
class Converter:
    """The newest reading of an MPPT or inverter."""

    ident: str
    time: datetime | None
    silent: bool
    flows: tuple[Flow, ...]
    states: tuple[ConverterStatus, ...]


def converter(
    ident: str, time: datetime | None, readings: ConverterReadings, now: datetime
) -> Converter:
    """Return an MPPT or inverter as its newest reading shows it.

    :param readings: value by sensor name; empty for one that has not reported yet.
    """
    return Converter(
        ident,
        time,
        time is not None and is_silent(time, now),
        tuple(_flows(readings)),
        tuple(_states(readings)),
    )


def words_of(sensor: str) -> dict[int, tuple[str, ...]]:
    """Return what the values of a status sensor mean, in English; nothing for others."""
    field = _FIELDS.get(sensor)
    if field is not None:
        return {value: (words,) for value, words in sorted(field.meanings.values())}
    if sensor != "short circuits":
        return {}
    return {value: _shorts(value) for value in range(1 << len(SHORT_CIRCUITS))}


def is_bad(sensor: str, value: int) -> bool:
    """Whether a value of a status sensor is a fault."""
    return value in _BAD.get(sensor, ())


def _shorts(value: int) -> tuple[str, ...]:
    found = tuple(words for i, (_, words) in enumerate(SHORT_CIRCUITS) if value >> i & 1)
    return found or ("none",)


def _flows(readings: ConverterReadings) -> Iterator[Flow]:
    for side, (name, most) in _NAMES.items():
        lines = tuple(_lines(readings, name, most))
        if lines:
            powers = [line.power for line in lines if line.power is not None]
            power = readings.get("grid power") if side == "grid" else None
            if power is None and powers:
                power = sum(powers)
            yield Flow(side, lines, power, _outward(side, power))


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
    """Tell the direction of a power: of PV alone a positive one comes in."""
    if power is None or abs(power) < AT_REST:
        return None
    return (power > 0) != (side == "pv")


def _states(readings: ConverterReadings) -> Iterator[ConverterStatus]:
    for name in (*_FIELDS, "short circuits"):
        value = readings.get(name)
        if value is None:
            continue
        known = words_of(name).get(int(value), (str(int(value)),))
        yield ConverterStatus(name, known, is_bad(name, int(value)))
