"""The packs of an hour are counted as packs, whichever docks they were in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.reporting import report
from support.site import Site
from support.telemetry import NOON, at, pack_sample

Send = Callable[[Iterable[tuple[str, int | None, float]]], None]
MINUTES = range(0, 60, 10)


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """Three docks; DE01 and DE02 are in the first two."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"DE01": 1, "DE02": 2}, "PMS-1-A")
    return site


@pytest.fixture
def send(client: FlaskClient, organisation: Organisation) -> Send:
    """Send packs from docks at some minutes, one request for each."""

    def post(reports: Iterable[tuple[str, int | None, float]]) -> None:
        for pack, dock, minute in reports:
            report(client, organisation.headers, pack_sample(pack, at(minute), dock=dock))

    return post


@pytest.fixture
def hours(client: FlaskClient, organisation: Organisation) -> Callable[[], list[tuple[Any, ...]]]:
    def ask() -> list[tuple[Any, ...]]:
        reply = client.get(
            f"/pms/api/v1/completeness?device=PMS-1&since={NOON:%Y-%m-%dT%H:%MZ}"
            f"&until={at(120):%Y-%m-%dT%H:%MZ}",
            headers=organisation.headers,
        )
        found = reply.get_json()["hours"]
        return [(hour["packs"], hour["samples"], hour["expected"], hour["share"]) for hour in found]

    return ask


def reports(pack: str, dock: int | None, *minutes: float) -> list[tuple[str, int | None, float]]:
    return [(pack, dock, minute) for minute in minutes]


FIRST, SECOND, NEXT = MINUTES[:3], MINUTES[3:], range(60, 120, 10)


def test_a_pack_that_moves_to_another_dock_is_one_pack(site: Site, send: Send, hours: Any) -> None:
    send(reports("DE01", 1, *MINUTES, *NEXT))
    send(reports("DE02", 2, *FIRST))
    send(reports("DE02", 3, *SECOND, *NEXT))
    assert hours() == [(2, 12, 12, 1), (2, 12, 12, 1)]


def test_a_pack_that_goes_back_and_forth_is_one_pack(site: Site, send: Send, hours: Any) -> None:
    send(reports("DE01", 1, *MINUTES, *NEXT))
    for n, minute in enumerate([*MINUTES, *NEXT]):
        send(reports("DE02", 2 + n % 3, minute))
    assert hours() == [(2, 12, 12, 1), (2, 12, 12, 1)]


def test_a_pack_without_a_dock_for_a_time_is_one_pack(site: Site, send: Send, hours: Any) -> None:
    send(reports("DE01", 1, *MINUTES, *NEXT))
    send(reports("DE02", 2, *FIRST, *NEXT))
    send(reports("DE02", 99, *SECOND))
    assert hours() == [(2, 12, 12, 1), (2, 12, 12, 1)]


def test_a_pack_that_arrives_and_then_moves_is_one_pack(site: Site, send: Send, hours: Any) -> None:
    site.case("DE03")
    send(reports("DE01", 1, *MINUTES))
    send(reports("DE03", 3, 10, 20))
    send(reports("DE03", 4, 30, 40))
    send(reports("DE03", 5, 50))
    assert hours()[0][:2] == (2, 11)


def test_a_pack_that_is_swapped_for_another_is_not_expected_besides(
    site: Site, send: Send, hours: Any
) -> None:
    site.case("DE03")
    send(reports("DE01", 1, *MINUTES, *NEXT))
    send(reports("DE02", 2, *FIRST))
    send(reports("DE03", 2, *SECOND, *NEXT))
    assert hours() == [(3, 12, 12, 1), (2, 12, 12, 1)]


def test_a_pack_that_goes_into_a_free_dock_does_not_replace_a_silent_one(
    site: Site, send: Send, hours: Any
) -> None:
    site.case("DE03")
    send(reports("DE01", 1, *MINUTES, *NEXT))
    send(reports("DE02", 2, *FIRST))
    send(reports("DE03", 3, *SECOND, *NEXT))
    assert hours()[1] == (2, 12, 18, 0.6667)
    site.remove(("case", "DE02"), at(30))
    assert hours() == [(3, 12, 12, 1), (2, 12, 12, 1)]


def test_packs_that_take_each_others_docks_are_as_many_as_before(
    site: Site, send: Send, hours: Any
) -> None:
    site.case("DE03")
    send(reports("DE01", 1, *MINUTES, *NEXT))
    send(reports("DE02", 2, *FIRST))
    send(reports("DE02", 3, *SECOND, *NEXT))
    send(reports("DE03", 2, *SECOND, *NEXT))
    (_, *first), second = hours()
    assert first == [15, 15, 1]
    assert second == (3, 18, 18, 1)


def test_a_pack_that_stopped_is_still_missed(site: Site, send: Send, hours: Any) -> None:
    send(reports("DE01", 1, *MINUTES, *NEXT))
    send(reports("DE02", 2, *MINUTES))
    assert hours()[1] == (1, 6, 12, 0.5)
