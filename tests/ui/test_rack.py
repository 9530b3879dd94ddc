"""The page of a PMS as it stands in the room."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from playwright.sync_api import Page
from support.browser import Visitor, axe
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import CELLS, pack_sample

NewVisitor = Callable[..., Any]
FRAME = ("#topnavbar", "footer")  # are FlexMeasures'
HEX_BOARD = "<script>alert(1)</script>"


def now() -> datetime:
    return datetime.now(UTC)


def weak(volts: float) -> dict[str, Any]:
    """Cells of a sample, the fifth of which has these volts."""
    cells = [float(cell) for cell in CELLS]
    return {"volts": [*cells[:4], volts, *cells[5:]], "open": [3, 7]}


def text(client: FlaskClient, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200
    return reply.get_data(as_text=True)


def dock(page: str, number: int) -> str:
    """The words in a dock."""
    found = re.search(rf'<li class="dock" id="dock-{number}".*?</li>', page, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<title>.*?</title>|<[^>]*>", " ", found[0]).split())


def state(page: str, number: int) -> tuple[str, str]:
    """How a dock looks: its level, and its state."""
    found = re.search(rf'id="dock-{number}"[^>]*data-level="(\w+)" data-state="(\w+)"', page)
    assert found
    return found[1], found[2]


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    """Two cabinets with a pack in each state."""
    site = Site(organisation.id)
    site.pms(cabinets=2)
    cases = {"0241": 1, "0242": 2, "0243": 3, "0244": 4, "0245": 5, "0246": 6, "0247": 7}
    with site.at_once() as new:
        new.cases(cases, "PMS-1-A")
        new.case("0250", "PMS-1-B", 1)
    samples = [
        pack_sample("0241", now(), dock=1, amps=2.0, cell=weak(3.6)),
        pack_sample("0242", now(), dock=2, fet={"open": [2], "temp": [34.0, 35.0]}),
        pack_sample("0243", now() - timedelta(minutes=21), dock=3),
        pack_sample("0244", now(), dock=99),
        pack_sample("0245", now(), dock=5),
        pack_sample(HEX_BOARD, now(), dock=8),
        pack_sample("0250", now(), dock=13),
    ]
    report(client, organisation.headers, *samples)
    # Corrected to have been in dock 10 all the time, though it reported dock 5.
    site.install(("case", "0245"), ("cabinet", "PMS-1-A"), at=now() - timedelta(hours=1), place=10)
    log_in(client, organisation)
    return site


def test_a_dock_shows_the_figures_of_its_pack(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms/PMS-1")
    # 14 cells of 51.164 V less 3.651 V plus 3.6 V; the spread is from 3.6 to 3.669 V.
    assert re.fullmatch(
        r"Dock 1 0241 Cell 5: −55 mV \d s ago Voltage 51\.1 V Current ↑ 2\.0 A charging "
        r"Hottest 35\.0 °C Cell spread Δ 69 mV 2 cells open: 3, 7",
        dock(page, 1),
    )
    assert "↓ 0.6 A discharging" in dock(page, 13)
    assert "Cells: weakest 5, 3.600 V; strongest 4, 3.669 V." in page
    assert "<title>Cell 3: 3.647 V, open</title>" in page
    assert re.search(r"Bars: cells 1 to 14, all from 3\.60 to 3\.70 V\.", page)
    assert "Time zone: Asia/Jakarta (UTC+07:00)" in page


def test_a_pack_that_came_lately_says_since_when(site: Site, client: FlaskClient) -> None:
    site.install(("case", "0247"), ("cabinet", "PMS-1-A"), at=now() - timedelta(days=8), place=11)
    page = text(client, "/pms/PMS-1")
    assert re.search(r"here since \d{4}-\d\d-\d\d \d\d:\d\d ", dock(page, 10))
    assert all("here since" not in dock(page, n) for n in (1, 2, 4, 11))


def test_docks_in_each_state_look_different(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms/PMS-1")
    assert {n: state(page, n) for n in (1, 2, 3, 4, 6, 8, 9, 10, 13)} == {
        1: ("warn", "weak_cell"),
        2: ("bad", "fet_open"),
        3: ("silent", "silent"),
        4: ("warn", "unallocated"),
        6: ("none", "never"),
        8: ("warn", "unknown_pack"),
        9: ("none", "empty"),
        10: ("warn", "wrong_place"),
        13: ("good", "ok"),
    }
    assert "FET 2 open" in dock(page, 2)
    assert "Silent 21 min ago" in dock(page, 3)
    assert "No dock (99)" in dock(page, 4)
    assert dock(page, 9) == "Dock 9 Empty Install here Dock 9"
    assert "Reports dock 5" in dock(page, 10)


def test_a_retired_pack_that_reports_is_named_in_its_dock(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    site.retire(("case", "0250"), now() - timedelta(minutes=30))
    site.register("mppt", "MPPT-1")
    site.retire(("mppt", "MPPT-1"), now() - timedelta(minutes=30))
    page = text(client, "/pms/PMS-1")
    assert dock(page, 13) == "Dock 13 0250 Reports although it is retired"
    assert '<a href="#elsewhere-0250">' in page and 'id="elsewhere-0250"' in page
    assert "Reports to PMS-1" not in page
    fleet = text(client, "/pms")
    assert "Reports although it is retired" in fleet
    assert re.search(r"Retired since \d{4}-", fleet)
    assert ", 1 needs attention" in fleet
    assert "Retired, and does not report" in text(client, "/pms/mppt/MPPT-1")
    assert "Dipensiunkan sejak" in text(client, "/pms?lang=id")


def test_a_pack_whose_cells_are_in_millivolts_is_unread(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    volts = [3793] * 13 + [2400]
    cell = {"volts": volts, "open": []}
    report(client, organisation.headers, pack_sample("0247", now(), dock=7, cell=cell))

    page = text(client, "/pms/PMS-1")
    assert state(page, 7) == ("warn", "unread")
    assert "Cells unread" in dock(page, 7)
    assert "Cells unread" in text(client, "/pms/case/0247")
    assert "Sel tidak terbaca" in text(client, "/pms/case/0247?lang=id")
    assert "0247: Cells unread" in page


def test_what_is_the_matter_leads_to_its_dock(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms/PMS-1")
    found = re.findall(r'<li id="finding-\w+"><a href="#(dock-\d+)">\s*<span[^>]*>([^<]+)', page)
    assert [(to, re.sub(r"since .*", "since …", words)) for to, words in found] == [
        ("dock-2", "0242: FET 2 open"),
        ("dock-3", "0243: Silent since …"),
        ("dock-1", "0241: Cell 5 is 55 mV below the others"),
        ("dock-10", "0245: Reports dock 5"),
        ("dock-8", "&lt;script&gt;alert(1)&lt;/script&gt;: Unknown pack"),
        ("dock-4", "0244: No dock (99)"),
        ("dock-6", "0246: No reading yet, and 1 more"),
    ]


def test_the_worst_cells_lead_to_their_packs(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms/PMS-1")
    table = page[page.index('id="worst-cells"') :]
    found = re.findall(r'<a href="/pms/case/(\d+)\?cell=(\d+)">', table)
    assert found[0] == ("0241", "5")
    assert "54.8" in table[: table.index("</tr>", table.index("is-weak"))]


def test_an_id_with_a_script_in_it_is_only_text(site: Site, client: FlaskClient) -> None:
    assert HEX_BOARD not in text(client, "/pms/PMS-1")
    assert "<script" not in client.get("/pms/PMS-1?live=1").get_json()["html"]


def test_it_is_told_when_nothing_is_new(site: Site, client: FlaskClient) -> None:
    first = client.get("/pms/PMS-1?live=1")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/pms/PMS-1?live=1", headers=known).status_code == 304


def test_a_pms_of_any_name_has_a_page(site: Site, client: FlaskClient) -> None:
    site.register("pms", "case", "a/b")
    assert "<h1>case</h1>" in text(client, "/pms/pms/case")
    assert "<h1>a/b</h1>" in text(client, "/pms/pms/a/b")
    fleet = text(client, "/pms")
    assert 'href="/pms/pms/case"' in fleet
    assert 'href="/pms/pms/a%2Fb"' in fleet


def test_another_organisation_sees_nothing(
    site: Site, client: FlaskClient, other_organisation: Organisation
) -> None:
    client.get("/logout")
    assert client.get("/pms/PMS-1").status_code == 302
    log_in(client, other_organisation)
    for query in ("", "?live=1", f"?organisation={site.account_id}"):
        reply = client.get(f"/pms/PMS-1{query}")
        assert reply.status_code == 404
        assert "0241" not in reply.get_data(as_text=True)


def test_it_is_there_in_indonesian(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms/PMS-1?lang=id")
    assert "Tegangan 51,1 V Arus ↑ 2,0 A mengisi" in dock(page, 1)
    assert dock(page, 9) == "Dok 9 Kosong Pasang di sini Dok 9"


def test_it_follows_a_new_reading_within_five_seconds(
    member: Visitor, site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    page = member.open("/pms/PMS-1", ready="#dock-1")
    page.locator("#dock-2 .dock-case").focus()
    page.evaluate("document.getElementById('dock-2').dataset.mine = 'yes'")
    page.evaluate("window.mine = document.getElementById('dock-13')")
    report(client, organisation.headers, pack_sample("0250", now(), dock=13, amps=-7.25))
    page.locator("#dock-13").get_by_text("7.2 A").wait_for(timeout=5_000)
    # What was there stays there, and so does the reader's place in it.
    assert page.evaluate("window.mine === document.getElementById('dock-13')")
    assert page.evaluate("document.activeElement.textContent") == "0242"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    new_visitor: NewVisitor, site: Site, organisation: Organisation, scheme: str
) -> None:
    with new_visitor(color_scheme=scheme) as visit:
        visit.log_in(organisation)
        assert axe(visit.open("/pms/PMS-1", ready="#dock-1"), leave_out=FRAME) == []


def widths(page: Page, selector: str) -> set[int]:
    script = f"[...document.querySelectorAll('{selector}')].map(e => e.getBoundingClientRect())"
    return {round(box["width"]) for box in page.evaluate(script)}


def test_a_cabinet_is_as_wide_as_a_phone(
    new_visitor: NewVisitor, site: Site, organisation: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open("/pms/PMS-1", ready="#dock-1")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert min(widths(page, ".cabinet")) > 350
        page.get_by_role("navigation", name="Cabinets").get_by_role("link").last.click()
        assert page.url.endswith("#cabinet-2")
