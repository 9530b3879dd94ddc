"""What is registered and has no FlexMeasures asset yet: without readings, and without errors."""

from __future__ import annotations

from unittest import mock

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from support.session import log_in
from support.site import Site

from flexmeasures_pms.ingest import follow_up

PAGES = (
    "/pms", "/pms/pms/PMS-1", "/pms/pms/PMS-1/cells", "/pms/case/0241", "/pms/completeness",
    "/pms/mppt/MPPT-1", "/pms/registry", "/pms/registry/case/0241", "/pms/quarantine",
)  # fmt: skip
ROUTES = (
    "devices/0241/latest", "pms/PMS-1/latest", "devices/0241/history", "fleet", "pms/PMS-1/rack",
    "pms/PMS-1/cells", "completeness", "devices/MPPT-1/latest",
)  # fmt: skip


@pytest.fixture
def not_ready(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    gone = OperationalError("", {}, Exception("gone"))
    with mock.patch.object(follow_up, "make_ready", side_effect=gone), site.at_once() as new:
        new.pms("PMS-1")
        new.case("0241", "PMS-1-A", 1)
        new.register("mppt", "MPPT-1")
    return site


@pytest.mark.parametrize("path", PAGES)
def test_pages_show_it(
    client: FlaskClient, organisation: Organisation, not_ready: Site, path: str
) -> None:
    log_in(client, organisation)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
def test_the_api_has_it_without_readings(
    client: FlaskClient, organisation: Organisation, not_ready: Site, route: str
) -> None:
    reply = client.get(f"/pms/api/v1/{route}", headers=organisation.headers)
    assert reply.status_code == 200, reply.get_data(as_text=True)


def test_the_fleet_counts_it(
    client: FlaskClient, organisation: Organisation, not_ready: Site
) -> None:
    devices = client.get("/pms/api/v1/fleet", headers=organisation.headers).get_json()["devices"]
    found = {device["id"]: device for device in devices}
    assert set(found) == {"PMS-1", "MPPT-1"}
    assert found["PMS-1"]["asset"] is None
    assert found["PMS-1"]["packs"] == 1
