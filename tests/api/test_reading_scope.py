"""What a key for some devices reads of a pack: only of the time when it was in one of them.

The pack 0241 begins in PMS-1, and is reported by PMS-2 two hours later, and by PMS-1 again
after two more: so it moves there and back. Its current says in which minute it was reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.gateways import make_key
from support.site import Site
from support.telemetry import at, pack_sample, request
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
FIRST, SECOND, BACK = (0.0, 1.0, 2.0), (120.0, 121.0, 122.0), (240.0, 241.0, 242.0)
PERIOD = {"start": at(-60).isoformat(), "end": at(300).isoformat()}
Headers = dict[str, str]
Post = Callable[..., None]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms in ("PMS-1", "PMS-2"):
            new.pms(pms)
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def keys(site: Site) -> tuple[Headers, Headers, Headers]:
    """The key of PMS-1, that of PMS-2, and one for the whole organisation."""
    one, two = (make_key(site.account_id, ("pms", n), name=n) for n in ("PMS-1", "PMS-2"))
    return one, two, make_key(site.account_id)


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(pms: str, *minutes: float, pack: str = "0241") -> None:
        samples = [pack_sample(pack, at(minute), amps=minute) for minute in minutes]
        reply = client.post(
            f"{PREFIX}/devices/dataset/pms",
            data=request({"pms_id": pms}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        assert reply.get_json()["receipt"]["stored"] == len(minutes)

    return send


class Reader:
    """Requests with a key."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def reply(self, path: str, key: Headers, **query: Any) -> TestResponse:
        return self.client.get(f"{PREFIX}/{path}", query_string=query, headers=key)

    def body(self, path: str, key: Headers, **query: Any) -> Any:
        reply = self.reply(path, key, **query)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return reply.get_json()

    def currents(self, key: Headers, ident: str = "0241", **query: Any) -> set[float]:
        """The currents in a history: of exact readings, or the extremes of columns."""
        asked = {**PERIOD, "quantity": "pack current", **query}
        body = self.body(f"devices/{ident}/history", key, **asked)
        return set(_numbers(body["series"]))

    def cells(self, pms: str, key: Headers, quantity: str = "open") -> dict[str, int]:
        """How many readings the cells of each pack have, with 180 columns of 2 minutes."""
        body = self.body(f"pms/{pms}/cells", key, **PERIOD, quantity=quantity, columns=180)
        return {
            pack["case"]: sum(value is not None for cell in pack["cells"] for value in cell)
            for pack in body["packs"]
        }


@pytest.fixture
def read(client: FlaskClient) -> Reader:
    return Reader(client)


def _numbers(series: list[dict[str, Any]]) -> Iterator[float]:
    for one in series:
        for name in ("values", "low", "high"):
            yield from (value for value in one.get(name) or () if value is not None)


