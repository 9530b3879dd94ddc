"""Made-up telemetry in the current wire shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CELLS = ["3.654", "3.659", "3.647", "3.669", "3.651", "3.655", "3.653", "3.652", "3.651", "3.650",
         "3.649", "3.658", "3.662", "3.654"]  # fmt: skip


def at(minutes: float) -> datetime:
    """Some minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def pack_sample(pack_id: str, time: datetime = NOON, **changed: Any) -> dict[str, Any]:
    """A sample of a pack; ``amps=2.5`` changes, ``dock=None`` leaves out."""
    pack: dict[str, Any] = {
        "id": pack_id,
        "dock": 1,
        "amps": -0.625,
        "temp": [35.0, 33.0, 34.0],
        "cell": {"volts": [float(volts) for volts in CELLS], "open": [3]},
        "fet": {"temp": [34.1, 32.2], "open": []},
    }
    pack |= changed
    pack = {name: value for name, value in pack.items() if value is not None}
    return {"time_local": wire_time(time), "pack": pack}


def wire_time(time: datetime) -> str:
    """A time as gateways in Jakarta write it."""
    local = time + timedelta(hours=7)
    return local.strftime("%Y%m%dT%H%M%S.") + f"{local.microsecond // 1000:03d}+0700"


def converter_sample(time: datetime = NOON, **parts: Any) -> dict[str, Any]:
    """A sample of an MPPT or inverter; ``grid={...}`` adds a part."""
    sample: dict[str, Any] = {
        "time_local": wire_time(time),
        "pv": {"volts": [48.0, 50.0], "amps": [6.0, 0]},
        "battery": {"volts": 55.1, "amps": -1.601},
        "load": {"volts": [48.0], "amps": [-1.2]},
    }
    return sample | parts


def request(device: dict[str, Any], *samples: object) -> str:
    """A request with one dataset: ``request({"pms_id": "PMS-1"}, pack_sample("0241"))``."""
    return json.dumps({"datasets": [{**device, "data": list(samples)}]})
