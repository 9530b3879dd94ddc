"""Sending samples of a site as a gateway does."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from support.telemetry import request


def report(
    client: FlaskClient,
    headers: dict[str, str],
    *samples: dict[str, Any],
    dataset: str = "pms",
    **device: Any,
) -> dict[str, Any]:
    """Send samples of a device, ``pms_id="PMS-1"`` unless given, and return the receipt."""
    reply = client.post(
        f"/pms/api/v1/devices/dataset/{dataset}",
        data=request(device or {"pms_id": "PMS-1"}, *samples),
        headers=headers,
        content_type="application/json",
    )
    assert reply.status_code == 200, reply.get_data(as_text=True)
    receipt: dict[str, Any] = reply.get_json()["receipt"]
    return receipt
