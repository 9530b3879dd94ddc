"""Fleet, rack, pack page, FlexMeasures' pages, CSV and API say the same figures of one site."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.session import log_in
from support.site import Site
from support.telemetry import pack_sample, request

from flexmeasures_pms.ui.language.figures import number

API = "/pms/api/v1"
NORMAL = [3.654, 3.659, 3.647, 3.669, 3.651, 3.655, 3.653, 3.652, 3.651, 3.65, 3.649, 3.658, 3.662]
PACKS: dict[str, dict[str, Any]] = {
    "0241": {"amps": -0.625, "temp": [35.04, 33.0, 34.0], "last": 3.654},
    "0242": {"amps": 2.345, "temp": [31.0, 33.46, 30.0], "last": 3.5965},
    "0243": {"amps": 0.049, "temp": [21.0, 20.0, 56.25], "last": 3.6},
}
"""By id: current [A], temperatures [°C], and the voltage of the last cell [V]."""


class Figures:
    """What each reader is told of one site, as a browser or program sees it."""

    def __init__(self, client: FlaskClient, organisation: Organisation) -> None:
        self.client, self.headers = client, organisation.headers
        self.time = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=20)
        self.numbers: dict[str, int] = {}

    def page(self, path: str) -> str:
        reply = self.client.get(path)
        assert reply.status_code == 200
        text = re.sub(r"(?s)<script.*?</script>", "", unescape(reply.get_data(as_text=True)))
        return " ".join(re.sub(r"<[^>]*>", " ", text).split())

    def json(self, path: str) -> Any:
        reply = self.client.get(f"{API}{path}", headers=self.headers)
        assert reply.status_code == 200
        return reply.json

    def rack(self) -> dict[str, Any]:
        cabinets = self.json("/pms/PMS-1/rack")["cabinets"]
        docks = [dock["occupant"] for one in cabinets for dock in one["docks"]]
        return {one["pack"]["id"]: one["pack"] for one in docks if one}

    def csv(self, ident: str) -> dict[str, str]:
        around = {
            "start": (self.time - timedelta(minutes=1)).isoformat(),
            "end": (self.time + timedelta(minutes=1)).isoformat(),
        }
        reply = self.client.get(
            f"{API}/devices/{ident}/export",
            query_string=around | {"format": "csv"},
            headers=self.headers,
        )
        (row,) = csv.DictReader(StringIO(reply.get_data(as_text=True)))
        return {name.split(" [")[0]: value for name, value in row.items()}


@pytest.fixture
def told(client: FlaskClient, organisation: Organisation) -> Figures:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({ident: n for n, ident in enumerate(PACKS, 1)}, "PMS-1-A")
        new.case("0244", "PMS-1-A", 9)
    log_in(client, organisation)
    found = Figures(client, organisation)
    samples = [
        pack_sample(
            ident,
            found.time,
            dock=n,
            amps=one["amps"],
            temp=one["temp"],
            cell={"volts": [*NORMAL, one["last"]], "open": []},
        )
        for n, (ident, one) in enumerate(PACKS.items(), 1)
    ]
    reply = client.post(
        f"{API}/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )
    assert reply.status_code == 200
    return found


def test_every_reader_is_told_the_same_of_a_pack(told: Figures) -> None:
    rack = told.rack()
    for ident, sent in PACKS.items():
        latest = told.json(f"/devices/{ident}/latest")["readings"]
        exported, pack = told.csv(ident), rack[ident]
        volts = sum(NORMAL) + sent["last"]
        spread = (max(NORMAL) - min(*NORMAL, sent["last"])) * 1000
        for name, shown, true in (
            ("pack voltage", pack["volts"], volts),
            ("pack current", pack["amps"], sent["amps"]),
            ("pack power", pack["power"], volts * sent["amps"]),
            ("cell spread", pack["spread"], spread),
        ):
            values = (latest[name], float(exported[name]), shown)
            assert values == pytest.approx((true,) * 3, abs=0.051), (ident, name)
        cells = [cell["volts"] for cell in pack["cells"]]
        names = [f"cell {n:02d} voltage" for n in range(1, 15)]
        assert cells == [latest[name] for name in names] == [float(exported[n]) for n in names]
        page, then = told.page(f"/pms/case/{ident}"), told.page("/pms/PMS-1")
        assert f"{number(pack['volts'], 2)} V" in page
        assert f"{number(abs(pack['amps']), 2)} A" in page
        assert f"{number(abs(pack['power']), 1)} W" in page
        hottest = f"{number(max(sent['temp']), 1)} °C"
        spread_shown = f"{number(pack['spread'])} mV"
        for text in (page, then):
            assert hottest in text
            assert spread_shown in text


def test_every_reader_is_told_the_same_of_a_pms(told: Figures) -> None:
    rack, whole = told.rack(), told.json("/pms/PMS-1/rack")
    (device,) = told.json("/fleet")["devices"]
    power = sum(pack["power"] for pack in rack.values() if pack["power"] is not None)
    assert device["power"] == pytest.approx(power) == pytest.approx(whole["power"])
    assert (device["reporting"], device["packs"]) == (whole["reporting"], whole["registered"])
    assert (device["reporting"], device["packs"]) == (3, 4)
    assert device["hottest"] == max(max(one["temp"]) for one in PACKS.values())
    assert device["spread"] == max(p["spread"] for p in rack.values() if p["spread"] is not None)
    assert {f["code"] for f in device["findings"]} == {f["code"] for f in whole["findings"]}
    fleet, page = told.page("/pms"), told.page("/pms/PMS-1")
    asset = told.page(f"/assets/{device['asset']}/context")
    for text in (fleet, page):
        assert "3 / 4" in text
        assert f"{number(power)} W charging" in text
    assert "Packs reporting: 3 of 4" in asset
    for text in (fleet, asset):
        assert f"{number(device['hottest'], 1)} °C" in text
        assert f"{number(device['spread'])} mV" in text
    assert f"Power: {number(power)} W charging" in asset


def test_every_reader_is_told_the_same_of_packs_that_report_from_elsewhere(
    client: FlaskClient, organisation: Organisation
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.pms("PMS-2")
        new.cases({"0251": 1, "0252": 2}, "PMS-1-A")
        new.case("0253", "PMS-2-A", 1)
    log_in(client, organisation)
    told = Figures(client, organisation)
    for pms, *samples in (
        ("PMS-1", pack_sample("0251", told.time, dock=1), pack_sample("0252", told.time, dock=2)),
        ("PMS-2", pack_sample("0253", told.time, dock=1), pack_sample("0251", told.time, dock=1)),
    ):
        reply = client.post(
            f"{API}/devices/dataset/pms",
            data=request({"pms_id": pms}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200
    earlier = told.time - timedelta(hours=1)
    site.install(("case", "0252"), ("cabinet", "PMS-1-A"), at=earlier, place=3)
    site.install(("case", "0253"), ("cabinet", "PMS-1-A"), at=earlier, place=4)
    rack = told.json("/pms/PMS-1/rack")
    (device,) = (one for one in told.json("/fleet")["devices"] if one["id"] == "PMS-1")
    assert (device["reporting"], device["packs"]) == (rack["reporting"], rack["registered"])
    assert (device["reporting"], device["packs"]) == (3, 3)
    asset = told.page(f"/assets/{device['asset']}/context")
    assert "Packs reporting: 3 of 3" in asset
    assert f"Power: {number(abs(device['power']))} W discharging" in asset
    docks = [dock["occupant"] for one in rack["cabinets"] for dock in one["docks"]]
    for one in filter(None, docks):
        asset = told.page(f"/assets/{one['pack']['asset']}/context")
        code, words = {
            "0251": ("flapping", "Flapping"),
            "0252": ("wrong_place", "Reports dock 2"),
            "0253": ("wrong_place", "Reports to PMS-2, dock 1"),
        }[one["pack"]["id"]]
        assert [found["code"] for found in one["findings"]] == [code]
        assert words in asset
