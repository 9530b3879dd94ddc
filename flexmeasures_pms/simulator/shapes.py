"""The current wire shape as structs: what a gateway POSTs.

Numbers are rounded here and nowhere else: volts to the millivolt, amperes to the
milliampere, temperatures and power factors to what a device shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct


class CellReadings(Struct, frozen=True):
    """Cell voltages [V] in order, and the numbers of the bypassed cells."""

    open: list[int]
    volts: list[float]


class Fets(Struct, frozen=True):
    """Numbers of the open FETs, and the temperatures [°C] of input and output FET."""

    open: list[int]
    temp: list[float]


class PackBody(Struct, frozen=True):
    """The ``pack`` of a ``pms`` sample."""

    id: str
    dock: int
    amps: float
    temp: list[float]
    cell: CellReadings
    fet: Fets


class PackSample(Struct, frozen=True):
    """A sample of the ``pms`` dataset: one pack."""

    time_local: str
    pack: PackBody


class ChannelReadings(Struct, frozen=True):
    """Strings or loads of a device [V, A]."""

    volts: list[float]
    amps: list[float]


class Battery(Struct, frozen=True):
    """A device's battery terminals [V, A], charging positive."""

    volts: float
    amps: float


class Grid(Struct, frozen=True):
    """Phases of the grid: line-to-line [V], [A] positive into the grid, power factor."""

    volts: list[float]
    amps: list[float]
    pf: list[float]


class MpptSample(Struct, frozen=True):
    """A sample of the ``mppt`` dataset."""

    time_local: str
    pv: ChannelReadings
    battery: Battery
    load: ChannelReadings


class InverterSample(Struct, frozen=True):
    """A sample of the ``inverter`` dataset."""

    time_local: str
    pv: ChannelReadings
    battery: Battery
    load: ChannelReadings
    grid: Grid


SampleMessage = PackSample | MpptSample | InverterSample


class DatasetStatus(Struct, frozen=True, omit_defaults=True):
    """Status of a dataset: four hex digits, and the EHub's temperature [°C]."""

    code: str
    temp: float | None = None


def local_text(time: datetime) -> str:
    """Return a moment as ``YYYYMMDDTHHmmss.SSS+HHMM``, in the offset it is given in."""
    return f"{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03d}{time:%z}"


def milli(value: float) -> float:
    """Return volts or amperes to three decimals, never ``-0.0``."""
    return round(value, 3) + 0.0


def tenth(value: float) -> float:
    """Return a temperature to one decimal, never ``-0.0``."""
    return round(value, 1) + 0.0


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What one device says at one moment.

    :param device: id of the EHub's cabinet, the MPPT or the inverter.
    :param ident: id that is sent; the cabinets of a PMS share the PMS's.
    :param status: of the device.
    :param samples: of that moment.
    """

    device: str
    ident: str
    status: DatasetStatus
    samples: tuple[SampleMessage, ...]


def datasets(key: str, reports: Iterable[DeviceReport]) -> list[dict[str, Any]]:
    """Return the ``datasets`` of a request: one for each device and status code.

    :param key: what the id is called: ``pms_id``, ``mppt_id`` or ``inverter_id``.
    :param reports: in order of time; the newest gives the EHub's temperature.
    """
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for report in reports:
        entry = entries.setdefault(
            (report.device, report.status.code), {key: report.ident, "status": None, "data": []}
        )
        entry["status"] = report.status
        entry["data"].extend(report.samples)
    return list(entries.values())
