"""Requests and logs as found in the field, from HTTP to rows, where they lie beside the repo."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from support import stored
from support.site import Site

FOUND = Path(__file__).parents[3] / "shared" / "data"
LOG, LOST = FOUND / "epack-269-50h.csv", FOUND / "epack-269-50h-ampm-lost.csv"

pytestmark = pytest.mark.skipif(
    not FOUND.is_dir(), reason="the field data is not distributed with the repository"
)

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(file: Path, dataset: str = "pms", content_type: str = "text/csv") -> dict[str, Any]:
        reply = client.post(
            f"/pms/api/v1/devices/dataset/{dataset}",
            data=file.read_bytes(),
            headers=organisation.headers,
            content_type=content_type,
        )
        assert reply.status_code == 200, (file.name, reply.get_data(as_text=True)[:500])
        body: dict[str, Any] = reply.get_json()
        receipt = body["receipt"]
        parts = ("stored", "duplicate", "quarantined", "no_answer", "refused")
        assert receipt["samples"] == sum(receipt[part] for part in parts)
        return body

    return send


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """What the requests of the field name: some use cabinets, some the PMS."""
    site = Site(organisation.id)
    for number in (1, 2):
        site.register("pms", f"PMS-01-00{number}", timezone="Asia/Jakarta")
        site.register("cabinet", f"CAB-01-00{number}")
        site.install(("cabinet", f"CAB-01-00{number}"), ("pms", f"PMS-01-00{number}"), place=1)
    packs = [f"024{n}" for n in range(1, 9)] + [f"EPACK-01-00{n}" for n in range(1, 9)]
    packs += [f"EPACK-01-01{n}" for n in range(10)] + ["EPACK-02-001"]
    with site.at_once() as new:
        new.register("case", *packs)
        new.register("mppt", *(f"IT6415AD-01-0{n:02d}" for n in (1, 2, 12)))
        new.register("inverter", "SPI-B2-01-001", "SPI-B2-01-002")
    return site


@pytest.fixture
def log_site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("25")
        new.register("pms", "025")
        new.case("269", "25-A", 6)
    return site


def dataset_of(file: Path) -> str:
    return next(name for name in ("mppt", "inverter", "pms") if name in file.name)


def test_every_request_of_the_field_is_taken(site: Site, post: Post) -> None:
    for file in sorted(FOUND.glob("requests/*.json")):
        body = post(file, dataset_of(file), "application/json")
        # Filler: the samples of the years contradict each other at one and the same time.
        assert {problem["code"] for problem in body["problems"]} <= {"conflict"}, file.name


def test_the_seeds_values_are_there_under_the_catalogues_names(site: Site, post: Post) -> None:
    for file in sorted(FOUND.glob("requests/seed-*.json")):
        assert post(file, dataset_of(file), "application/json")["receipt"]["stored"] == 1

    (time,) = stored.times(site.account_id, "case:0241")
    assert time.isoformat() == "2019-02-09T08:00:06.032000+00:00"
    case = stored.readings(site.account_id, "case:0241", time)
    assert (case["pack voltage"], case["reported pack voltage"]) == (54.87, 55.1)
    assert (case["pack current"], case["pack power"]) == (-1.601, -87.8469)
    assert (case["cell 01 open"], case["cell 02 open"], case["cell 06 open"]) == (1, 0, 1)
    assert (case["cell 14 voltage"], case["cell spread"], case["dock"]) == (3.91, 10, 1)
    assert (case["FET 1 temperature"], case["FET 2 temperature"]) == (34.1, 33.5)
    assert (case["FET 1 open"], case["FET 2 open"]) == (1, 1)
    assert stored.sources(site.account_id, "case:0241") == {"PMS-01-001"}
    for device in ("mppt:IT6415AD-01-001", "inverter:SPI-B2-01-001"):
        found = stored.readings(site.account_id, device, time)
        assert (found["PV 2 power"], found["battery power"]) == (288, -88.2151)
        assert found["load 1 power"] == 57.6
        assert stored.sources(site.account_id, device) == {device.split(":")[1]}


def test_the_log_is_stored_once(log_site: Site, post: Post) -> None:
    receipt = post(LOG)["receipt"]
    assert (receipt["stored"], receipt["no_answer"]) == (2840, 11)
    before = stored.beliefs(log_site.account_id, "case:269")

    again = post(LOG)["receipt"]

    assert (again["duplicate"], again["no_answer"], again["beliefs"]) == (2840, 11, 0)
    assert stored.beliefs(log_site.account_id, "case:269") == before
    assert len({time for time, _, _ in before}) == 2840


def test_the_log_as_a_file_is_the_same(
    log_site: Site, post: Post, runner: FlaskCliRunner, organisation: Organisation
) -> None:
    ingest = ["pms", "ingest", str(LOG), "--account", str(organisation.id)]
    assert "2851 samples: 2840 stored" in runner.invoke(args=ingest).output
    assert "0 stored (0 beliefs), 2840 duplicate, 11 without" in runner.invoke(args=ingest).output
    assert post(LOG)["receipt"]["duplicate"] == 2840


def test_of_colliding_readings_the_first_stands_and_none_is_lost(
    log_site: Site, post: Post
) -> None:
    receipt = post(LOST)["receipt"]

    with LOST.open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if float(row["cell.volts.1"])]
    moments = Counter(row["time_local"] for row in rows)
    assert receipt["stored"] == len(moments)
    assert receipt["quarantined"] == len(rows) - len(moments)
    waiting = stored.waiting(log_site.account_id)
    assert len(waiting) == receipt["quarantined"]
    assert {row.reason for row in waiting} == {"conflict"}
    firsts: dict[str, dict[str, str]] = {}
    for row in rows:
        firsts.setdefault(row["time_local"], row)
    found = stored.beliefs(log_site.account_id, "case:269")
    sent = sorted(float(row["cell.volts.7"]) for row in firsts.values())
    assert sorted(v for (_, _, name), v in found.items() if name == "cell 07 voltage") == sent
