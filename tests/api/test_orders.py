"""Orders over HTTP: done once, as a whole or not at all, with the checks of forms and commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg2
import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.elsewhere import elsewhere
from support.gateways import make_key
from support.races import before_each, race
from support.site import Site
from support.site_orders import site_orders
from werkzeug.test import TestResponse

from flexmeasures_pms.registry.editing.ordering import ORDERS
from flexmeasures_pms.registry.editing.writer import LOCK
from flexmeasures_pms.registry.loading import snapshot

REGISTRY = "/pms/api/v1/registry"
URL = f"{REGISTRY}/orders"
SINCE = "2026-03-01T12:00:00+07:00"

Give = Callable[..., Any]
_keys = count(1)
MakeOrganisation = Callable[..., Organisation]


@pytest.fixture
def admin(make_organisation: MakeOrganisation) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def give(client: FlaskClient, admin: Organisation) -> Give:
    def post(*orders: Any, code: int = 200, key: str = "", headers: Any = None, **said: Any) -> Any:
        body = {"key": key or str(next(_keys)), "orders": orders, **said}
        query = {"account": said.pop("account")} if "account" in said else {}
        body.pop("account", None)
        reply = client.post(URL, json=body, headers=headers or admin.headers, query_string=query)
        assert reply.status_code == code, reply.get_data(as_text=True)
        return reply.get_json()

    return post


@pytest.fixture
def site(admin: Organisation) -> Site:
    site = Site(admin.id)
    with site.at_once() as new:
        new.pms()
        new.pms("PMS-2")
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
        new.register("acquisition-board", "66BFF353734574E43235318", "66BFF353734574E43235319")
        new.install(("acquisition-board", "66BFF353734574E43235318"), ("case", "0241"))
    return site


def order(name: str, ident: str = "0241", **said: Any) -> dict[str, Any]:
    return {"order": name, "id": ident, **said}


def recorded(account_id: int) -> int:
    """How much was ever recorded of an organisation, and how many requests were kept."""
    count = """SELECT (SELECT count(*) FROM pms_transaction WHERE account_id = %(a)s)
        + (SELECT count(*) FROM pms_trackable WHERE account_id = %(a)s)
        + (SELECT count(*) FROM pms_installation WHERE account_id = %(a)s)
        + (SELECT count(*) FROM pms_order_request WHERE account_id = %(a)s)"""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(count, {"a": account_id})
    (found,) = cursor.fetchone()
    return int(found)


def problem(reply: Any) -> tuple[str, str]:
    (found,) = reply["problems"]
    return found["path"], found["message"]


def test_a_whole_site_is_built_by_one_request(give: Give, admin: Organisation) -> None:
    orders = site_orders(docks=2, cabinets=2)
    done = give(*orders)

    assert [one["changed"] for one in done["orders"]] == [True] * len(orders)
    assert done["orders"][0]["messages"] == ["Registered PMS PMS-1."]
    built = snapshot.read(admin.id)
    assert len(built.entries) == 1 + 2 * 3 + 4 * 17
    pack = built.resolve_pack("PMS-1-C2-P02-ACQ", datetime.now(UTC))
    assert pack and built.dock_across(pack.case.id, datetime.now(UTC)) == 4
    assert all(e.asset_id for e in built.entries.values() if e.kind in ("pms", "cabinet", "case"))


def test_each_order_does_what_the_command_does(give: Give, site: Site) -> None:
    board, other = "66BFF353734574E43235318", "66BFF353734574E43235319"
    given = (
        order("register", "0243", kind="case"),
        order("install", "0243", into="PMS-1-A", place=3, at=SINCE, note="new"),
        {"order": "swap", "old": board, "new": other, "at": SINCE},
        order("move", cabinet="PMS-1-A", dock=5),
        order("remove", "0242"),
        order("service", note="Cleaned."),
        order("ship", "0242"),
        order("return", "0242"),
        order("retire", "0242"),
        order("revive", "0242"),
        order("correct", "0243", since="2026-02-01T12:00:00+07:00", note="It was earlier."),
        order("add-alias", board, alias="B-1"),
        {"order": "register-party", "name": "Volt Parts", "roles": ["supplier"]},
        {"order": "register-product", "kind": "acquisition-board", "vendor": "Acme",
         "model": "AB-14", "parameters": {"channels": 14}},
        {"order": "register-batch", "product": "Acme AB-14", "lot": "LOT-7",
         "supplier": "Volt Parts", "made_on": "2024-05-01"},
        order("procure", board, batch="LOT-7", serial="SN-1", warranty_until="2030-01-01"),
    )  # fmt: skip
    done = give(*given, note="a day's work")

    assert {one["order"] for one in given} == {t.__struct_config__.tag for t in ORDERS}
    assert all(one["changed"] for one in done["orders"]), done
    assert done["orders"][1]["messages"] == [
        "Installed case 0243 in dock 3 of cabinet PMS-1-A, from 2026-03-01T05:00:00+00:00."
    ]
    now = snapshot.read(site.account_id)
    inside = now.parts_of(site.number("cabinet", "PMS-1-A"), datetime.now(UTC))
    docks = {now.entry(row.part_id).ident: row.place for row in inside}
    assert docks == {"0241": 5, "0243": 3}
    rows = db.session.execute(
        db.text("SELECT verb, note, author FROM pms_transaction WHERE request_id = :r ORDER BY id"),
        {"r": done["request_id"]},
    ).all()
    assert {row.author for row in rows} == {f"user:{user_of(site)}"}
    assert [row.note for row in rows if row.verb == "procured"] == ["a day's work"]
    assert {row.note for row in rows} >= {"new", "a day's work", "Cleaned.", "It was earlier."}


def user_of(site: Site) -> int:
    query = db.text("SELECT id FROM fm_user WHERE account_id = :a")
    return int(db.session.execute(query, {"a": site.account_id}).scalar_one())


def test_orders_carry_what_their_event_has(
    give: Give, site: Site, client: FlaskClient, admin: Organisation
) -> None:
    board, other = "66BFF353734574E43235318", "66BFF353734574E43235319"
    fault = {"cause": "fault", "code": "OV-3", "person": "A. Sari", "document": "WO-12"}
    found: dict[str, Any] = {
        "findings": ["Burnt contact"],
        "measured": {"resistance_mohm": 3.2, "seal": "open"},
    }
    give(
        {"order": "swap", "old": board, "new": other, "at": SINCE, **fault},
        order("service", note="Cleaned.", **found),
        order("retire", board),
    )
    feed = client.get(f"{REGISTRY}/changes", headers=admin.headers).get_json()["changes"]
    by_verb = {one["verb"]: one for one in feed}
    assert {name: by_verb["swapped"][name] for name in fault} == fault
    assert by_verb["serviced"]["details"] == found
    assert by_verb["retired"].get("cause") is None

    refused = give(order("retire", code="OV-3"), code=422)
    assert problem(refused)[0] == "orders[0].code"


def test_products_are_registered_with_the_orders_that_use_them_or_not_at_all(
    give: Give, site: Site, client: FlaskClient, admin: Organisation
) -> None:
    from flexmeasures_pms.registry.master import queries

    board = "66BFF353734574E43235318"
    product = {"order": "register-product", "kind": "acquisition-board", "vendor": "Acme"}
    lot = {"order": "register-batch", "product": "Acme AB-14", "lot": "LOT-7"}
    of = order("procure", board, batch="LOT-7")
    before = recorded(admin.id)
    refused = give({**product, "model": "AB-14"}, lot, {**of, "supplier": "Nobody"}, code=422)
    assert problem(refused)[0] == "orders[2].supplier"
    assert (queries.products(admin.id), recorded(admin.id)) == ([], before)

    give({**product, "model": "AB-14", "note": "first"}, {**lot, "note": "second"}, of)
    (listed,) = queries.batches(admin.id)
    assert (listed.product.name, listed.things) == ("Acme AB-14", 1)
    again = give({**product, "model": "AB-14"}, lot, of)
    assert [one["changed"] for one in again["orders"]] == [False] * 3
    feed = client.get(f"{REGISTRY}/changes", headers=admin.headers).get_json()["changes"]
    notes = {one["kind"]: one["note"] for one in feed if one["kind"] in ("product", "batch")}
    assert notes == {"product": "first", "batch": "second"}


def test_one_order_that_cannot_be_made_refuses_all(give: Give, site: Site) -> None:
    before = recorded(site.account_id)
    orders = [
        order("register", "0243", kind="case"),
        order("install", "0243", into="PMS-1-A", place=3),
        order("install", "0243", into="NO-CABINET", place=4),
    ]
    assert problem(give(*orders, code=422)) == (
        "orders[2].into", "No id 'NO-CABINET' is registered.",
    )  # fmt: skip
    assert recorded(site.account_id) == before
    assert all(one["changed"] for one in give(*orders[:2])["orders"])


@pytest.mark.parametrize(
    ("refused", "path", "words"),
    [
        (order("install", "0243", kind="case", into="PMS-1-A", place=1), "place", "taken by case"),
        (order("remove", "0999"), "id", "No id '0999' is registered."),
        (order("remove", "PMS-1-A"), "id", '"with_packs": true'),
        (order("remove", at="2026-03-01"), "at", "has no offset"),
        (order("remove", at="2099-01-01T00:00:00Z"), "at", "ahead"),
        (order("correct", since="yesterday", note="x"), "since", "is not a time"),
        (order("service"), "note", "Say what was done"),
        (order("register", "241", kind="case"), "id", '"similar_ids": true'),
        (order("register", "N/A", kind="case"), "id", '"odd_ids": true'),
        (order("register", "<b>", kind="case"), "id", "can't be the id"),
        (order("register", "X", kind="mppt", timezone="Mars/A"), "timezone", "is not a time zone"),
        (order("register", "X", kind="pms", parent_asset=2147483647), "id", "has no asset"),
        (order("add-alias", alias="0242"), "id", "not as acquisition board"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field_and_what_to_do(
    give: Give, site: Site, refused: Any, path: str, words: str
) -> None:
    before = recorded(site.account_id)
    found, said = problem(give(order("service", note="x"), refused, code=422))

    assert found == f"orders[1].{path}" and words in said, (found, said)
    assert "--" not in said and "organisation " not in said.split("Organisation")[0]
    assert recorded(site.account_id) == before


def test_what_orders_move_out_first_does_not_leave_with_the_cabinet(give: Give, site: Site) -> None:
    gone = order("install", "PMS-1-A", into="PMS-2", place=2)
    assert problem(give(gone, code=422))[0] == "orders[0].id"

    assert give(order("remove"), order("remove", "0242"), gone)["orders"][2]["changed"]


def test_doubtful_ids_are_registered_if_that_is_said(give: Give, site: Site) -> None:
    orders = (order("register", "241", kind="case"), order("register", "N/A", kind="case"))
    give(*orders, code=422, similar_ids=True)
    assert len(give(*orders, similar_ids=True, odd_ids=True)["orders"]) == 2


def test_planned_changes_say_so(give: Give, site: Site) -> None:
    soon = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    assert '"planned": true' in problem(give(order("remove", at=soon), code=422))[1]
    give(order("remove", at=soon, planned=True), order("remove", "0242"), at=soon, planned=True)
    assert snapshot.read(site.account_id).installed(site.number("case", "0242"), datetime.now(UTC))


def test_a_repeated_request_gets_the_first_answer(give: Give, site: Site) -> None:
    first = give(order("remove"), key="one")
    after = recorded(site.account_id)
    again = give(order("remove"), key="one")

    assert again == first | {"repeated": True}
    assert recorded(site.account_id) == after
    assert give(order("remove", "0242"), key="one", code=409)["status"] == "OTHER_REQUEST"
    assert recorded(site.account_id) == after
    give(order("remove", "0242"), key="two")


def test_a_refused_request_may_be_sent_again_with_its_key(give: Give, site: Site) -> None:
    give(order("remove", "0999"), key="one", code=422)
    assert give(order("remove"), key="one")["repeated"] is False


def test_keys_of_organisations_are_apart(
    give: Give, site: Site, make_organisation: MakeOrganisation
) -> None:
    other = make_organisation(roles=["account-admin"])
    new = order("register", "MPPT-7", kind="mppt")
    first, second = give(new, key="one"), give(new, key="one", headers=other.headers)
    assert first["repeated"] is second["repeated"] is False
    assert first["request_id"] != second["request_id"]


def test_a_dry_run_writes_nothing(give: Give, site: Site) -> None:
    before = recorded(site.account_id)
    tried = give(order("remove"), order("register", "0243", kind="case"), key="one", dry_run=True)

    assert tried["dry_run"] and tried["request_id"] is None
    assert tried["orders"][1]["messages"] == ["Would register case 0243."]
    assert recorded(site.account_id) == before
    assert give(order("remove"), key="one")["repeated"] is False


def test_two_requests_at_once_give_one_result(
    app_context: Flask, database_uri: str, admin: Organisation, site: Site
) -> None:
    client = FlaskClient(app_context, TestResponse)
    body = {"key": "one", "orders": site_orders("PMS-9", cabinets=1, docks=2)}

    def post() -> Any:
        return client.post(URL, json=body, headers=admin.headers).get_json()

    db.session.commit()
    lock = f"SELECT pg_advisory_xact_lock({LOCK}, {site.account_id})"
    with race(app_context, database_uri) as people:
        with elsewhere(database_uri, lock):
            both = [people.start(post) for _ in range(3)]
            people.wait_until_waiting(3)
        answers = [one.result(60) for one in both]

    assert sorted(one["repeated"] for one in answers) == [False, True, True]
    assert len({one["request_id"] for one in answers}) == 1
    kinds = [entry.kind for entry in snapshot.read(site.account_id).entries.values()]
    assert kinds.count("pms") == 3 and kinds.count("cell-block") == 28


@pytest.mark.parametrize(
    "where",
    ["COPY pms_installation", "INSERT INTO pms_order_request", "INSERT INTO pms_registry_version"],
)
def test_a_request_that_is_killed_leaves_nothing(
    client: FlaskClient, give: Give, database_uri: str, admin: Organisation, site: Site,
    monkeypatch: pytest.MonkeyPatch, where: str,
) -> None:  # fmt: skip
    before = recorded(site.account_id)
    orders = site_orders("PMS-9", cabinets=1, docks=1)

    def kill() -> None:
        with psycopg2.connect(database_uri) as killer, killer.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state = 'idle in transaction'"
            )

    if where.startswith("COPY"):
        from flexmeasures_pms.registry.editing import copying

        send = copying._send

        def killed(statement: str, lines: Any) -> None:
            if where in statement:
                kill()
            send(statement, lines)

        monkeypatch.setattr(copying, "_send", killed)
        reply = client.post(URL, json={"key": "one", "orders": orders}, headers=admin.headers)
        monkeypatch.undo()
    else:
        with before_each(where, kill) as seen:
            reply = client.post(URL, json={"key": "one", "orders": orders}, headers=admin.headers)
        assert seen
    assert reply.status_code == 503, reply.get_data(as_text=True)
    db.session.remove()
    assert recorded(site.account_id) == before

    assert give(*orders, key="one")["repeated"] is False
    assert give(*orders, key="one")["repeated"] is True


def test_members_change_what_is_there_and_admins_make_devices(
    give: Give, organisation: Organisation
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.register("site", "BTS-1")
    member = organisation.headers

    new_case = (order("register", "0241", kind="case"), order("install", into="PMS-1-A", place=1))
    give(*new_case, headers=member)
    before = recorded(organisation.id)
    for refused in (
        order("register", "0243", kind="case"),
        order("register", "PMS-7", kind="pms"),
        order("register", "PMS-1", kind="pms", latitude=1.0, longitude=1.0),
        order("register", "MPPT-7", kind="mppt"),
        order("install", "PMS-7", kind="pms", into="BTS-1"),
    ):
        reply = give(order("remove"), refused, headers=member, code=403)
        assert reply["message"].startswith("orders[1]: only an admin")
    assert recorded(organisation.id) == before


def test_who_may_not_is_refused(
    give: Give, site: Site, other_organisation: Organisation, make_organisation: MakeOrganisation
) -> None:
    before = recorded(site.account_id)
    for headers in (
        other_organisation.headers,
        make_organisation(roles=["account-admin"]).headers,
        make_organisation(roles=["admin-reader"]).headers,
        make_key(site.account_id),
        make_key(site.account_id, ("pms", "PMS-1"), name="Mast"),
    ):
        refused = give(order("remove"), headers=headers, account=site.account_id, code=403)
        missing = give(order("remove"), headers=headers, account=10**8, code=403)
        if "x-api-key" not in headers and "You may not change" not in refused["message"]:
            assert refused == missing
    give(order("remove"), headers={"x-api-key": "none"}, code=401)
    # What another organisation has is not there for this one.
    reply = give(order("remove"), headers=other_organisation.headers, code=422)
    assert problem(reply)[1] == "No id '0241' is registered."
    assert recorded(site.account_id) == before
    everywhere = make_organisation(roles=["admin"])
    assert give(order("remove"), headers=everywhere.headers, account=site.account_id)


def test_a_session_is_no_credential_for_orders(client: FlaskClient, admin: Organisation) -> None:
    client.set_cookie(*admin.cookie)
    assert client.post(URL, json={"key": "a", "orders": [order("remove")]}).status_code == 401
    assert client.get(URL, headers=admin.headers).status_code == 405


MISSHAPEN = {
    "no key": ({"orders": [order("remove")]}, ""),
    "no orders": ({"key": "a", "orders": []}, "orders"),
    "no list": ({"key": "a", "orders": {}}, "orders"),
    "too many": ({"key": "a", "orders": [order("remove")] * 2_001}, "orders"),
    "no order": ({"key": "a", "orders": [order("remove"), {"id": "0241"}]}, "orders[1]"),
    "another order": ({"key": "a", "orders": [order("explode")]}, "orders[0].order"),
    "another field": ({"key": "a", "orders": [order("remove", where="x")]}, "orders[0]"),
    "a number": ({"key": "a", "orders": [order("remove"), order("remove", 241)]}, "orders[1].id"),  # type: ignore[arg-type]
    "a long id": ({"key": "a", "orders": [order("remove", "9" * 81)]}, "orders[0].id"),
    "a control character": ({"key": "a", "orders": [order("remove", "a\x00")]}, "orders[0].id"),
    "a kind": ({"key": "a", "orders": [order("remove", kind="x")]}, "orders[0].kind"),
    "a place": ({"key": "a", "orders": [order("install", into="a", place=0)]}, "orders[0].place"),
    "a long note": ({"key": "a", "orders": [order("remove", note="x" * 1_001)]}, "orders[0].note"),
    "a long key": ({"key": "a" * 201, "orders": [order("remove")]}, "key"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_body_of_another_shape_is_refused_with_its_place(
    client: FlaskClient, admin: Organisation, name: str
) -> None:
    body, path = MISSHAPEN[name]
    reply = client.post(URL, json=body, headers=admin.headers)

    assert reply.status_code == 422, reply.get_data(as_text=True)
    assert problem(reply.get_json())[0] == path, reply.get_data(as_text=True)
    assert recorded(admin.id) == 0


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 422),
        (b'{"key":"a","orders":' + b"[" * 100_000, "application/json", 422),
        (b'{"key":"\\ud800","orders":[]}', "application/json", 400),
        (b"{}", "text/csv", 415),
        (b" " * (5 << 20), "application/json", 413),
    ],
)
def test_what_cannot_be_read_is_refused(
    client: FlaskClient, admin: Organisation, body: bytes, content_type: str, code: int
) -> None:
    reply = client.post(URL, data=body, content_type=content_type, headers=admin.headers)
    assert reply.status_code == code, reply.get_data(as_text=True)
    assert json.loads(reply.get_data())["message"]
