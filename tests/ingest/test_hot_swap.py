"""Hot swap: a pack that reports from elsewhere has been moved, and nobody configures it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import select
from support import stored
from support.site import Site, commit
from support.telemetry import NOON, at, pack_sample, request

from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import transaction

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1", cabinets=2)
        new.pms("PMS-2")
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-A", 2)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(pms: str, *samples: dict[str, Any]) -> dict[str, Any]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": pms}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        body: dict[str, Any] = reply.get_json()
        assert body["receipt"]["stored"] == len(samples)
        return body

    return send


def place(site: Site, case: str, time: datetime) -> tuple[str, int | None] | None:
    registered = load_directory(site.account_id)
    found = registered.place_of(site.number("case", case), time)
    return (registered.entry(found.assembly_id).ident, found.place) if found else None


def moves(site: Site, case: str) -> list[tuple[str, str, datetime | None]]:
    rows = db.session.execute(
        select(transaction.c.verb, transaction.c.author, transaction.c.effective_at)
        .where(transaction.c.trackable_id == site.number("case", case))
        .where(transaction.c.author.like("device:%"))
        .order_by(transaction.c.id)
    )
    return [tuple(row) for row in rows]


def test_a_pack_under_another_pms_is_stored_as_reported_and_the_move_recorded(
    site: Site, post: Post
) -> None:
    post("PMS-1", pack_sample("0241"))
    post("PMS-2", pack_sample("0241", at(1), dock=3))

    assert stored.sources(site.account_id, "case:0241") == {"PMS-1", "PMS-2"}
    assert place(site, "0241", at(0.5)) == ("PMS-1-A", 1)
    assert place(site, "0241", at(1)) == ("PMS-2-A", 3)
    assert moves(site, "0241") == [("moved", "device:PMS-2", at(1))]


def test_a_retired_pack_that_reports_is_stored_and_moves_nobody(site: Site, post: Post) -> None:
    order = Order(Author("test"), at(0.5), site.account_id)
    commit(orders.retire(order, "0241"))
    post("PMS-1", pack_sample("0241", at(1), dock=2), pack_sample("0242", at(1), dock=2))
    assert moves(site, "0241") == []
    assert place(site, "0241", at(1)) is None
    assert place(site, "0242", at(1)) == ("PMS-1-A", 2)
    # Once it is in use again, it is where it reports to be.
    commit(orders.revive(order, "0241"))
    post("PMS-1", pack_sample("0241", at(2), dock=3))
    assert place(site, "0241", at(2)) == ("PMS-1-A", 3)


def test_its_asset_moves_along(site: Site, post: Post) -> None:
    post("PMS-2", pack_sample("0241", dock=3))

    asset = db.session.scalars(
        select(GenericAsset).where(
            GenericAsset.account_id == site.account_id, GenericAsset.external_id == "case:0241"
        )
    ).one()
    assert asset.parent_asset.external_id == "cabinet:PMS-2-A"
    assert asset.description == "Case in dock 3 of cabinet PMS-2-A"


def test_a_pack_in_another_dock_has_moved(site: Site, post: Post) -> None:
    post("PMS-1", pack_sample("0241", dock=13))
    assert place(site, "0241", NOON) == ("PMS-1-B", 1)


def test_two_packs_change_places(site: Site, post: Post) -> None:
    post("PMS-1", pack_sample("0241", dock=2), pack_sample("0242", dock=1))

    assert place(site, "0241", NOON) == ("PMS-1-A", 2)
    assert place(site, "0242", NOON) == ("PMS-1-A", 1)


def test_a_backlog_is_followed_through_all_its_moves(site: Site, post: Post) -> None:
    post(
        "PMS-1",
        pack_sample("0241", at(2), dock=1),
        pack_sample("0241", at(1), dock=14),
        pack_sample("0241", at(0), dock=1),
    )

    assert [place(site, "0241", at(n)) for n in (0.5, 1.5, 2.5)] == [
        ("PMS-1-A", 1), ("PMS-1-B", 2), ("PMS-1-A", 1),
    ]  # fmt: skip


def test_a_late_report_does_not_move_what_reported_since(site: Site, post: Post) -> None:
    post("PMS-1", pack_sample("0241", at(10)))
    post("PMS-2", pack_sample("0241", at(5), dock=3))

    assert place(site, "0241", at(11)) == ("PMS-1-A", 1)
    assert moves(site, "0241") == []
    assert stored.sources(site.account_id, "case:0241") == {"PMS-1", "PMS-2"}


def test_the_same_report_again_records_nothing_more(site: Site, post: Post) -> None:
    post("PMS-2", pack_sample("0241", dock=3))
    post("PMS-2", pack_sample("0241", at(1), dock=3))
    assert len(moves(site, "0241")) == 1


def test_an_unallocated_pack_stays_where_it_is_registered(site: Site, post: Post) -> None:
    post("PMS-1", pack_sample("0241", dock=99))
    assert place(site, "0241", NOON) == ("PMS-1-A", 1)
    assert moves(site, "0241") == []


def test_a_pack_without_pms_id_reports_from_where_it_is_registered(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    reply = client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms": {}}, pack_sample("0241", dock=None)),
        headers=organisation.headers,
        content_type="application/json",
    )
    assert reply.get_json()["receipt"]["stored"] == 1
    assert stored.sources(site.account_id, "case:0241") == {"PMS-1"}


def test_a_gateway_that_names_its_cabinet_reports_for_the_pms(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    reply = client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"cabinet": {"id": "PMS-1-A"}}, pack_sample("0241")),
        headers=organisation.headers,
        content_type="application/json",
    )
    assert reply.get_json()["receipt"]["stored"] == 1
    assert stored.sources(site.account_id, "case:0241") == {"PMS-1"}
