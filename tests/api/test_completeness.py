"""The ledger as asked for over HTTP, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.gateways import make_key
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

PREFIX = "/pms/api/v1"
URL = f"{PREFIX}/devices/dataset/pms"
FOUR_HOURS = f"since={NOON:%Y-%m-%dT%H:%MZ}&until={at(240):%Y-%m-%dT%H:%MZ}"
Headers = dict[str, str]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.pms("PMS-2")
        new.register("mppt", "MPPT-1")
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Any:
    def send(body: str, url: str = URL) -> Any:
        options: Any = {"headers": organisation.headers, "content_type": "application/json"}
        reply = client.post(url, data=body, **options)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return reply.get_json()["receipt"]

    return send


@pytest.fixture
def get(client: FlaskClient) -> Any:
    def ask(query: str, headers: Headers) -> TestResponse:
        return client.get(f"{PREFIX}/completeness?{query}", headers=headers)

    return ask


def shares(reply: TestResponse) -> dict[str, list[float]]:
    assert reply.status_code == 200, reply.get_data(as_text=True)
    found: dict[str, list[float]] = {}
    for hour in reply.get_json()["hours"]:
        found.setdefault(hour["device"], []).append(hour["share"])
    return found


def packs(*minutes: float, only: str | None = None) -> str:
    cases = (("0241", 1), ("0242", 2))
    return request(
        {"pms_id": "PMS-1"},
        *(
            pack_sample(case, at(m), dock=dock)
            for m in minutes
            for case, dock in cases
            if only in (None, case)
        ),
    )


def test_each_hour_says_what_came_of_what_should_have(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    post(packs(0, 15, 30, 45))
    post(packs(60, 75, 90, 105, only="0241"))
    late_and_again = packs(180, 195, 210, 225)
    post(packs(180))
    post(late_and_again)
    post(late_and_again)

    reply = get(f"device=pms-1&{FOUR_HOURS}", organisation.headers)

    assert shares(reply) == {"PMS-1": [1, 0.5, 0, 1]}
    assert reply.get_json()["hours"][1] == {
        "device": "PMS-1", "kind": "pms", "hour": f"{at(60):%Y-%m-%dT%H:%M:%SZ}",
        "samples": 4, "packs": 1, "expected": 8, "cadence": 900.0, "share": 0.5,
        "refused": 0, "installed": 2, "missing": ["0242"],
    }  # fmt: skip


def test_silent_devices_are_told_too(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    post(request({"mppt_id": "MPPT-1"}, converter_sample()), URL[:-3] + "mppt")
    found = shares(get(FOUR_HOURS, organisation.headers))
    assert found == {"MPPT-1": [1, 0, 0, 0], "PMS-1": [0] * 4, "PMS-2": [0] * 4}


def test_what_only_waits_in_quarantine_has_not_come_until_it_is_replayed(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    post(packs(0, 30, 60, 90))
    post(request({"pms_id": "PMS-1"}, *(pack_sample("0243", at(m), dock=3) for m in (0, 30))))
    assert shares(get(f"device=PMS-1&{FOUR_HOURS}", organisation.headers))["PMS-1"][:2] == [1, 1]

    site.case("0243", "PMS-1-A", 3)

    found = get(f"device=PMS-1&{FOUR_HOURS}", organisation.headers)
    assert [h["samples"] for h in found.get_json()["hours"]] == [6, 4, 0, 0]
    assert shares(found)["PMS-1"][:2] == [1, 0.6667]


def test_by_default_the_last_day_is_told(site: Site, get: Any, organisation: Organisation) -> None:
    assert 24 <= len(shares(get("device=PMS-1", organisation.headers))["PMS-1"]) <= 25


def test_another_organisations_devices_look_like_none(
    site: Site, post: Any, get: Any, organisation: Organisation, other_organisation: Organisation
) -> None:
    post(packs(0))
    for headers in (other_organisation.headers, make_key(other_organisation.id)):
        replies = [get(f"device={device}", headers) for device in ("PMS-1", "PMS-9", "0241")]
        assert {reply.status_code for reply in replies} == {404}
        assert len({reply.get_data() for reply in replies}) == 1
        assert shares(get(FOUR_HOURS, headers)) == {}
        assert get(f"account={organisation.id}", headers).status_code == 403
    Site(other_organisation.id).pms()
    assert shares(get(FOUR_HOURS, other_organisation.headers)) == {"PMS-1": [0] * 4}
    assert get("", {}).status_code == 401


def test_a_key_is_told_of_its_devices_only(site: Site, post: Any, get: Any) -> None:
    post(packs(0))
    key = make_key(site.account_id, ("pms", "PMS-1"))
    assert set(shares(get(FOUR_HOURS, key))) == {"PMS-1"}
    replies = [get(f"device={device}", key) for device in ("PMS-2", "MPPT-1", "PMS-9")]
    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.get_data() for reply in replies}) == 1


@pytest.mark.parametrize(
    "query",
    ["since=soon", "since=2026-03-02T00:00Z&until=2026-03-01T00:00Z", "since=2999-01-01T00:00Z",
     "since=0001-01-01T00:00Z", "until=0001-01-01T00:00Z"],
)  # fmt: skip
def test_a_time_that_makes_no_sense_is_refused(
    site: Site, get: Any, organisation: Organisation, other_organisation: Organisation, query: str
) -> None:
    for headers in (organisation.headers, other_organisation.headers):
        assert get(query, headers).status_code == 400


def test_requests_for_one_pms_do_not_wait_for_each_other(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    first = post(packs(0))["id"]
    again = """
        WITH r AS (
          INSERT INTO pms_receipt SELECT * FROM json_populate_record(NULL::pms_receipt, (
            SELECT to_jsonb(p) || jsonb_build_object('id', nextval('pms_receipt_id_seq'))
            FROM pms_receipt p WHERE id = :id)::json) RETURNING id)
        INSERT INTO pms_receipt_hour
        SELECT r.id, device_id, hour, samples, packs FROM pms_receipt_hour, r
        WHERE receipt_id = :id"""
    with db.engine.connect() as other, other.begin() as transaction:
        assert other.execute(sa.text(again), {"id": first}).rowcount == 1
        assert post(packs(1))["stored"] == 2  # a lock would time out
        transaction.rollback()
    (hour, *_) = get(f"device=PMS-1&{FOUR_HOURS}", organisation.headers).get_json()["hours"]
    assert hour["samples"] == 4
