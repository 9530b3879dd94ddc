"""Health states on fleet, rack and pack page: what is silent, unread, too high or too low."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from playwright.sync_api import Page
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import CELLS, pack_sample


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def cells(**changed: float) -> dict[str, Any]:
    """Cells of a sample: ``cells(c05=3.5)`` changes one."""
    volts = [float(volts) for volts in CELLS]
    for name, value in changed.items():
        volts[int(name[1:]) - 1] = value
    return {"volts": volts, "open": []}


def words(html: str) -> str:
    return " ".join(re.sub(r"<title>.*?</title>|<[^>]*>", " ", html).split())


def row(page: str, ident: str) -> str:
    """The row of a PMS in the fleet, as it is in the page."""
    found = re.search(rf'<tr id="pms-\d+-{ident}".*?</tr>', page, re.DOTALL)
    assert found
    return found[0]


def dock(page: str, number: int) -> str:
    found = re.search(rf'<li class="dock" id="dock-{number}".*?</li>', page, re.DOTALL)
    assert found
    return found[0]


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    """A silent pack that was hot, one too high, one too low, one unread, and one that is well."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.pms("PMS-2")
        new.pms("PMS-3")
        new.cases({"HOT": 1, "HIGH": 2, "LOW": 3, "UNREAD": 4, "WELL": 5}, "PMS-1-A")
        new.cases({"GONE": 1, "HERE": 2}, "PMS-3-A")
    samples = [
        pack_sample("HOT", ago(20), dock=1, temp=[57.3, 20.0, 20.0]),
        pack_sample("HIGH", ago(0), dock=2, cell=cells(c07=4.25)),
        pack_sample("LOW", ago(0), dock=3, cell=cells(c02=2.95)),
        pack_sample("UNREAD", ago(0), dock=4, cell=cells(c14=19.845)),
        pack_sample("WELL", ago(0), dock=5, cell=cells()),
    ]
    report(client, organisation.headers, *samples)
    gone = [pack_sample("GONE", ago(20), dock=1), pack_sample("HERE", ago(0), dock=2)]
    report(client, organisation.headers, *gone, pms_id="PMS-3")
    log_in(client, organisation)
    return site


def test_a_silent_pack_is_named_and_its_pms_is_not_silent(site: Site, client: FlaskClient) -> None:
    found = row(client.get("/pms").text, "PMS-3")
    assert re.search(r"GONE: Silent since \d{4}-\d\d-\d\d \d\d:\d\d", words(found))
    assert 'data-level="bad"' in found.split(">")[0]
    # Also where another state is worse.
    assert "HOT: Silent since" in words(row(client.get("/pms").text, "PMS-1"))


def test_a_hot_pack_that_falls_silent_stays_red(site: Site, client: FlaskClient) -> None:
    since = r"no data since \d{4}-\d\d-\d\d \d\d:\d\d"
    fleet, rack, pack = (client.get(f"/pms{path}").text for path in ("", "/PMS-1", "/case/HOT"))
    assert re.search(rf"HOT: Hot, 57\.3 °C, {since}", words(row(fleet, "PMS-1")))
    there = dock(rack, 1)
    assert 'data-level="bad" data-state="hot" data-silent' in there
    assert re.search(rf"HOT Hot, 57\.3 °C 20 min ago N{since[1:]}", words(there))
    assert re.search(rf"Hot, 57\.3 °C, {since}", words(pack))


def test_an_empty_pms_is_empty_on_both_pages(site: Site, client: FlaskClient) -> None:
    assert words(row(client.get("/pms").text, "PMS-2")).startswith("Empty PMS-2")
    rack = client.get("/pms/PMS-2").text
    assert re.findall(r'<li id="finding-(\w+)"', rack) == ["empty"]


def test_an_unread_cell_is_a_state_on_all_pages_and_for_programs(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    fleet, rack, pack = (client.get(f"/pms{path}").text for path in ("", "/PMS-1", "/case/UNREAD"))
    assert "Cells unread" in words(row(fleet, "PMS-1"))
    assert "<title>Cell 14 unread</title>" in dock(rack, 4)
    assert "unread: the newest reading has no voltage of it" in rack
    assert re.search(r'id="cell-14"[^>]*data-state="unread"', pack)
    url, auth = "/pms/api/v1/pms/PMS-1/rack", organisation.headers
    docks = client.get(url, headers=auth).get_json()["cabinets"][0]["docks"]
    judged = {d["number"]: d["occupant"]["pack"]["cells"] for d in docks if d["occupant"]}
    states = {n: {c["number"]: c["state"] for c in cells} for n, cells in judged.items()}
    assert [states[2][7], states[3][2], states[4][14], states[5][3]] == [
        "high", "low", "unread", "normal",
    ]  # fmt: skip


def colours(page: Page, selector: str, style: str) -> set[str]:
    script = "(all, style) => all.map(one => getComputedStyle(one)[style])"
    return set(page.locator(selector).evaluate_all(script, style))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cells_have_a_colour_of_warning_only_beyond_a_limit(
    site: Site, organisation: Organisation, new_visitor: Any, scheme: str
) -> None:
    with new_visitor(color_scheme=scheme) as visit:
        visit.log_in(organisation)
        page = visit.open("/pms/PMS-1", ready="#dock-5 .strip")
        [well] = colours(page, "#dock-5 .bar", "fill")
        [bad] = colours(page, "#dock-2 .bar-high", "fill")
        assert bad != well
        assert colours(page, "#dock-3 .bar-low", "fill") == {bad}
        # The highest has a cross instead of the green sign.
        assert page.locator("#dock-2 .mark-strongest").count() == 0
        assert page.locator("#dock-2 .mark-beyond").count() == 1
        [lowest] = colours(page, "#dock-5 .mark-weakest", "fill")
        assert lowest not in colours(page, "#dock-3 .mark-weakest", "fill")
        bar, bars = "background-color", ".pack-cell-bar span"
        page = visit.open("/pms/case/WELL", ready=".pack-cells")
        plain = colours(page, f"[data-kind=plain] {bars}", bar)
        assert colours(page, f"[data-kind=weakest] {bars}", bar) == plain
        page = visit.open("/pms/case/HIGH", ready=".pack-cells")
        assert colours(page, f"[data-kind=strongest] {bars}", bar) != plain
        assert page.locator("#cell-7").get_by_text("too high").is_visible()
        assert page.locator("#cell-7[data-state=high]").count() == 1
