"""Requests with a gateway's key: who it is, and what it may report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.user import User
from support import stored
from support.gateways import AUTHOR, make_key
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.gateways import keys, manage
from flexmeasures_pms.gateways.tables import gateway_key

URL = "/pms/api/v1/devices/dataset/pms"
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241"))


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms, pack in (("PMS-1", "0241"), ("PMS-2", "0242")):
            new.pms(pms)
            new.case(pack, f"{pms}-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient) -> Any:
    def send(
        headers: dict[str, str], body: str = BODY, url: str = URL, **options: Any
    ) -> TestResponse:
        return client.post(url, data=body, headers=headers, content_type="application/json")

    return send


def paths(reply: TestResponse) -> list[tuple[str, str]]:
    assert reply.status_code == 403, reply.get_data(as_text=True)
    return [(p["path"], p["code"]) for p in reply.get_json()["problems"]]


def used(headers: dict[str, str]) -> datetime | None:
    key_id = keys.key_id(headers["x-api-key"])
    db.session.rollback()
    found: datetime | None = db.session.scalar(
        sa.select(gateway_key.c.last_used_at).where(gateway_key.c.id == key_id)
    )
    return found


@pytest.mark.parametrize("header", ["x-api-key", "X-API-Key", "api_key"])
def test_a_gateway_reports_with_its_key(site: Site, post: Any, header: str) -> None:
    key = make_key(site.account_id)["x-api-key"]

    assert post({header: key}).get_json()["receipt"]["stored"] == 1
    assert post({header: key}, url="/devices/dataset/pms").get_json()["receipt"]["duplicate"] == 1


def test_the_quarantine_says_which_gateway_sent_a_sample(site: Site, post: Any) -> None:
    post(make_key(site.account_id), request({"pms_id": "PMS-1"}, pack_sample("0299")))
    assert [row.sender for row in stored.waiting(site.account_id)] == ["gateway:North mast"]


def test_keys_that_are_not_good_are_refused_all_alike(site: Site, post: Any) -> None:
    good = make_key(site.account_id)["x-api-key"]
    revoked = make_key(site.account_id, name="revoked")["x-api-key"]
    manage.revoke(manage.find("revoked", site.account_id), AUTHOR)
    expired = make_key(
        site.account_id, name="expired", expires_at=datetime.now(UTC) + timedelta(hours=1)
    )["x-api-key"]
    db.session.execute(
        sa.update(gateway_key)
        .where(gateway_key.c.id == keys.key_id(expired))
        .values(expires_at=datetime.now(UTC))
    )
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    unknown = keys.make().text

    replies = [
        post({"x-api-key": key})
        for key in (
            wrong,
            unknown,
            revoked,
            expired,
            "",
            "nonsense",
            "é",
            good + " x",
            good.upper(),
        )
    ]

    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.get_data() for reply in replies}) == 1
    assert stored.belief_count(site.account_id) == 0


def test_a_key_in_the_address_or_the_body_is_none(site: Site, post: Any) -> None:
    key = make_key(site.account_id)["x-api-key"]
    for name in ("x-api-key", "api_key"):
        assert post({}, url=f"{URL}?{name}={key}").status_code == 401
        assert post({}, BODY[:-1] + f', "{name}": "{key}"}}').status_code == 401


def test_of_both_credentials_the_key_counts(
    site: Site, post: Any, organisation: Organisation, other_organisation: Organisation
) -> None:
    key = make_key(site.account_id)
    assert post(organisation.headers | {"x-api-key": "wrong"}).status_code == 401
    assert post({"Authorization": "wrong"} | key).status_code == 200
    assert post(other_organisation.headers | key).get_json()["receipt"]["duplicate"] == 1
    assert stored.belief_count(other_organisation.id) == 0


def test_a_key_asks_nothing_of_users(site: Site, post: Any, organisation: Organisation) -> None:
    asked: list[str] = []
    key = make_key(site.account_id)

    @sa.event.listens_for(db.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    try:
        assert post(key).status_code == 200
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
    assert not [statement for statement in asked if "fm_user" in statement]
    assert db.session.get_one(User, organisation.user_id).last_seen_at is None


def test_a_key_names_its_own_organisation_only(
    site: Site, post: Any, other_organisation: Organisation
) -> None:
    key = make_key(site.account_id)
    assert post(key, url=f"{URL}?account={site.account_id}").status_code == 200
    replies = [
        post(key, url=f"{URL}?account={n}") for n in (other_organisation.id, 99_999_999, "x")
    ]
    assert {reply.status_code for reply in replies} == {403}
    assert len({reply.get_data() for reply in replies}) == 1


def test_ids_of_another_organisation_are_unknown_to_a_key(
    site: Site, post: Any, other_organisation: Organisation
) -> None:
    reply = post(make_key(other_organisation.id)).get_json()
    assert [problem["code"] for problem in reply["problems"]] == ["unknown_device"]
    assert stored.belief_count(site.account_id) == 0


def test_a_key_for_one_device_reports_that_whatever_its_spelling(site: Site, post: Any) -> None:
    key = make_key(site.account_id, ("pms", "PMS-1"))
    body = request({"pms_id": " pms-1 "}, pack_sample("0241"))
    assert post(key, body).get_json()["receipt"]["stored"] == 1


def test_a_device_outside_the_scope_refuses_the_whole_request(site: Site, post: Any) -> None:
    key = make_key(site.account_id, ("pms", "PMS-1"))
    datasets = [
        *json.loads(BODY)["datasets"],
        {"pms_id": "PMS-2", "data": [pack_sample("0242"), pack_sample("0242", at(1))]},
    ]
    both = json.dumps({"datasets": datasets})

    assert paths(post(key, both)) == [("datasets[1].pms_id", "out_of_scope")]
    assert stored.belief_count(site.account_id) == 0
    assert stored.waiting(site.account_id) == []


def test_devices_outside_the_scope_look_like_devices_that_do_not_exist(
    site: Site, post: Any
) -> None:
    site.register("mppt", "MPPT-1")
    key = make_key(site.account_id, ("pms", "PMS-1"))

    def refusal(device: str, body: str, url: str = URL) -> str:
        reply = post(key, body, url)
        assert reply.status_code == 403
        text: str = reply.get_data(as_text=True)
        return text.replace(device, "DEVICE")

    pms = {
        refusal(name, request({"pms_id": name}, pack_sample("0241")))
        for name in ("PMS-2", "PMS-9", "MPPT-1")
    }
    mppt = {
        refusal(name, request({"mppt_id": name}, converter_sample()), URL[:-3] + "mppt")
        for name in ("MPPT-1", "MPPT-9")
    }
    nameless = {refusal(pack, request({"pms": {}}, pack_sample(pack))) for pack in ("0242", "0299")}
    assert (len(pms), len(mppt), len(nameless)) == (1, 1, 1)
    assert stored.waiting(site.account_id) == []


def test_the_scope_is_kept_where_the_device_follows_from_the_pack(site: Site, post: Any) -> None:
    key = make_key(site.account_id, ("pms", "PMS-1"))
    mine = request({"pms": {}}, pack_sample("0241"))
    assert post(key, mine).get_json()["receipt"]["stored"] == 1
    other = request({"pms": {}}, pack_sample("0242"))
    assert paths(post(key, other)) == [("datasets[0].pms_id", "out_of_scope")]


def test_the_scope_is_kept_where_a_cabinet_is_named(site: Site, post: Any) -> None:
    key = make_key(site.account_id, ("pms", "PMS-1"))
    mine = request({"cabinet": {"id": "PMS-1-A"}}, pack_sample("0241"))
    assert post(key, mine).get_json()["receipt"]["stored"] == 1
    for device in ({"cabinet": "PMS-2-A"}, {"cabinet": "CAB-9"}, {"pms_id": "PMS-1-A"}):
        other = request(device, pack_sample("0242"))
        assert paths(post(key, other)) == [("datasets[0].pms_id", "out_of_scope")]


def test_samples_that_cannot_be_used_do_not_leave_the_scope(site: Site, post: Any) -> None:
    key = make_key(site.account_id, ("pms", "PMS-1"))
    junk = '{"datasets": [{"pms_id": "PMS-1", "data": ["junk", {"pack": {}}]}]}'
    assert post(key, junk).get_json()["receipt"]["quarantined"] == 2
    assert paths(post(key, junk.replace("PMS-1", "PMS-2"))) == [
        ("datasets[0].pms_id", "out_of_scope")
    ]


def test_a_device_that_goes_leaves_a_key_with_nothing(site: Site, post: Any) -> None:
    key = make_key(site.account_id, ("pms", "PMS-1"))
    db.session.execute(sa.text("DELETE FROM pms_trackable WHERE account_id = :a"),
                       {"a": site.account_id})  # fmt: skip
    body = request({"pms_id": "PMS-2"}, pack_sample("0242"))
    assert post(key, body).status_code == 403


def test_during_a_rotation_both_keys_work_and_then_only_the_new(site: Site, post: Any) -> None:
    old = make_key(site.account_id, ("pms", "PMS-1"))
    which = manage.find("north MAST", site.account_id)
    new = {
        "x-api-key": manage.rotate(
            which, overlap=timedelta(hours=24), expires_at=None, author=AUTHOR
        ).text
    }
    assert [post(key).status_code for key in (old, new)] == [200, 200]

    newest = {
        "x-api-key": manage.rotate(which, overlap=timedelta(0), expires_at=None, author=AUTHOR).text
    }
    assert [post(key).status_code for key in (old, new, newest)] == [401, 401, 200]
    body = request({"pms_id": "PMS-2"}, pack_sample("0242"))
    assert post(newest, body).status_code == 403


def test_the_last_use_is_written_once_a_minute_and_never_waited_for(site: Site, post: Any) -> None:
    key = make_key(site.account_id)
    assert used(key) is None
    post(key)
    first = used(key)
    assert first is not None
    post(key)
    assert used(key) == first

    earlier = first - timedelta(minutes=2)
    db.session.execute(sa.update(gateway_key).values(last_used_at=earlier))
    db.session.commit()
    with db.engine.connect() as other, other.begin():
        other.execute(sa.select(gateway_key).with_for_update())
        assert post(key).status_code == 200
        assert used(key) == earlier
    post(key)
    assert (used(key) or earlier) > first


def test_the_keys_of_an_organisation_go_with_it(site: Site, post: Any) -> None:
    key = make_key(site.account_id)
    db.session.execute(sa.text("DELETE FROM pms_gateway WHERE account_id = :a"),
                       {"a": site.account_id})  # fmt: skip
    assert post(key).status_code == 401
