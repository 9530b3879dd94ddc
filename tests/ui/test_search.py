"""Search from every page: by a whole id, another spelling, or a part of either."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.browser import Visitor, axe
from support.reporting import report
from support.session import log_in
from support.site import AUTHOR, Site, commit
from support.telemetry import pack_sample

from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.order import Order

MakeOrganisation = Callable[..., Organisation]
NewVisitor = Callable[..., AbstractContextManager[Visitor]]

ALIAS = "0FFFFF41E0"


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """A PMS of two cabinets, a case with its board in the second, and one in no dock."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-7", 2)
        new.case("0241", "PMS-7-B", 3)
        new.case("0242")
        new.register("acquisition-board", "B241")
        new.install(("acquisition-board", "B241"), ("case", "0241"))
        new.register("mppt", "MPPT-7")
    commit(orders.add_alias(Order(AUTHOR, account_id=site.account_id), "B241", ALIAS))
    return site


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    return log_in(client, organisation)


def rows(client: FlaskClient, text: str) -> list[list[str]]:
    """The rows that a search shows, as the words of their cells."""
    reply = client.get("/pms/search", query_string={"q": text})
    assert reply.status_code == 200
    found = re.findall(r"(?s)<tr>(.*?)</tr>", reply.get_data(as_text=True))[1:]
    cells = [re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found]
    return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row] for row in cells]


def test_a_part_of_an_id_finds_all_kinds_of_things_and_where_they_are(member: FlaskClient) -> None:
    assert [row[:3] for row in rows(member, "241")] == [
        ["0241", "Case", "dock 3 (15 of the PMS) of cabinet PMS-7-B, PMS PMS-7"],
        ["B241", "Acquisition board", "case 0241, cabinet PMS-7-B, PMS PMS-7"],
    ]
    assert [row[:3] for row in rows(member, "ms-7")] == [
        ["PMS-7", "PMS", "–"],
        ["PMS-7-A", "Cabinet", "position 1 of PMS PMS-7"],
        ["PMS-7-B", "Cabinet", "position 2 of PMS PMS-7"],
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0242", "/pms/case/0242"),
        (" mppt-7 ", "/pms/mppt/MPPT-7"),
        ("pms-7-a", "/pms/registry/cabinet/PMS-7-A"),
        (ALIAS.lower(), "/pms/registry/acquisition-board/B241"),
        ("0FFFF", "/pms/registry/acquisition-board/B241"),
    ],
)
def test_the_only_thing_that_is_found_is_shown_at_once(
    member: FlaskClient, text: str, address: str
) -> None:
    reply = member.get("/pms/search", query_string={"q": text})
    assert (reply.status_code, reply.location) == (303, address)


def test_what_an_id_names_exactly_comes_first(member: FlaskClient, site: Site) -> None:
    site.register("case", "241", "A241")
    assert [row[0] for row in rows(member, "241")] == ["241", "0241", "A241", "B241"]


def test_nothing_of_another_organisation_is_found(
    member: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    stranger = Site(make_organisation().id)
    stranger.register("case", "0241-THEIRS", "ONLY-THEIRS")
    assert member.get("/pms/search?q=0241").location == "/pms/case/0241"
    assert rows(member, "THEIRS") == []
    text = member.get("/pms/search?q=ONLY-THEIRS").get_data(as_text=True)
    assert "No id contains “ONLY-THEIRS”." in text


def test_an_id_that_waits_in_quarantine_is_found_there_by_its_own_organisation(
    client: FlaskClient, member: FlaskClient, organisation: Organisation,
    make_organisation: MakeOrganisation,
) -> None:  # fmt: skip
    report(client, organisation.headers, pack_sample("NEW-1", datetime.now(UTC)), pms_id="PMS-7")
    words = member.get("/pms/search?q=new-").get_data(as_text=True)
    shown = " ".join(re.sub(r"<[^>]*>", " ", words).split())
    assert "NEW-1 Unknown pack reported by PMS-7 1 sample waits" in shown
    assert 'href="/pms/quarantine?q=NEW-1"' in words
    assert "No id contains" not in words
    log_in(client, make_organisation())
    assert "No id contains “new-”." in client.get("/pms/search?q=new-").get_data(as_text=True)


def test_who_may_not_register_is_not_told_to(
    member: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    advice = "Check the spelling, or register it."
    assert advice in member.get("/pms/search?q=nowhere").get_data(as_text=True)
    monkeypatch.setattr("flexmeasures_pms.ui.views.search.may", lambda *_: False)
    text = member.get("/pms/search?q=nowhere").get_data(as_text=True)
    assert "Check the spelling." in text
    assert advice not in text


def test_the_results_are_bounded_and_say_so(member: FlaskClient, site: Site) -> None:
    with site.at_once() as new:
        new.register("cell-block", *(f"MANY-{n:03}" for n in range(51)))
    assert len(rows(member, "MANY")) == 50
    assert "There are more" in member.get("/pms/search?q=MANY").get_data(as_text=True)
    assert rows(member, "") == rows(member, "%") == rows(member, "_") == []


@pytest.mark.parametrize("path", ["/pms", "/pms/registry", "/pms/quarantine", "/pms/no/page"])
def test_every_page_has_the_box(member: FlaskClient, path: str) -> None:
    text = member.get(path).get_data(as_text=True)
    assert re.search(r'<form class="pms-find" role="search"[^>]* action="/pms/search"', text)


def test_a_pack_is_found_from_the_fleet_by_keyboard(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    for options in ({"color_scheme": "dark"}, phone):
        with new_visitor(**options) as visit:
            visit.log_in(organisation)
            page = visit.open("/pms")
            page.get_by_label("Search for an id").press_sequentially("241")
            page.keyboard.press("Enter")
            page.get_by_role("cell", name="Acquisition board", exact=True).wait_for()
            assert axe(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.get_by_role("link", name="0241", exact=True).press("Enter")
            page.get_by_role("heading", level=1, name="Pack 0241").wait_for()
