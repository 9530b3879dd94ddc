"""The fleet and the racks as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.gateways import make_key
from support.reporting import report
from support.site import Site
from support.telemetry import converter_sample, pack_sample
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
Get = Callable[..., TestResponse]


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 2)
        new.register("mppt", "MPPT-1")
    now = datetime.now(UTC)
    report(client, organisation.headers, pack_sample("0241", now, dock=2))
    mppt = converter_sample(now)
    report(client, organisation.headers, mppt, dataset="mppt", mppt_id="MPPT-1")
    return site


@pytest.fixture
def get(client: FlaskClient, organisation: Organisation) -> Get:
    def ask(path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return client.get(f"{PREFIX}/{path}", headers=headers or organisation.headers)

    return ask


def test_the_fleet_is_told(site: Site, get: Get) -> None:
    found = {device["id"]: device for device in get("fleet").get_json()["devices"]}
    assert set(found) == {"PMS-1", "MPPT-1"}
    pms = found["PMS-1"]
    assert (pms["kind"], pms["packs"], pms["reporting"]) == ("pms", 1, 1)
    assert (pms["power"], pms["hottest"], pms["spread"]) == (-31.9775, 35.0, 22.0)
    assert [finding["code"] for finding in pms["findings"]] == ["ok"]
    assert found["MPPT-1"]["power"] == -88.2151


def test_a_rack_is_told(site: Site, get: Get) -> None:
    found: dict[str, Any] = get("pms/pms-1/rack").get_json()
    assert (found["id"], found["scale"]) == ("PMS-1", {"low": 3.6, "high": 3.7})
    [cabinet] = found["cabinets"]
    [dock] = [dock for dock in cabinet["docks"] if dock["occupant"]]
    pack = dock["occupant"]["pack"]
    assert (cabinet["id"], dock["number"], pack["id"]) == ("PMS-1-A", 2, "0241")
    cell = pack["cells"][2]
    assert (cell["number"], cell["volts"], cell["open"]) == (3, 3.647, True)
    assert get("pms/0241/rack").status_code == 404


def test_who_has_seen_it_is_told_that_nothing_is_new(
    site: Site, get: Get, organisation: Organisation
) -> None:
    for path in ("fleet", "pms/PMS-1/rack"):
        known = organisation.headers | {"If-None-Match": get(path).headers["ETag"]}
        assert get(path, known).status_code == 304


def test_a_gateway_is_told_of_its_own_devices(site: Site, get: Get) -> None:
    key = make_key(site.account_id, ("mppt", "MPPT-1"))
    assert [device["id"] for device in get("fleet", key).get_json()["devices"]] == ["MPPT-1"]
    assert get("pms/PMS-1/rack", key).status_code == 404


def test_another_organisation_sees_nothing(
    site: Site, get: Get, other_organisation: Organisation, client: FlaskClient
) -> None:
    theirs = other_organisation.headers
    assert get("fleet", theirs).get_json() == {"devices": []}
    assert get("pms/PMS-1/rack", theirs).get_data() == get("pms/no/rack", theirs).get_data()
    for path in ("fleet", "pms/PMS-1/rack"):
        assert get(f"{path}?account={site.account_id}", theirs).status_code == 403
        assert client.get(f"{PREFIX}/{path}").status_code == 401
