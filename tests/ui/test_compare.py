"""The page that shows packs or cells over each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.user import Account
from playwright.sync_api import Page
from support.browser import Visitor, axe
from support.session import log_in
from support.site import Site
from support.telemetry import at, pack_sample, request

HOUR = "start=2026-03-01T12:00Z&end=2026-03-01T13:00Z"
TWO = f"/pms/compare?pms=PMS-1&case=0241&case=0242&{HOUR}"


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """Three packs in a PMS; those of docks 1 and 2 reported for an hour."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"0241": 1, "0242": 2, "0243": 3}, "PMS-1-A")
    samples = [
        pack_sample(case, at(minute), dock=dock, amps=dock / 2)
        for minute in range(0, 61, 5)
        for case, dock in (("0241", 1), ("0242", 2))
    ]
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )
    return site


def lines(page: Page) -> dict[str, float]:
    """What the chart draws: the last value of each line, by its name."""
    page.locator("#charts-grid[data-step]").wait_for(state="attached")
    found: dict[str, float] = page.evaluate(
        """() => Object.fromEntries(
          echarts.getInstanceByDom(document.getElementById("chart-compare")).getOption().series
            .filter((one) => one.type === "line" && one.data.length)
            .map((one) => [one.name, one.data.map(([, value]) => value).filter(Number.isFinite)])
            .map(([name, values]) => [name, values.at(-1)]))"""
    )
    return found


def test_packs_are_drawn_over_each_other(site: Site, member: Visitor) -> None:
    page = member.open(f"{TWO}&quantity=pack+current")
    assert lines(page) == {"0241": 0.5, "0242": 1.0}
    assert axe(page) == []
    page.get_by_role("button", name="Zoom in").click()
    assert "case=0241&case=0242" in page.url


def test_cells_of_packs_are_chosen_with_the_keyboard_and_kept_in_the_address(
    site: Site, member: Visitor
) -> None:
    page = member.open(f"/pms/compare?pms=PMS-1&{HOUR}")
    page.get_by_label("Quantity").select_option("cells")
    page.get_by_role("checkbox", name="2 · 0242").press(" ")
    page.get_by_role("checkbox", name="5", exact=True).press(" ")
    page.get_by_role("checkbox", name="6", exact=True).press(" ")
    page.get_by_role("button", name="Compare").press("Enter")
    page.wait_for_url(lambda url: "cell=6" in url)
    assert lines(page) == {"0242 · Cell 5": 3.651, "0242 · Cell 6": 3.655}
    page.get_by_role("link", name="24 hours", exact=True).click()
    page.wait_for_url(lambda url: "period=24h" in url)
    assert page.get_by_role("checkbox", name="6", exact=True).is_checked()
    assert "cell=5&cell=6" in page.url
    assert "case=&" not in page.url


def test_another_quantity_keeps_the_zoom_and_the_ticked_cells(site: Site, member: Visitor) -> None:
    page = member.open(f"{TWO}&quantity=cells&cell=5")
    lines(page)
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_label("Quantity").select_option("pack current")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(lambda url: "quantity=pack" in url)
    assert "start=2026-03-01T12%3A15" in page.url
    assert lines(page) == {"0241": 0.5, "0242": 1.0}
    assert page.get_by_role("checkbox", name="5", exact=True).is_checked()


def test_the_other_packs_stay_when_one_can_not_be_read(site: Site, member: Visitor) -> None:
    member.guard.allow("500")
    page = member.page
    page.route("**/devices/0241/history*", lambda route: route.fulfill(status=500))
    member.open(f"{TWO}&quantity=pack+current")
    assert lines(page) == {"0242": 1.0}
    assert "Some readings can't be loaded." in page.locator("#charts-note").inner_text()
    page.unroute_all()
    page.locator("#charts-note", has_not_text="Some readings").wait_for()
    assert lines(page) == {"0241": 0.5, "0242": 1.0}


def test_it_fits_a_phone_in_the_dark(
    site: Site, new_visitor: Any, organisation: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone, color_scheme="dark") as visit:
        visit.log_in(organisation)
        page = visit.open(f"{TWO}&quantity=cells&cell=5")
        assert len(lines(page)) == 2
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert axe(page) == []


@pytest.fixture
def ask(client: FlaskClient, organisation: Organisation, site: Site) -> Callable[..., str]:
    log_in(client, organisation)

    def ask(path: str, status: int = 200) -> str:
        reply = client.get(path)
        assert reply.status_code == status
        return unescape(reply.get_data(as_text=True))

    return ask


def test_it_is_reached_from_the_rack_a_pack_and_the_heat_map(ask: Callable[..., str]) -> None:
    assert "/pms/compare?pms=PMS-1" in ask("/pms/PMS-1")
    assert "/pms/compare?pms=PMS-1&case=0241" in ask("/pms/case/0241")
    assert "/pms/compare?pms=PMS-1&quantity=cells&start=" in ask(f"/pms/PMS-1/cells?{HOUR}")


def test_from_a_pack_of_a_client_it_names_the_clients_organisation(
    client: FlaskClient, make_organisation: Callable[..., Organisation], site: Site
) -> None:
    consultant = make_organisation(roles=["consultant"])
    account = db.session.get(Account, site.account_id)
    assert account
    account.consultancy_account_id = consultant.id
    db.session.commit()
    Site(consultant.id).pms()
    log_in(client, consultant)
    text = unescape(client.get("/pms/case/0241").get_data(as_text=True))
    found = re.search(r'href="(/pms/compare[^"]+)"', text)
    assert found
    reply = client.get(found[1])
    assert reply.status_code == 200
    assert 'value="0243"' in reply.get_data(as_text=True)


def test_nothing_chosen_asks_for_a_choice(ask: Callable[..., str]) -> None:
    text = ask("/pms/compare?pms=PMS-1")
    assert "Nothing is chosen yet." in text
    assert 'value="0243"' in text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "begin at a rack or a pack"),
        ("pms=PMS-9", 404, "Nothing is registered with this id"),
        ("pms=PMS-1&case=9999", 404, "No pack 9999 is registered here."),
        ("pms=PMS-1&quantity=colour", 400, "This page can't show colour."),
        ("pms=PMS-1&cell=15", 400, "15 is not a number that this page can use."),
        (
            "case=0241&quantity=cells&" + "&".join(f"cell={n}" for n in range(1, 14)),
            400,
            "These are 13 lines",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    ask: Callable[..., str], query: str, status: int, said: str
) -> None:
    assert said in ask(f"/pms/compare?{query}", status)


def test_another_organisation_sees_nothing(
    site: Site, client: FlaskClient, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    for query in ("pms=PMS-1", "case=0241"):
        reply = client.get(f"/pms/compare?{query}")
        assert reply.status_code == 404
        assert "0242" not in reply.get_data(as_text=True)


@pytest.mark.parametrize("pms", ["pms=PMS-1&", ""])
def test_more_packs_than_a_chart_can_show_are_refused_before_they_are_looked_up(
    client: FlaskClient, organisation: Organisation, site: Site, pms: str
) -> None:
    log_in(client, organisation)
    named = "&".join(f"case=NOWHERE-{n}" for n in range(13))
    reply = client.get(f"/pms/compare?{pms}{named}")
    assert reply.status_code == 400
    assert "These are 13 packs: choose at most 12." in reply.get_data(as_text=True)
