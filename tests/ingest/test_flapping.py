"""Two packs that answer with one id are no hot swaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from sqlalchemy import func, select
from support import stored
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request

from flexmeasures_pms.ingest.flapping import MOST_CHANGES, SETTLED
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import installation, transaction

Post = Callable[..., dict[str, Any]]
DOCKS = ((3, timedelta(0)), (4, timedelta(milliseconds=300)))


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    site.pms("PMS-1")
    site.pms("PMS-2")
    site.case("DE03", "PMS-1-A", 3)
    site.case("DE04", "PMS-1-A", 4)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    """Send samples, all of which are stored, and return the reply."""

    def send(*samples: dict[str, Any], pms: str = "PMS-1") -> dict[str, Any]:
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


def in_turn(cycles: int, begin: datetime = NOON) -> Iterator[dict[str, Any]]:
    """Samples of two packs in turn, every 5 seconds."""
    for cycle in range(cycles):
        for dock, later in DOCKS:
            yield pack_sample("DE03", begin + timedelta(seconds=5 * cycle) + later, dock=dock)


def moves(site: Site) -> int:
    of_case = transaction.c.trackable_id == site.number("case", "DE03")
    by_device = transaction.c.author.like("device:%")
    return db.session.scalar(select(func.count()).where(of_case, by_device)) or 0


def rows(site: Site) -> int:
    of_account = installation.c.account_id == site.account_id
    return db.session.scalar(select(func.count()).where(of_account)) or 0


def dock(site: Site, when: datetime) -> int | None:
    return load_directory(site.account_id).dock_across(site.number("case", "DE03"), when)


def test_a_pack_that_flaps_is_stored_and_said_and_fills_no_registry(site: Site, post: Post) -> None:
    reply = post(*in_turn(100))

    assert moves(site) == MOST_CHANGES
    times = stored.times(site.account_id, "case:DE03")
    assert len(times) == 200
    docks = stored.beliefs(site.account_id, "case:DE03")
    assert [docks[t, "PMS-1", "dock"] for t in sorted(times)] == [3, 4] * 100
    [warning] = reply["warnings"]
    assert warning["code"] == "pack_flaps"
    assert warning["path"] == f"datasets[0].data[{MOST_CHANGES + 1}].pack.dock"
    assert warning["message"].startswith(
        "Pack 'DE03' is reported from dock 3 of PMS 'PMS-1' and dock 4 of PMS 'PMS-1': 199 changes "
    )


def test_no_more_is_written_to_the_registry_however_long_it_flaps(site: Site, post: Post) -> None:
    post(*in_turn(20))
    before = rows(site)
    for hour in range(3):
        for minute in range(0, 60, 10):
            post(*in_turn(2, at(60 * hour + minute + 5)))
    post(pack_sample("DE03", at(178), dock=3))
    [warning] = post(pack_sample("DE03", at(178.1), dock=4))["warnings"]

    for place in ("dock 3 of PMS 'PMS-1'", "dock 4 of PMS 'PMS-1'"):
        assert place in warning["message"]
    assert rows(site) == before


def test_one_by_one_it_is_the_same(site: Site, post: Post) -> None:
    replies = [post(sample) for sample in in_turn(10)]
    assert moves(site) == MOST_CHANGES
    warned = ["warnings" in reply for reply in replies]
    # In its registered dock there is nothing to say.
    assert warned[: MOST_CHANGES + 1] == [False] * (MOST_CHANGES + 1)
    assert any(warned[MOST_CHANGES + 1 :])


def test_a_pack_that_stays_in_one_dock_again_has_moved_there(site: Site, post: Post) -> None:
    post(*in_turn(20))
    home = dock(site, at(2))
    other = {3: 4, 4: 3}[home or 0]
    stays = at(3)
    post(pack_sample("DE03", stays, dock=other))
    assert dock(site, stays) == home

    post(pack_sample("DE03", stays + SETTLED, dock=other))
    assert dock(site, stays + SETTLED) == other


def test_a_pack_that_flaps_between_two_pmses_is_said_too(site: Site, post: Post) -> None:
    replies = [
        post(pack_sample("DE03", at(minute), dock=3), pms=("PMS-1", "PMS-2")[minute % 2])
        for minute in range(20)
    ]
    assert moves(site) == MOST_CHANGES
    said = {w["message"] for reply in replies for w in reply.get("warnings", [])}
    assert any("dock 3 of another PMS" in message for message in said)


def test_some_moves_within_an_hour_are_hot_swaps(site: Site, post: Post) -> None:
    replies = [
        post(pack_sample("DE03", at(8 * n), dock=(3, 5)[n % 2])) for n in range(MOST_CHANGES + 1)
    ]
    assert moves(site) == MOST_CHANGES
    assert all("warnings" not in reply for reply in replies)
