"""What a thing read over a time, at the resolution of a screen."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.gateways import make_key
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
Send = Callable[..., None]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms in ("PMS-1", "PMS-2"):
            new.pms(pms)
        new.case("0241", "PMS-1-A", 1)
        new.register("mppt", "MPPT-1", timezone="Asia/Jakarta")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, site: Site) -> Send:
    def send(*samples: dict[str, Any], dataset: str = "pms", **device: Any) -> None:
        reply = client.post(
            f"{PREFIX}/devices/dataset/{dataset}",
            data=request(device or {"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)

    return send


@pytest.fixture
def ask(client: FlaskClient, organisation: Organisation) -> Callable[..., TestResponse]:
    def get(
        ident: str = "0241",
        start: float = 0,
        end: float = 60,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> TestResponse:
        time = {"start": at(start).isoformat(), "end": at(end).isoformat()}
        asked = {**time, **query.pop("time", {}), **query}
        return client.get(
            f"{PREFIX}/devices/{ident}/history",
            query_string={name: value for name, value in asked.items() if value is not None},
            headers=organisation.headers if headers is None else headers,
        )

    return get


@pytest.fixture
def history(ask: Callable[..., TestResponse]) -> Ask:
    def get(*args: Any, **query: Any) -> dict[str, Any]:
        reply = ask(*args, **query)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        body: dict[str, Any] = reply.get_json()
        return body

    return get


def lines(body: dict[str, Any]) -> dict[str, list[tuple[float, float | None]]]:
    """Values by sensor, each with its minute after noon."""
    begin = (datetime.fromisoformat(body["start"]) - at(0)) / timedelta(minutes=1)
    return {
        one["name"]: [
            (round(begin + ms / 60_000, 4), value)
            for ms, value in zip(body["times"][one["times"]], one["values"], strict=True)
        ]
        for one in body["series"]
    }


def test_readings_stand_as_they_were_taken_where_there_is_room(post: Send, history: Ask) -> None:
    post(*(pack_sample("0241", at(n), amps=amps) for n, amps in ((0, 1.5), (1, 2.5), (2.5, -3))))

    found = history(quantity="current")

    assert found["exact"]
    assert (found["kind"], found["id"], found["start"]) == ("case", "0241", "2026-03-01T12:00:00Z")
    (series,) = found["series"]
    assert (series["unit"], series["state"], series["mean"]) == ("A", False, pytest.approx(1 / 3))
    assert "low" not in series
    assert lines(found)["pack current"][:3] == [(0, 1.5), (1, 2.5), (2.5, -3)]


def test_many_readings_are_a_mean_a_least_and_a_greatest(post: Send, history: Ask) -> None:
    post(*(pack_sample("0241", at(n / 12), amps=n % 12) for n in range(240)))

    found = history(end=20, width=20, quantity="pack current")

    assert (found["exact"], found["step"]) == (False, 60_000)
    (series,) = found["series"]
    assert series["values"] == [5.5] * 20 + [None]
    assert (series["low"][:20], series["high"][:20]) == ([0] * 20, [11] * 20)
    assert found["times"][0][:3] == [0, 60_000, 120_000]
    finer = history(start=5, end=10, width=800, quantity="pack current")
    assert finer["exact"]
    assert [v for _, v in lines(finer)["pack current"]][:12] == list(range(12))


@pytest.mark.parametrize(("width", "exact"), [(800, True), (60, False)])
def test_a_gap_breaks_the_line(post: Send, history: Ask, width: int, exact: bool) -> None:
    minutes = [0, 0.5, 1, 1.5, 2, 2.5, 9, 9.5, 10, 10.5]
    post(*(pack_sample("0241", at(n), amps=n // 1) for n in minutes))
    found = history(width=width, quantity="current")
    drawn = [v for _, v in lines(found)["pack current"]]
    assert found["exact"] is exact
    assert list(dict.fromkeys(drawn)) == [0, 1, 2, None, 9, 10]
    assert drawn[-1] is None


@pytest.mark.parametrize(("width", "exact"), [(800, True), (240, False), (30, False)])
def test_a_thing_that_reports_more_often_than_before_keeps_its_past(
    post: Send, history: Ask, width: int, exact: bool
) -> None:
    minutes = [*range(20), *range(24, 40), *(40 + n / 12 for n in range(36)), 46, 46 + 1 / 12]
    post(*(pack_sample("0241", at(n), amps=1) for n in minutes))
    found = history(width=width, quantity="current")
    drawn = lines(found)["pack current"]
    breaks = [round(drawn[i - 1][0]) for i, (_, value) in enumerate(drawn) if value is None]
    assert found["exact"] is exact
    assert breaks == ([18, 42, 46] if width == 30 else [19, 43, 46])


def test_a_state_holds_until_it_was_last_known(post: Send, history: Ask) -> None:
    post(*(pack_sample("0241", at(n), fet={"temp": [34, 32], "open": [1] if n >= 3 else []})
           for n in (0, 1, 2, 3, 4, 5, 40, 41)))  # fmt: skip

    found = history(end=60, quantity=["open", "current"])

    drawn = lines(found)["FET 1 open"]
    changes = [(m, v) for i, (m, v) in enumerate(drawn) if i == 0 or v != drawn[i - 1][1]]
    assert [(round(m), v) for m, v in changes] == [(0, 0), (3, 1), (5, None), (40, 1), (41, None)]


def test_two_devices_make_one_history_and_are_told(post: Send, history: Ask) -> None:
    post(pack_sample("0241", at(0), amps=1), pack_sample("0241", at(1), amps=2))
    post(pack_sample("0241", at(2), amps=3), pack_sample("0241", at(3), amps=4), pms_id="PMS-2")

    found = history(quantity="current")

    assert [v for _, v in lines(found)["pack current"]] == [1, 2, 3, 4, None]
    assert [(r["id"], r["begin"], r["end"]) for r in found["reporters"]] == [
        ("PMS-1", "2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"),
        ("PMS-2", "2026-03-01T12:02:00Z", "2026-03-01T12:03:00Z"),
    ]


def test_charts_and_sensors_can_be_named_together(post: Send, history: Ask) -> None:
    post(pack_sample("0241", at(0)))
    names = [one["name"] for one in history(quantity=["cells", "dock"])["series"]]
    assert names == [*(f"cell {n:02d} voltage" for n in range(1, 15)), "dock"]
    assert len(history()["series"]) == 40


def test_wide_columns_tell_what_they_are_summed_up_from(post: Send, history: Ask) -> None:
    post(*(pack_sample("0241", at(n), amps=n % 30) for n in (*range(240), *range(360, 600))))

    levels = {width: history(end=600, width=width)["level"] for width in (2000, 100, 40, 10, 2)}
    assert levels == {
        2000: "samples", 100: "samples", 40: "quarter", 10: "hour", 2: "six_hours"
    }  # fmt: skip

    found = history(end=600, width=10, quantity=["current", "open"])
    (series,) = (one for one in found["series"] if one["name"] == "pack current")
    assert series["values"] == [14.5] * 4 + [None] + [14.5] * 4 + [None]
    assert (series["low"][0], series["high"][0], series["mean"]) == (0, 29, 14.5)
    assert {v for _, v in lines(found)["cell 03 open"]} == {1, None}


def test_readings_that_repeat_are_there_however_they_are_recorded(post: Send, history: Ask) -> None:
    post(*(pack_sample("0241", at(n)) for n in range(30)))
    drawn = lines(history(quantity="dock"))["dock"]
    assert drawn[:30] == [(n, 1) for n in range(30)]


def test_sensors_read_together_share_their_moments(post: Send, history: Ask) -> None:
    post(*(pack_sample("0241", at(n)) for n in range(5)))
    assert len(history(quantity=["cells", "current"])["times"]) == 1


def test_a_converter_has_its_own_charts(post: Send, history: Ask) -> None:
    post(converter_sample(at(0)), dataset="mppt", mppt_id="MPPT-1")
    found = history("MPPT-1", quantity="power")
    assert {one["name"] for one in found["series"]} == {
        "PV 1 power", "PV 2 power", "battery power", "load 1 power",
    }  # fmt: skip
    assert history("MPPT-1", quantity="cells")["series"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"width": "0"}, {"width": "2001"}, {"width": "many"},
        {"quantity": "cell 15 voltage"},
        {"time": {"start": "yesterday"}}, {"time": {"start": "2026-03-01T12:00:00"}},
        {"time": {"start": "2030-01-01T00:00:00Z"}}, {"time": {"start": "1999-01-01T00:00:00Z"}},
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_said(
    post: Send, ask: Callable[..., TestResponse], query: dict[str, Any]
) -> None:
    reply = ask(**query)
    assert reply.status_code == 400
    assert next(iter(query.get("time", query))) in reply.get_json()["message"]


def test_the_reply_is_compressed(post: Send, ask: Callable[..., TestResponse],
                                 organisation: Organisation) -> None:  # fmt: skip
    post(*(pack_sample("0241", at(n)) for n in range(60)))
    plain = ask()
    packed = ask(headers=organisation.headers | {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.get_data())) == plain.get_json()
    assert len(packed.get_data()) < len(plain.get_data()) / 4


def test_another_organisation_sees_nothing(
    post: Send, ask: Callable[..., TestResponse], other_organisation: Organisation
) -> None:
    post(pack_sample("0241", at(0)))
    theirs = other_organisation.headers
    assert ask(headers=theirs).status_code == 404
    assert ask(headers=theirs).get_data() == ask("nothing", headers=theirs).get_data()
    assert ask(headers={}).status_code == 401


def test_a_gateway_reads_of_its_own_devices_only(
    post: Send, ask: Callable[..., TestResponse], organisation: Organisation
) -> None:
    post(pack_sample("0241", at(0)))
    assert ask(headers=make_key(organisation.id, ("pms", "PMS-1"), name="own")).status_code == 200
    other = make_key(organisation.id, ("pms", "PMS-2"), name="other")
    assert ask(headers=other).status_code == 404


def test_where_nothing_was_read_nothing_is_shown(post: Send, history: Ask) -> None:
    assert history()["series"] == []  # no reading at all

    post(pack_sample("0241", at(5)))
    assert history(start=30, end=50)["series"] == []
    assert history()["series"] != []
