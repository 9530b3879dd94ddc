"""Completeness around a swap, from requests to the API, the command and the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from support.folding import fold
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import NOON, at, pack_sample

Minutes = dict[str, range]
TIMES = ("--since", NOON.isoformat(), "--until", at(180).isoformat())


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """Three packs; the second is taken out at 13:20, and another put in at 13:40."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"IN01": 1, "OUT2": 2, "IN03": 3}, "PMS-1-A")
        new.case("NEW4")
    site.remove(("case", "OUT2"), at(80))
    site.install(("case", "NEW4"), ("cabinet", "PMS-1-A"), at(100), place=2)
    return site


@pytest.fixture
def send(client: FlaskClient, organisation: Organisation) -> Callable[[Minutes], None]:
    docks = {"IN01": 1, "OUT2": 2, "IN03": 3, "NEW4": 2}

    def post(packs: Minutes) -> None:
        samples = [
            pack_sample(pack, at(minute), dock=docks[pack])
            for pack, minutes in packs.items()
            for minute in minutes
        ]
        assert report(client, organisation.headers, *samples)["stored"] == len(samples)

    return post


@pytest.fixture
def hours(client: FlaskClient, organisation: Organisation) -> Callable[..., list[dict[str, Any]]]:
    def ask(minutes: float = 180) -> list[dict[str, Any]]:
        query = f"device=PMS-1&since={NOON:%Y-%m-%dT%H:%MZ}&until={at(minutes):%Y-%m-%dT%H:%MZ}"
        reply = client.get(f"/pms/api/v1/completeness?{query}", headers=organisation.headers)
        found: list[dict[str, Any]] = reply.get_json()["hours"]
        return found

    return ask


ALL: Minutes = {
    "IN01": range(0, 180, 10),
    "IN03": range(0, 180, 10),
    "OUT2": range(0, 80, 10),
    "NEW4": range(100, 180, 10),
}


def shown(hours: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("samples", "packs", "installed", "expected", "share", "missing")
    return [tuple(hour[name] for name in names) for hour in hours]


@pytest.mark.parametrize("folded", [False, True], ids=["hot", "folded"])
def test_an_hour_with_a_swap_is_complete_if_both_reported_while_they_were_there(
    site: Site, send: Any, hours: Any, folded: bool
) -> None:
    send(ALL)
    if folded:
        assert fold(site.account_id)
    assert shown(hours()) == [
        (18, 3, 3, 18, 1, []),
        (16, 4, 4, 16, 1, []),
        (18, 3, 3, 18, 1, []),
    ]


def test_the_hour_in_which_the_period_ends_is_told_whole(site: Site, send: Any, hours: Any) -> None:
    send(ALL)
    assert shown(hours(90))[1] == shown(hours())[1] == (16, 4, 4, 16, 1, [])


@pytest.mark.parametrize("folded", [False, True], ids=["hot", "folded"])
def test_a_pack_that_was_silent_while_it_was_there_is_named(
    site: Site, send: Any, hours: Any, folded: bool
) -> None:
    send(ALL | {"NEW4": range(120, 180, 10), "IN03": range(60, 180, 10)})
    if folded:
        assert fold(site.account_id)
    assert shown(hours()) == [
        (12, 2, 3, 18, 0.6667, ["IN03"]),
        (14, 3, 4, 16, 0.875, ["NEW4"]),
        (18, 3, 3, 18, 1, []),
    ]


def test_a_pack_that_was_there_for_less_than_its_interval_is_not_missed(
    site: Site, send: Any, hours: Any
) -> None:
    site.remove(("case", "NEW4"), at(125))
    send(ALL | {"NEW4": range(100, 120, 10)})
    assert shown(hours())[2] == (12, 2, 3, 12, 1, [])


def test_the_command_names_the_silent_pack(site: Site, runner: FlaskCliRunner, send: Any) -> None:
    send(ALL | {"NEW4": range(120, 180, 10)})
    command = ("pms", "completeness", "--account", str(site.account_id), *TIMES)
    assert runner.invoke(args=command).output.splitlines() == [
        "PMS PMS-1",
        "  2026-03-01T19:00:00+07:00  100%  18 samples of 3 packs, 18 expected, each 600 s",
        "  2026-03-01T20:00:00+07:00   88%  14 samples of 3 packs, 16 expected, each 600 s",
        "      nothing from NEW4",
        "  2026-03-01T21:00:00+07:00  100%  18 samples of 3 packs, 18 expected, each 600 s",
    ]
    found = json.loads(runner.invoke(args=(*command, "--json")).stdout)
    assert [hour["missing"] for hour in found] == [[], ["NEW4"], []]


def test_the_page_shows_a_swap_as_complete_and_names_a_silent_pack(
    site: Site, client: FlaskClient, organisation: Organisation, send: Any
) -> None:
    def page() -> str:
        reply = client.get("/pms/completeness?days=1&end=2026-03-01T22:00")
        return unescape(reply.get_data(as_text=True))

    log_in(client, organisation)
    send(ALL | {"NEW4": range(120, 180, 10)})
    assert "20:00: 14 of 16 samples, 88 %; nothing from NEW4" in page()
    assert "1 hour incomplete" in page()
    send({"NEW4": range(100, 120, 10)})
    assert '20:00: 16 of 16 samples, 100 %"' in page()
    assert "complete up to the last full hour" in page()