def test_a_history_is_of_the_time_within_the_scope(
    post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, every = keys
    post("PMS-1", *FIRST)
    assert read.currents(one) == set(FIRST)
    assert read.reply("devices/0241/history", two, **PERIOD).status_code == 404

    post("PMS-2", *SECOND)
    assert read.currents(one) == set(FIRST)
    assert read.currents(two) == set(SECOND)

    post("PMS-1", *BACK)
    assert read.currents(one) == {*FIRST, *BACK}
    assert read.currents(two) == set(SECOND)
    assert read.currents(every) == {*FIRST, *SECOND, *BACK}


def test_a_summary_of_columns_has_no_reading_of_another_time(
    post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, _ = keys
    post("PMS-1", *FIRST)
    post("PMS-2", *SECOND)
    post("PMS-1", *BACK)
    assert max(read.currents(two, width=1)) == 122
    assert min(read.currents(two, width=1)) == 120
    # Its whole period: one column would have all readings, and the mean of them.
    assert read.currents(one, width=1) == {0, 121, 242}
    reporters = read.body("devices/0241/history", two, **PERIOD)["reporters"]
    assert {reporter["id"] for reporter in reporters} == {"PMS-2"}


def test_the_cells_of_a_pack_are_those_of_its_time_within_the_scope(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, every = keys
    post("PMS-1", *FIRST)
    site.install(("case", "0241"), ("cabinet", "PMS-2-A"), at(3), place=1)
    assert read.cells("PMS-1", one) == read.cells("PMS-1", every)
    assert read.cells("PMS-2", every)["0241"] > 0
    assert read.cells("PMS-2", two) == {"0241": 0}
    assert read.reply("pms/PMS-1/cells", two).status_code == 404

    post("PMS-2", *SECOND)
    assert read.cells("PMS-2", two)["0241"] > 0
    assert read.cells("PMS-2", two, "voltage")["0241"] > 0


def test_the_ranking_has_only_cells_of_the_time_within_the_scope(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    _, two, every = keys
    post("PMS-1", *FIRST)
    site.install(("case", "0241"), ("cabinet", "PMS-2-A"), at(3), place=1)
    asked = {**PERIOD, "quantity": "open"}
    assert read.body("pms/PMS-2/cells", every, **asked)["ranking"]
    assert read.body("pms/PMS-2/cells", two, **asked)["ranking"] == []


def test_the_latest_reading_is_one_within_the_scope(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, every = keys
    post("PMS-1", *FIRST)
    assert read.body("devices/0241/latest", one)["readings"]["pack current"] == 2
    assert read.reply("devices/0241/latest", two).status_code == 404

    site.install(("case", "0241"), ("cabinet", "PMS-2-A"), at(3), place=1)
    assert read.reply("devices/0241/latest", one).status_code == 404
    assert read.body("devices/0241/latest", every)["source"] == "PMS-1"
    for path in ("devices/0241/latest", "pms/PMS-2/latest"):
        body = read.body(path, two)
        found = body["packs"][0] if "packs" in body else body
        assert (found["time"], found["source"], found["readings"]) == (None, None, {})

    post("PMS-2", *SECOND)
    for path in ("devices/0241/latest", "pms/PMS-2/latest"):
        body = read.body(path, two)
        found = body["packs"][0] if "packs" in body else body
        assert found["readings"]["pack current"] == 122

    post("PMS-1", *BACK)
    assert read.body("devices/0241/latest", one)["readings"]["pack current"] == 242
    assert read.body("pms/PMS-2/latest", two)["packs"] == []


def test_a_board_names_its_case_only_within_the_scope(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, _ = keys
    site.register("acquisition-board", "AB-7")
    site.install(("acquisition-board", "AB-7"), ("case", "0241"))
    post("PMS-1", *FIRST)
    assert read.body("devices/AB-7/latest", one)["id"] == "0241"
    assert read.reply("devices/AB-7/latest", two).status_code == 404

    site.install(("case", "0241"), ("cabinet", "PMS-2-A"), at(3), place=1)
    assert read.reply("devices/AB-7/latest", one).status_code == 404
    assert read.body("devices/AB-7/latest", two)["time"] is None


def test_rack_and_fleet_have_no_reading_of_another_time(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, every = keys
    post("PMS-1", *FIRST)
    site.install(("case", "0241"), ("cabinet", "PMS-2-A"), at(3), place=1)

    def docked(key: Headers) -> Any:
        return read.body("pms/PMS-2/rack", key)["cabinets"][0]["docks"][0]["occupant"]["pack"]

    def codes(key: Headers) -> set[str]:
        devices = read.body("fleet", key)["devices"]
        found = next(device for device in devices if device["id"] == "PMS-2")
        return {finding["code"] for finding in found["findings"]}

    assert (docked(every)["source"], docked(two)["time"]) == ("PMS-1", None)
    assert (codes(every), codes(two)) == ({"silent"}, {"never"})
    # What it reported itself before the pack went is its own; where that is now is not.
    homes = [
        [pack["home"] for pack in read.body("pms/PMS-1/rack", key)["reported_here"]]
        for key in (every, one)
    ]
    assert homes == [["PMS-2-A"], [None]]

    post("PMS-2", *SECOND)
    assert docked(two)["amps"] == 122
    assert codes(two) == {"silent"}
    assert [device["id"] for device in read.body("fleet", two)["devices"]] == ["PMS-2"]


def test_a_corrected_move_corrects_what_a_key_reads(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, _ = keys
    post("PMS-1", *FIRST)
    post("PMS-2", *SECOND)
    site.correct(("case", "0241"), into="PMS-2-A", since=at(121), place=1)
    assert read.currents(two) == {121, 122}
    assert read.currents(one) == set(FIRST)

    site.correct(("case", "0241"), into="PMS-2-A", since=at(1), place=1)
    assert read.currents(two) == set(SECOND)
    assert read.currents(one) == {0}


def test_who_reported_counts_and_so_does_when(
    site: Site, post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    _, two, every = keys
    post("PMS-1", *FIRST)
    # It was in PMS-2 already, and PMS-1 went on reporting it.
    site.install(("case", "0241"), ("cabinet", "PMS-2-A"), at(0), place=1)
    assert read.cells("PMS-2", every)["0241"] > 0
    assert read.cells("PMS-2", two) == {"0241": 0}
    assert read.body("devices/0241/latest", every)["time"] is not None
    assert read.body("devices/0241/latest", two)["time"] is None
    assert read.body("pms/PMS-2/rack", two)["newest"] is None
    assert read.body("fleet", two)["devices"][0]["newest"] is None

    # PMS-2 reported it, and it came only later.
    post("PMS-2", 120.0)
    assert read.cells("PMS-2", two)["0241"] > 0
    site.correct(("case", "0241"), into="PMS-2-A", since=at(121), place=1)
    assert read.cells("PMS-2", every)["0241"] > 0
    assert read.cells("PMS-2", two) == {"0241": 0}
    assert read.body("devices/0241/latest", two)["time"] is None
    assert read.body("pms/PMS-2/rack", two)["newest"] is None
    assert read.body("fleet", two)["devices"][0]["newest"] is None


def test_a_late_report_opens_no_more_than_itself(
    post: Post, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    _, two, _ = keys
    post("PMS-1", *FIRST)
    post("PMS-2", *SECOND)
    post("PMS-2", -30.0)
    assert not read.currents(two) & set(FIRST)


def test_a_cabinet_is_read_of_its_time_within_the_scope(
    site: Site, client: FlaskClient, read: Reader, keys: tuple[Headers, Headers, Headers]
) -> None:
    one, two, every = keys
    sample = {**pack_sample("0241", at(0)), "status": {"code": "0000", "temp": 31.0}}
    reply = client.post(
        f"{PREFIX}/devices/dataset/pms",
        data=request({"cabinet": "PMS-1-A"}, sample),
        headers=every,
        content_type="application/json",
    )
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert read.body("devices/PMS-1-A/latest", one)["readings"]

    site.install(("cabinet", "PMS-1-A"), ("pms", "PMS-2"), at(3), place=2)
    assert read.reply("devices/PMS-1-A/latest", one).status_code == 404
    assert read.body("devices/PMS-1-A/latest", every)["readings"]
    assert read.body("devices/PMS-1-A/latest", two)["readings"] == {}
    assert read.body("devices/0241/latest", two)["readings"] == {}
