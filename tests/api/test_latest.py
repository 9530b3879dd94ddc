"""The newest reading of each thing, which never moves backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
Send = Callable[..., dict[str, Any]]
Get = Callable[..., TestResponse]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-A", 2)
        new.case("0242", "PMS-1-B", 1)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Send:
    def send(*samples: dict[str, Any], dataset: str = "pms", **device: Any) -> dict[str, Any]:
        reply = client.post(
            f"{PREFIX}/devices/dataset/{dataset}",
            data=request(device or {"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        receipt: dict[str, Any] = reply.get_json()["receipt"]
        return receipt

    return send


@pytest.fixture
def get(client: FlaskClient, organisation: Organisation) -> Get:
    def ask(path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return client.get(f"{PREFIX}/{path}", headers=headers or organisation.headers)

    return ask


def test_the_newest_reading_of_a_case_is_told(site: Site, post: Send, get: Get) -> None:
    post(pack_sample("0241", at(1), dock=2), pack_sample("0241", at(0), dock=2, amps=9.9))

    found = get("devices/0241/latest").get_json()

    assert (found["kind"], found["id"], found["source"]) == ("case", "0241", "PMS-1")
    assert found["time"] == "2026-03-01T12:01:00Z"
    assert found["readings"]["pack current"] == -0.625
    assert found["readings"]["pack voltage"] == 51.164
    assert len(found["readings"]) == 42


def test_a_late_reading_changes_nothing_and_a_second_part_is_added(
    site: Site, post: Send, get: Get
) -> None:
    post(pack_sample("0241", at(1), dock=2, amps=None))
    post(pack_sample("0241", at(0), dock=2, amps=9.9))
    assert "pack current" not in get("devices/0241/latest").get_json()["readings"]

    post(pack_sample("0241", at(1), dock=2))
    readings = get("devices/0241/latest").get_json()["readings"]
    assert (readings["pack current"], readings["pack power"]) == (-0.625, -31.9775)


def test_what_contradicts_is_not_the_latest(site: Site, post: Send, get: Get) -> None:
    post(pack_sample("0241", dock=2))
    post(pack_sample("0241", dock=2, amps=9.9))
    assert get("devices/0241/latest").get_json()["readings"]["pack current"] == -0.625


def test_all_packs_of_a_pms_are_told_at_once(site: Site, post: Send, get: Get) -> None:
    site.case("0243", "PMS-1-B", 2)
    post(
        pack_sample("0241", dock=2),
        pms_id="PMS-1",
        status={"code": "0001", "temp": 48.3},
    )
    post(pack_sample("0242", dock=13))

    found = get("pms/PMS-1/latest").get_json()

    assert [(p["dock"], p["id"], bool(p["readings"])) for p in found["packs"]] == [
        (2, "0241", True), (13, "0242", True), (14, "0243", False),
    ]  # fmt: skip
    cabinets = {cabinet["id"]: cabinet["readings"] for cabinet in found["cabinets"]}
    assert cabinets == {
        "PMS-1-A": {"status code": 1, "bus connected": 1, "EHub temperature": 48.3},
        "PMS-1-B": {},
    }


def test_devices_and_boards_are_found_too(site: Site, post: Send, get: Get) -> None:
    with site.at_once() as new:
        new.register("mppt", "MPPT-1")
        new.register("acquisition-board", "66CFF353")
    site.install(("acquisition-board", "66CFF353"), ("case", "0241"))
    post(converter_sample(), dataset="mppt", mppt_id="MPPT-1")
    post(pack_sample("0241", dock=2))

    assert get("devices/mppt-1/latest").get_json()["readings"]["PV 1 power"] == 288
    assert get("devices/66cff353/latest").get_json()["id"] == "0241"
    assert get("devices/0241/latest?kind=mppt").status_code == 404


def test_who_has_seen_it_is_told_that_nothing_is_new(
    site: Site, post: Send, get: Get, organisation: Organisation
) -> None:
    post(pack_sample("0241", dock=2))
    first = get("pms/PMS-1/latest")
    known = organisation.headers | {"If-None-Match": first.headers["ETag"]}

    assert get("pms/PMS-1/latest", known).status_code == 304
    post(pack_sample("0241", at(1), dock=2))
    assert get("pms/PMS-1/latest", known).status_code == 200


def test_another_organisation_sees_nothing(
    site: Site, post: Send, get: Get, other_organisation: Organisation, client: FlaskClient
) -> None:
    post(pack_sample("0241", dock=2))
    theirs = other_organisation.headers
    for path in ("devices/0241/latest", "pms/PMS-1/latest"):
        missing = path.replace("0241", "nothing").replace("PMS-1", "nothing")
        assert get(path, theirs).status_code == 404
        assert get(path, theirs).get_data() == get(missing, theirs).get_data()
        assert get(f"{path}?account={site.account_id}", theirs).status_code == 403
        assert client.get(f"{PREFIX}/{path}").status_code == 401


def test_a_corrected_board_takes_its_latest_reading_along(site: Site, post: Send, get: Get) -> None:
    board = ("acquisition-board", "66CFF353")
    site.register(*board)
    site.install(board, ("case", "0241"))
    site.install(board, ("case", "0242"), at=at(0))
    post(*(pack_sample("66CFF353", at(n), dock=None, amps=float(n)) for n in (-2, -1)))
    assert get("devices/0241/latest").get_json()["readings"]["pack current"] == -1

    site.correct(board, into="0242", since=at(-1.5))

    assert get("devices/0241/latest").get_json()["readings"]["pack current"] == -2
    assert get("devices/0242/latest").get_json()["readings"]["pack current"] == -1
