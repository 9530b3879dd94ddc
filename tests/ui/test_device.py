"""The pages of an MPPT and an inverter."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.browser import Visitor, axe
from support.session import log_in
from support.site import Site
from support.telemetry import converter_sample, request

GRID = {"volts": [230.0], "amps": [-2.0], "pf": [0.9]}


class Plant:
    """An MPPT and an inverter that have reported for ten minutes, an hour ago."""

    def __init__(self, client: FlaskClient, organisation: Organisation) -> None:
        self.client, self.organisation = client, organisation
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        site = Site(organisation.id)
        with site.at_once() as new:
            new.register("mppt", "MPPT-1", timezone="Asia/Jakarta")
            new.register("inverter", "INV-1", timezone="Asia/Jakarta")
        for minute in range(10):
            time = self.now - timedelta(minutes=minute)
            self.send("mppt", time)
            self.send("inverter", time, grid=GRID)

    def send(self, kind: str, time: datetime, code: str = "2801", **parts: Any) -> None:
        device = {f"{kind}_id": {"mppt": "MPPT-1", "inverter": "INV-1"}[kind]}
        reply = self.client.post(
            f"/pms/api/v1/devices/dataset/{kind}",
            data=request({**device, "status": {"code": code}}, converter_sample(time, **parts)),
            headers=self.organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)


@pytest.fixture
def plant(client: FlaskClient, organisation: Organisation) -> Plant:
    return Plant(client, organisation)


@pytest.fixture
def logged_in(client: FlaskClient, organisation: Organisation) -> None:
    log_in(client, organisation)


def sides(text: str) -> dict[str, str]:
    """Which way each side of the picture flows, as its arrow says."""
    return dict(re.findall(r'data-side="(\w+)"[^>]*data-way="(\w+)"', text))


def test_the_picture_follows_the_signs(plant: Plant, client: FlaskClient, logged_in: None) -> None:
    mppt = client.get("/pms/mppt/MPPT-1").get_data(as_text=True)
    assert sides(mppt) == {"pv": "in", "battery": "in", "load": "out"}
    assert "PV: producing, 288.0 W. Battery: discharging, 88.2 W. Load: consuming, 57.6 W." in mppt

    inverter = client.get("/pms/inverter/INV-1").get_data(as_text=True)
    assert sides(inverter)["grid"] == "in"
    assert "Grid: drawing, 414.0 W." in inverter

    plant.send("mppt", plant.now + timedelta(seconds=5), battery={"volts": 55.0, "amps": 2.0},
               pv={"volts": [0, 0], "amps": [0, 0]})  # fmt: skip
    night = client.get("/pms/mppt/MPPT-1").get_data(as_text=True)
    assert sides(night) == {"pv": "rest", "battery": "out", "load": "out"}


def test_status_bits_are_told_in_words(plant: Plant, client: FlaskClient, logged_in: None) -> None:
    plant.send("mppt", datetime.now(UTC) - timedelta(seconds=5))
    fine = client.get("/pms/mppt/MPPT-1").get_data(as_text=True)
    assert "Normal" in fine
    for words in ("connected", "running", "float", "normal", "none"):
        assert f"{words}</dd>" in fine

    plant.send("mppt", datetime.now(UTC), code="1208")
    broken = client.get("/pms/mppt/MPPT-1").get_data(as_text=True)
    for words in ("Bus: fault", "System: fault", "charging FET short, PV input short"):
        assert words in broken
    assert "Normal" not in broken


def test_one_that_never_reported_says_so(
    client: FlaskClient, organisation: Organisation, logged_in: None
) -> None:
    Site(organisation.id).register("mppt", "MPPT-9", timezone="Asia/Jakarta")
    assert "It has not reported yet." in client.get("/pms/mppt/MPPT-9").get_data(as_text=True)


def test_another_organisation_finds_nothing(
    plant: Plant, client: FlaskClient, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    for path in ("/pms/mppt/MPPT-1", "/pms/inverter/INV-1", "/pms/inverter/INV-1?live=1"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(("path", "charts"), [("/pms/mppt/MPPT-1", 8), ("/pms/inverter/INV-1", 11)])
def test_charts_of_a_converter_are_drawn(
    plant: Plant, member: Visitor, path: str, charts: int
) -> None:
    page = member.open(f"{path}?period=24h")
    page.locator("#charts-grid[data-step]").wait_for(state="attached")
    assert page.locator(".chart-card canvas").count() == charts
    assert "Silent since" in page.locator(".device-state").inner_text()
    assert axe(page) == []


def test_a_new_reading_turns_the_arrow(plant: Plant, member: Visitor) -> None:
    page = member.open("/pms/mppt/MPPT-1")
    page.locator('[data-side="battery"][data-way="in"]').wait_for()
    plant.send("mppt", datetime.now(UTC), battery={"volts": 55.0, "amps": 2.0})
    page.locator('[data-side="battery"][data-way="out"]').wait_for(timeout=5_000)
