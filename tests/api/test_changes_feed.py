"""The change feed: each change once, in order, whoever writes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.elsewhere import elsewhere
from support.gateways import make_key
from support.races import race
from support.site import AUTHOR, Site
from support.site_orders import site_orders
from werkzeug.test import TestResponse

from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.writer import LOCK, editing

REGISTRY = "/pms/api/v1/registry"
URL = f"{REGISTRY}/changes"

Follow = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def admin(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def bare(app_context: Flask) -> FlaskClient:
    """A client for threads, each of which has its own app context."""
    return FlaskClient(app_context, TestResponse)


def pages(client: FlaskClient, headers: Any, since: int = 0, limit: int = 7) -> Iterator[Any]:
    """Yield pages of the feed, up to one that says that there are no more now."""
    more = True
    while more:
        reply = client.get(URL, query_string={"since": since, "limit": limit}, headers=headers)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        page = reply.get_json()
        yield page
        since, more = page["next"], page["more"]


def followed(client: FlaskClient, headers: Any, **where: int) -> list[dict[str, Any]]:
    return [change for page in pages(client, headers, **where) for change in page["changes"]]


def refers_only_back(changes: list[dict[str, Any]]) -> bool:
    """Whether each change is of what was registered before it, in what was before it."""
    known: set[int] = set()
    for change in changes:
        if change["verb"] in ("assembled", "procured") and change["before"] is None:
            known.add(change["record"])
        rows = [*(change["before"] or {}).get("installations", ()),
                *(change["after"] or {}).get("installations", ())]  # fmt: skip
        if not {change["record"], *(row["assembly_id"] for row in rows)} <= known:
            return False
    return True


def written(account_id: int) -> list[int]:
    query = """SELECT id FROM pms_transaction WHERE account_id = :a
        UNION ALL SELECT id FROM pms_master_transaction WHERE account_id = :a ORDER BY 1"""
    return list(db.session.scalars(db.text(query), {"a": account_id}))


def test_everything_that_was_recorded_comes_in_its_order(
    client: FlaskClient, admin: Organisation
) -> None:
    orders = site_orders(cabinets=1, docks=1)
    reply = client.post(
        f"{REGISTRY}/orders", json={"key": "a", "orders": orders}, headers=admin.headers
    ).get_json()
    changes = followed(client, admin.headers)

    assert [change["number"] for change in changes] == written(admin.id)
    assert [change["verb"] for change in changes[:3]] == ["assembled", "assembled", "installed"]
    assert {change["request_id"] for change in changes} == {reply["request_id"]}
    assert refers_only_back(changes) and not refers_only_back(changes[::-1])
    assert reply["last_change"] == changes[-1]["number"]
    assert followed(client, admin.headers, since=reply["last_change"]) == []
    (page,) = pages(client, admin.headers, since=reply["last_change"])
    assert page == {"changes": [], "next": reply["last_change"], "more": False}


def test_changes_of_master_data_come_between(client: FlaskClient, admin: Organisation) -> None:
    site = Site(admin.id)
    site.register("mppt", "MPPT-1")
    db.session.execute(
        db.text(
            "INSERT INTO pms_master_transaction (account_id, request_id, recorded_at, author, verb,"
            " kind, record_id, name, after) VALUES (:a, gen_random_uuid(), now(), 'test',"
            " 'registered', 'party', 7, 'Cells Ltd', '{\"name\": \"Cells Ltd\"}')"
        ),
        {"a": admin.id},
    )
    site.register("mppt", "MPPT-2")

    changes = followed(client, admin.headers, limit=2)
    assert [(c["kind"], c["id"]) for c in changes] == [
        ("mppt", "MPPT-1"), ("party", "Cells Ltd"), ("mppt", "MPPT-2"),
    ]  # fmt: skip
    assert changes[1]["after"] == {"name": "Cells Ltd"} and changes[1]["effective_at"] is None


def test_what_is_not_committed_is_not_skipped(
    bare: FlaskClient, app_context: Flask, database_uri: str, admin: Organisation
) -> None:
    """Who has the lock has taken smaller numbers than who waits for it, and commits before."""
    site = Site(admin.id)
    db.session.commit()
    with race(app_context, database_uri) as people:
        lock = f"SELECT pg_advisory_xact_lock({LOCK}, {admin.id})"
        with elsewhere(database_uri, lock):
            waiting = people.start(lambda: site.register("mppt", "MPPT-1"))
            people.wait_until_waiting()
            assert people.do(lambda: followed(bare, admin.headers)) == []
        waiting.result(60)
        assert [c["id"] for c in people.do(lambda: followed(bare, admin.headers))] == ["MPPT-1"]


@pytest.mark.parametrize("seed", [1, 2])
def test_who_follows_while_others_write_sees_each_change_once(
    bare: FlaskClient, app_context: Flask, database_uri: str, admin: Organisation,
    other_organisation: Organisation, seed: int,
) -> None:  # fmt: skip
    db.session.commit()
    with race(app_context, database_uri) as people:
        owners = (admin.id, admin.id, other_organisation.id)
        writers = [
            people.start(partial(write, Random(seed * 10 + n), owner, n))
            for n, owner in enumerate(owners)
        ]
        seen = people.do(
            lambda: follow(bare, admin.headers, lambda: all(one.done() for one in writers))
        )
        for one in writers:
            one.result(60)

    assert [change["number"] for change in seen] == written(admin.id)
    assert {change["author"] for change in seen} == {"test"} and len(seen) > 20
    assert refers_only_back(seen)
    assert seen == followed(bare, admin.headers, limit=1_000)


def follow(client: FlaskClient, headers: Any, ended: Callable[[], bool]) -> list[dict[str, Any]]:
    """Follow the feed until nobody writes any more and all is read."""
    seen: list[dict[str, Any]] = []
    last = False
    while not last:
        last = ended()
        since = seen[-1]["number"] if seen else 0
        seen += followed(client, headers, since=since, limit=3)
        db.session.remove()
    return seen


def write(random: Random, account_id: int, number: int) -> None:
    """Make changes of some size one after the other, a few of which are undone."""
    for turn in range(8):
        with editing(account_id, AUTHOR) as changeset:
            for part in range(random.randint(1, 4)):
                name = f"{number}-{turn}-{part}"
                case = registration.register(changeset, "case", name)
                block = registration.register(changeset, "cell-block", f"{name}-B")
                moves.install(changeset, block, case, random.randint(1, 14))
        if random.random() < 0.2:
            db.session.rollback()
        else:
            db.session.commit()


def test_another_organisation_s_changes_are_not_seen(
    client: FlaskClient, admin: Organisation, other_organisation: Organisation
) -> None:
    Site(admin.id).register("mppt", "MPPT-1")
    query = {"account": admin.id}

    assert followed(client, other_organisation.headers) == []
    for headers in (
        other_organisation.headers, make_key(admin.id, ("mppt", "MPPT-1"), name="Mast"),
    ):  # fmt: skip
        assert client.get(URL, query_string=query, headers=headers).status_code == 403
    assert len(followed(client, make_key(admin.id))) == 1
    assert client.get(URL, headers={"x-api-key": "no"}).status_code == 401


@pytest.mark.parametrize("query", ["since=-1", "since=x", "since=1e3", "limit=0", "limit=1001"])
def test_other_numbers_are_refused(client: FlaskClient, admin: Organisation, query: str) -> None:
    reply = client.get(f"{URL}?{query}", headers=admin.headers)
    assert reply.status_code == 400 and query.partition("=")[0] in reply.get_json()["message"]
