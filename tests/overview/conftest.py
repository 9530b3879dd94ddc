"""A site whose packs report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.site import Site
from support.telemetry import request

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """The registry of the test's organisation."""
    return Site(organisation.id)


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    """Send samples: ``post(sample, pms_id="PMS-1")``, and return the receipt."""

    def send(*samples: dict[str, Any], dataset: str = "pms", **device: Any) -> dict[str, Any]:
        reply = client.post(
            f"/pms/api/v1/devices/dataset/{dataset}",
            data=request(device or {"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        receipt: dict[str, Any] = reply.get_json()["receipt"]
        return receipt

    return send
