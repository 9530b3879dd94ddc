"""Small requests for tests, one of each shape a gateway has sent since July 2019."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from support.profiles import examples

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.wire import Decoded, Limits, Sample, decode

# Tests measure no time: a busy machine is not a failure.
unhurried = settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])

LIMITS = Limits(bytes=1 << 20, datasets=20, samples=200, depth=16, sample_bytes=10_000)
TIME = "20200210T150006.032+0700"
CELLS = [3.654, 3.655, 3.656, 3.657, 3.658, 3.659, 3.66, 3.661, 3.662, 3.663, 3.664, 3.665, 3.666]
CELLS.append(3.676)


def pack(**changes: Any) -> dict[str, Any]:
    """Return a pack of the current shape."""
    full = {
        "id": "0241",
        "dock": 1,
        "amps": -1.601,
        "temp": [35.0, 33.5, 34.0],
        "cell": {"open": [1, 6], "volts": CELLS},
        "fet": {"open": [2], "temp": [34.1, 32.2]},
    }
    return {k: v for k, v in {**full, **changes}.items() if v is not ...}


def pms_sample(**changes: Any) -> dict[str, Any]:
    """Return a sample of a pack; attributes of the pack can be changed, ``...`` drops one."""
    return {"time_local": TIME, "pack": pack(**changes)}


def converter_sample(**changes: Any) -> dict[str, Any]:
    """Return a sample of an MPPT or inverter."""
    full = {
        "time_local": TIME,
        "pv": {"volts": [48.0, 47.5], "amps": [6.0, 5.5]},
        "battery": {"volts": 55.1, "amps": 0.0},
        "load": {"volts": [48.0, 48.0], "amps": [1.2, 1.3]},
    }
    return {k: v for k, v in {**full, **changes}.items() if v is not ...}


def request(*samples: Any, **head: Any) -> dict[str, Any]:
    """Return a request of one dataset."""
    return {"datasets": [{**head, "data": list(samples)}]}


def read(body: Any, dataset: DatasetName = "pms", limits: Limits = LIMITS) -> Decoded:
    """Decode a JSON request given as an object, text or bytes."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    return decode(body, dataset=dataset, limits=limits)


def one(*samples: Any, dataset: DatasetName = "pms", **head: Any) -> Sample:
    """Return the only sample of a request of one dataset."""
    head = head or {f"{dataset}_id": "DEV-1"}
    (sample,) = read(request(*samples, **head), dataset).samples
    return sample


def read_csv(text: str, limits: Limits = LIMITS) -> Decoded:
    """Decode CSV text."""
    return decode(text.encode(), dataset="pms", content_type="text/csv", limits=limits)


def again(sample: Sample, content_type: str = "application/json") -> Sample:
    """Return the sample that decoding of a sample's own text gives."""
    text = sample.text().encode()
    decoded = decode(text, dataset=sample.dataset, content_type=content_type, limits=LIMITS)
    (same,) = decoded.samples
    return same


def codes(sample: Sample) -> list[str]:
    """Return the codes of what makes a sample unusable."""
    return [problem.code for problem in sample.invalid]
