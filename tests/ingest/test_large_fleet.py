"""What a request costs does not grow with what else is registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.site import Site
from support.statements import statements
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.registry.loading import cache, snapshot

REGISTRY = ("pms_trackable", "pms_installation", "pms_alias", "pms_registry_")
Post = Callable[..., list[str]]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1", cabinets=2)
        new.cases({"0241": 1, "0242": 2, "0243": 3}, "PMS-1-A")
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(*samples: dict[str, Any]) -> list[str]:
        """Send samples, and return what was asked of the registry's tables."""
        with statements() as sent:
            reply = client.post(
                "/pms/api/v1/devices/dataset/pms",
                data=request({"pms_id": "PMS-1"}, *samples),
                headers=organisation.headers,
                content_type="application/json",
            )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        return [text for text in sent if any(table in text for table in REGISTRY)]

    return send


@pytest.fixture(autouse=True)
def whole_registry_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(account_id: int) -> None:
        raise AssertionError(f"The whole registry of organisation {account_id} is read.")

    monkeypatch.setattr(snapshot, "read", fail)


def more_of_the_fleet(site: Site, number: int) -> None:
    with site.at_once() as new:
        new.pms(f"PMS-{number}")
        new.cases({f"{number}-{dock}": dock for dock in range(1, 6)}, f"PMS-{number}-A")


def packs(minute: int, *docks: int) -> list[dict[str, Any]]:
    return [pack_sample(f"024{n}", at(minute), dock=dock) for n, dock in enumerate(docks, 1)]


def test_once_it_is_remembered_the_registry_costs_a_request_two_statements(
    site: Site, post: Post
) -> None:
    post(*packs(0, 1, 2, 3))
    before, after = post(*packs(1, 1, 2, 3))
    assert "FOR SHARE" not in before
    assert "FOR SHARE" in after, "the last look at the version, before the commit"


def test_a_larger_fleet_is_no_more_to_read_and_to_remember(site: Site, post: Post) -> None:
    # The first readings of a pack take more.
    post(*packs(0, 1, 2, 3))
    cache.forget(site.account_id)
    before = cache.remembered()
    small = post(*packs(1, 1, 2, 3))
    remembered = cache.remembered() - before
    for number in (2, 3):
        more_of_the_fleet(site, number)
    cache.forget(site.account_id)
    before = cache.remembered()
    large = post(*packs(2, 1, 2, 3))
    assert len(large) == len(small)
    assert cache.remembered() - before == remembered


def test_a_hot_swap_reads_no_more_in_a_larger_fleet(site: Site, post: Post) -> None:
    post(*packs(0, 1, 2, 3))
    small = post(*packs(1, 2, 1, 3))
    for number in (2, 3):
        more_of_the_fleet(site, number)
    post(*packs(2, 2, 1, 3))
    large = post(*packs(3, 1, 2, 3))
    assert len(large) == len(small)


def test_a_hot_swap_elsewhere_leaves_what_is_remembered(site: Site, post: Post) -> None:
    more_of_the_fleet(site, 2)
    post(*packs(0, 1, 2, 3))
    site.install(("case", "2-1"), ("cabinet", "PMS-2-A"), at(1), place=9)
    asked = post(*packs(1, 1, 2, 3))
    assert ["pms_registry_version" in text for text in asked] == [True, True]
