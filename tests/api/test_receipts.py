"""The log of what was accepted, and who may read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.user import Account
from support.gateways import AUTHOR, make_key
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.gateways import manage
from flexmeasures_pms.ingest.receipt import ReceiptCounts
from flexmeasures_pms.storage.intake import receipts
from flexmeasures_pms.storage.tables import COUNTS, receipt_hour

PREFIX = "/pms/api/v1"
URL = f"{PREFIX}/devices/dataset/pms"
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241"), pack_sample("0299"))
Headers = dict[str, str]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient) -> Any:
    def send(headers: Headers, body: str = BODY, url: str = URL) -> TestResponse:
        return client.post(url, data=body, headers=headers, content_type="application/json")

    return send


@pytest.fixture
def get(client: FlaskClient) -> Any:
    def ask(path: str, headers: Headers) -> TestResponse:
        return client.get(f"{PREFIX}/{path}", headers=headers)

    return ask


def ids(reply: TestResponse) -> list[int]:
    assert reply.status_code == 200, reply.get_data(as_text=True)
    return [row["id"] for row in reply.get_json()["receipts"]]


def hours(receipt_id: int) -> list[tuple[datetime, int, int]]:
    columns = receipt_hour.c
    query = sa.select(columns.hour, columns.samples, columns.packs)
    query = query.where(columns.receipt_id == receipt_id).order_by(columns.hour)
    return [(row.hour, row.samples, row.packs) for row in db.session.execute(query)]


def test_the_log_has_what_the_reply_said(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    key = make_key(site.account_id)
    said = post(key).get_json()["receipt"]

    found = get(f"receipts/{said['id']}", organisation.headers).get_json()

    assert {name: found[name] for name in said} == said
    assert found["digest"] == f"sha256:{sha256(BODY.encode()).hexdigest()}"
    assert (found["sender"], found["dataset"]) == ("gateway:North mast", "pms")
    assert found["key"] == key["x-api-key"].split("_")[1]
    assert found["account"] == site.account_id
    age = datetime.now(UTC) - datetime.fromisoformat(found["received_at"])
    assert timedelta(0) < age < timedelta(minutes=5)
    assert found["duration_ms"] >= 0


def test_the_log_counts_what_the_reply_counts() -> None:
    assert ReceiptCounts.__struct_fields__ == COUNTS


def test_a_users_request_is_logged_under_the_user(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    number = post(organisation.headers).get_json()["receipt"]["id"]
    found = get(f"receipts/{number}", organisation.headers).get_json()
    assert (found["sender"], found["key"]) == (f"user:{organisation.user_id}", None)


def test_a_request_without_samples_is_logged_and_a_refused_one_is_not(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    number = post(organisation.headers, request({"pms_id": "PMS-1"})).get_json()["receipt"]["id"]
    assert post(organisation.headers, "{").status_code == 400
    assert ids(get("receipts", organisation.headers)) == [number]


def test_what_was_stored_is_counted_by_device_and_hour(site: Site, post: Any) -> None:
    with site.at_once() as new:
        new.register("mppt", "MPPT-1")
        new.case("0242", "PMS-1-B", 1)
    key = make_key(site.account_id)
    packs = [pack_sample("0241", at(m)) for m in (0, 59.9, 60)]
    packs += [pack_sample("0242", at(m), dock=13) for m in (0, 5)]
    body = request({"pms_id": "PMS-1"}, *packs, pack_sample("0299"))

    first = post(key, body).get_json()["receipt"]["id"]
    again = post(key, body).get_json()["receipt"]["id"]
    undocked = request({"pms_id": "PMS-1"}, pack_sample("0241", at(2), dock=99))
    third = post(key, undocked).get_json()["receipt"]["id"]
    mppt = request({"mppt_id": "MPPT-1"}, converter_sample())
    fourth = post(key, mppt, URL[:-3] + "mppt").get_json()["receipt"]["id"]

    assert hours(first) == [(NOON, 4, 1 << 1 | 1 << 13), (at(60), 1, 1 << 1)]
    assert hours(again) == []
    # Docked or not, it is the same pack in this hour.
    assert hours(third) == [(NOON, 1, 1 << 1)]
    assert hours(fourth) == [(NOON, 1, 1)]


def test_receipts_are_read_page_by_page(
    site: Site, post: Any, get: Any, organisation: Organisation
) -> None:
    sent = [post(organisation.headers).get_json()["receipt"]["id"] for _ in range(5)][::-1]

    first = get("receipts?limit=2", organisation.headers)
    assert (ids(first), first.get_json()["next"]) == (sent[:2], sent[1])
    second = get(f"receipts?limit=3&before={sent[1]}", organisation.headers)
    assert (ids(second), second.get_json()["next"]) == (sent[2:], None)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert ids(get(f"receipts?since={soon}", organisation.headers)) == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=-1", "before=٣", "before=99999999999999999999",
     "since=yesterday", "since=2026-03-01T12:00:00"],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_refused(
    get: Any, organisation: Organisation, query: str
) -> None:
    reply = get(f"receipts?{query}", organisation.headers)
    assert (reply.status_code, reply.is_json) == (400, True)
    assert query.split("=", maxsplit=1)[0] in reply.get_json()["message"]


def test_receipts_of_another_organisation_look_like_none(
    site: Site, post: Any, get: Any, organisation: Organisation, other_organisation: Organisation
) -> None:
    number = post(organisation.headers).get_json()["receipt"]["id"]
    for headers in (other_organisation.headers, make_key(other_organisation.id)):
        assert ids(get("receipts", headers)) == []
        replies = [
            get(f"receipts/{n}", headers)
            for n in (number, number + 10**6, 0, "x", "9" * 19, "9" * 30, "0" * 30 + "9" * 19)
        ]
        assert {reply.status_code for reply in replies} == {404}
        assert len({reply.get_data() for reply in replies}) == 1
        assert get(f"receipts?account={organisation.id}", headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "no"}, {"Authorization": "no"}])
def test_receipts_need_a_credential(get: Any, headers: Headers) -> None:
    assert get("receipts", headers).status_code == 401
    assert get("receipts/1", headers).status_code == 401


def test_a_key_for_some_devices_reads_its_own_receipts(site: Site, post: Any, get: Any) -> None:
    whole = make_key(site.account_id, name="whole")
    part = make_key(site.account_id, ("pms", "PMS-1"), name="part")
    theirs, own = (post(key).get_json()["receipt"]["id"] for key in (whole, part))

    assert ids(get("receipts", whole)) == [own, theirs]
    assert ids(get("receipts", part)) == [own]
    assert get(f"receipts/{own}", part).status_code == 200
    assert get(f"receipts/{theirs}", part).status_code == 404


def test_a_gateway_of_a_revoked_ones_name_does_not_read_its_receipts(
    site: Site, post: Any, get: Any
) -> None:
    former = make_key(site.account_id, ("pms", "PMS-1"), name="North mast")
    theirs = post(former).get_json()["receipt"]["id"]
    manage.revoke(manage.find("North mast", site.account_id), AUTHOR)
    new = make_key(site.account_id, ("pms", "PMS-1"), name="North mast")
    own = post(new).get_json()["receipt"]["id"]

    assert ids(get("receipts", new)) == [own]
    assert get(f"receipts/{theirs}", new).status_code == 404


def test_a_gateway_reads_the_receipts_of_the_keys_it_had(site: Site, post: Any, get: Any) -> None:
    old = make_key(site.account_id, ("pms", "PMS-1"))
    receipt = post(old).get_json()["receipt"]["id"]
    which = manage.find("North mast", site.account_id)
    key = manage.rotate(which, overlap=timedelta(0), expires_at=None, author=AUTHOR)
    db.session.commit()
    assert ids(get("receipts", {"x-api-key": key.text})) == [receipt]


@pytest.mark.parametrize("role", ["admin", "admin-reader", "consultant"])
def test_who_may_read_the_assets_may_read_the_receipts(
    site: Site, post: Any, get: Any, make_organisation: Any, organisation: Organisation, role: str
) -> None:
    agent = make_organisation(roles=[role])
    db.session.get_one(Account, organisation.id).consultancy_account_id = agent.id
    number = post(organisation.headers).get_json()["receipt"]["id"]

    assert get(f"receipts/{number}", agent.headers).status_code == 200
    assert ids(get(f"receipts?account={organisation.id}", agent.headers)) == [number]


def test_a_receipt_is_written_with_the_beliefs_or_not_at_all(
    site: Site, post: Any, get: Any, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise sa.exc.OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(receipts, "add", fail)
    assert post(organisation.headers).status_code == 503
    monkeypatch.undo()
    assert ids(get("receipts", organisation.headers)) == []
    assert post(organisation.headers).get_json()["receipt"]["stored"] == 1
