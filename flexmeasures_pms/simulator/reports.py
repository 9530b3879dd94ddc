"""What simulated devices report at one moment, and how it becomes the datasets of a request.

Numbers are rounded here and nowhere else: volts to the millivolt, amperes to the
milliampere, temperatures and power factors to what a device shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures_pms.wire.messages import DatasetStatus, SampleMessage


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


def local_text(time: datetime) -> str:
    """Return a moment as ``YYYYMMDDTHHmmss.SSS+HHMM``, in the offset it is given in."""
    return f"{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03d}{time:%z}"


def milli(value: float) -> float:
    """Return volts or amperes to three decimals, never ``-0.0``."""
    return round(value, 3) + 0.0


def tenth(value: float) -> float:
    """Return a temperature to one decimal, never ``-0.0``."""
    return round(value, 1) + 0.0
