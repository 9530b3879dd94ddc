"""The map of cells in a browser: scrubbing, by slider, keys and play."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect
from support.browser import Hand, Visitor, axe
from support.site import Site
from support.telemetry import at, pack_sample, request

HOUR = "start=2026-03-01T12:00Z&end=2026-03-01T13:00Z"
URL = f"/pms/PMS-1/cells?{HOUR}"
NewVisitor = Callable[..., AbstractContextManager[Visitor]]


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """Two packs in two cabinets; cell 5 of 0241 sinks from 3.7 V by a millivolt a minute."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-B", 1)
    samples = []
    for minute in range(61):
        cells = [3.7] * 14
        cells[4] -= minute / 1000
        cell = {"volts": [round(volts, 3) for volts in cells], "open": [2] if minute > 30 else []}
        samples.append(pack_sample("0241", at(minute), cell=cell))
        if minute < 20:
            samples.append(pack_sample("0242", at(minute), dock=13))
    reply = client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )
    assert reply.get_json()["receipt"]["stored"] == 81
    return site


@pytest.fixture
def opened(new_visitor: NewVisitor, organisation: Organisation, site: Site) -> Any:
    with new_visitor() as visit:
        visit.log_in(organisation)

        def open_page(path: str = URL, *, stop_time: bool = False) -> Page:
            page = visit.open(path, ready="#pms-cells-chart canvas")
            if stop_time:
                visit.stop_time()
            return page

        yield open_page


def drawn(page: Page) -> Any:
    """The options of the map."""
    return page.evaluate(
        "echarts.getInstanceByDom(document.getElementById('pms-cells-chart')).getOption()"
    )


def cell(page: Page, pack: int, number: int) -> str:
    row = page.locator(".pms-cells-table tbody tr").nth(pack)
    return row.locator("td.pms-number").nth(number - 1).text_content() or ""


def slide(page: Page, column: int) -> None:
    page.locator("#pms-slider").fill(str(column))


def test_the_slider_scrubs_through_history(opened: Any) -> None:
    page = opened(f"{URL}&quantity=difference")
    moment = page.locator("#pms-moment")
    expect(moment).to_have_text("2026-03-01 20:00:00")
    assert (cell(page, 0, 1), cell(page, 0, 5), cell(page, 1, 1)) == ("60", "0", "–")

    slide(page, 39)  # the 40th of 240 columns of 15 s ends 10 minutes after noon

    expect(moment).to_have_text("2026-03-01 19:10:00")
    assert page.locator("#pms-slider").get_attribute("aria-valuetext") == "2026-03-01 19:10:00"
    assert (cell(page, 0, 1), cell(page, 0, 5)) == ("10", "0")
    assert cell(page, 1, 1) != "–"
    query = parse_qs(urlsplit(page.url).query)
    assert query["at"] == ["2026-03-01T12:10:00.000Z"]
    assert query["quantity"] == ["difference"]
    page.reload()
    expect(moment).to_have_text("2026-03-01 19:10:00")


def test_it_works_by_keys_alone(opened: Any) -> None:
    page = opened()
    page.locator("#pms-slider").focus()
    page.keyboard.press("Home")
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:00:15")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:00:30")
    page.locator("#pms-back").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:00:15")


def test_play_goes_on_until_it_is_stopped(opened: Any) -> None:
    page = opened(stop_time=True)
    play = page.locator("#pms-play")
    play.click()
    expect(play).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:00:15")
    page.clock.run_for(2 * 1200)  # for who wants little motion it goes slowly
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:00:45")
    play.click()
    page.clock.run_for(5000)
    expect(play).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:00:45")


def test_the_map_draws_values_and_gaps_and_leads_to_the_pack(opened: Any) -> None:
    page = opened(f"{URL}&quantity=voltage")
    option = drawn(page)
    cells, gaps = option["series"]
    assert option["xAxis"][0]["data"] == ["1 · 0241", "", "13 · 0242"]
    assert len(cells["data"]) == 14 and len(gaps["data"]) == 14
    assert [one["value"] for one in cells["data"] if one["label"]["show"]] == [[0, 4, 3640]]
    page.locator("#pms-cells-chart").click(position={"x": 100, "y": 60})
    page.wait_for_url(re.compile(r"/pms/case/0241\?start="))


def test_after_a_move_the_place_of_the_reading_is_drawn(opened: Any, site: Site) -> None:
    site.install(("case", "0241"), ("cabinet", "PMS-1-A"), at(50), 2)
    page = opened("/pms/PMS-1/cells?start=2026-03-01T00:55Z&end=2026-03-01T12:55Z")
    option = drawn(page)  # the newest full quarter ended before the pack was moved
    assert option["xAxis"][0]["data"] == ["1 · 0241", "2 · 0241", "", "13 · 0242"]
    cells, gaps = option["series"]
    assert {one["value"][0] for one in cells["data"]} == {0}
    assert {place for place, _cell in gaps["data"]} == {3}


def test_it_opens_on_the_deviation_with_the_limit_on_a_fixed_scale(opened: Any) -> None:
    page = opened()
    assert page.get_by_label("Quantity").input_value() == "deviation"
    option = drawn(page)
    cells = option["series"][0]["data"]
    assert [one["value"] for one in cells if one["label"]["show"]] == [[0, 4, -60]]
    scale = option["visualMap"][0]
    assert (scale["min"], scale["max"]) == (-60, 60)
    said = [part.get("style", {}).get("text") for part in option["graphic"][0]["elements"]]
    assert "limit −30 mV" in said


def test_the_last_moment_is_not_blank_with_thirteen_packs(
    opened: Any, site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    packs = {f"03{n:02}": n for n in range(2, 13)}
    site.cases(packs, "PMS-1-A")
    samples = [pack_sample(case, at(60), dock=dock) for case, dock in packs.items()]
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )
    page = opened()
    assert page.locator("#pms-slider").get_attribute("max") == "220"  # 221 columns: no whole ms
    assert len(drawn(page)["series"][0]["data"]) == (1 + len(packs)) * 14


def test_another_quantity_and_order_keep_the_moment(opened: Any) -> None:
    page = opened()
    slide(page, 39)
    moment = page.locator("#pms-moment")
    page.get_by_label("Quantity").select_option("voltage")
    page.wait_for_url(re.compile("quantity=voltage"))
    expect(moment).to_have_text("2026-03-01 19:10:00")
    slide(page, 79)
    page.get_by_role("link", name="Below the others").click()
    page.wait_for_url(re.compile("order=below"))
    expect(moment).to_have_text("2026-03-01 19:20:00")
    assert page.get_by_label("Quantity").input_value() == "voltage"


def test_a_tap_shows_the_value_first_and_then_the_pack(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open(URL, ready="#pms-cells-chart canvas")
        place: Any = {"x": 200, "y": 50}
        page.locator("#pms-cells-chart").tap(position=place)
        expect(page.get_by_text("Tap again to see its pack.")).to_be_visible()
        assert page.url.startswith(visit.live + "/pms/PMS-1/cells")
        page.locator("#pms-cells-chart").tap(position=place)
        page.wait_for_url(re.compile(r"/pms/case/0241\?start="))


def test_at_another_moment_the_first_tap_shows_the_value_again(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open(URL, ready="#pms-cells-chart canvas")
        place: Any = {"x": 200, "y": 50}
        page.locator("#pms-cells-chart").tap(position=place)
        slide(page, 39)
        page.locator("#pms-cells-chart").tap(position=place)
        page.wait_for_timeout(500)
        assert page.url.startswith(visit.live + "/pms/PMS-1/cells")


def test_opening_it_leaves_its_address_and_links_alone(opened: Any) -> None:
    page = opened("/pms/PMS-1/cells")
    page.wait_for_timeout(500)
    assert page.url.endswith("/pms/PMS-1/cells")
    order = page.get_by_role("link", name="Below the others").get_attribute("href") or ""
    assert "start=2026-03-01T12" in order
    glossary = page.locator(".pms-foot").get_by_role("link", name="Glossary")
    assert "start=" not in (glossary.get_attribute("href") or "")
    slide(page, 39)
    page.wait_for_url(re.compile("at=2026-03-01T12%3A10"))


def test_another_period_does_not_keep_the_moment_of_the_one_before(opened: Any) -> None:
    page = opened(f"{URL}&at=2026-03-01T12:10Z")
    page.get_by_label("to", exact=True).fill("2026-03-01T19:30:00")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("end=2026-03-01T19"))
    assert "at=" not in urlsplit(page.url).query.replace("start=", "").split("&quantity")[0]
    expect(page.locator("#pms-moment")).to_have_text("2026-03-01 19:30:00")


def test_fingers_drag_through_the_moments_and_pinch_the_period(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open(URL, ready="#pms-cells-chart canvas")
        hand = Hand(page, "#pms-cells-strip")
        hand.go([0.9], [0.4])
        expect(page.locator("#pms-moment")).to_have_text(re.compile("2026-03-01 19:(29|30):"))
        hand.go([0.4, 0.6], [0.2, 0.8])
        page.wait_for_url(re.compile("start=2026-03-01T12%3A20"))


def test_fingers_above_each_other_or_taken_away_zoom_nothing(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open(URL, ready="#pms-cells-chart canvas")
        hand = Hand(page, "#pms-cells-chart")
        hand.go([0.5, 0.51], [0.5, 0.6], heights=([-50, 50], [-50, 50]))
        hand.go([0.5, 0.55], [0.4, 0.65])  # too near to say by how much
        hand.go([0.4, 0.6], [0.2, 0.8], last="touchCancel")
        page.wait_for_timeout(500)
        assert page.url.endswith(URL)
        hand.go([0.4, 0.6], [0.2, 0.8])
        page.wait_for_url(re.compile("start=2026-03-01T12%3A(39|40)"))


def test_the_map_can_be_saved(opened: Any) -> None:
    page = opened()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "time,dock,pack,cell,deviation [mV]"
    assert len(lines) == 1 + 240 * 2 * 14
    assert lines[-1] == "2026-03-01T13:00:00.000Z,13,0242,14,"


def test_on_a_phone_packs_go_down_and_nothing_scrolls_sideways(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone, color_scheme="dark") as visit:
        visit.log_in(organisation)
        page = visit.open(URL, ready="#pms-cells-chart canvas")
        option = drawn(page)
        assert option["yAxis"][0]["data"] == ["1 · 0241", "", "13 · 0242"]
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert axe(page) == []


@pytest.mark.parametrize("quantity", ["deviation", "voltage", "open", "temperature"])
def test_axe_finds_nothing_serious(opened: Any, quantity: str) -> None:
    page = opened(f"{URL}&quantity={quantity}")
    page.locator(".pms-cells-table summary").click()
    assert axe(page) == []


def test_the_strip_above_the_slider_can_be_read_as_a_table(opened: Any) -> None:
    page = opened(f"{URL}&quantity=difference")
    part = page.locator("#pms-strip-table")
    part.locator("summary").press("Enter")
    for _ in range(3):
        part.get_by_role("button", name="Later rows").press("Enter")
    row = part.locator("tbody tr").nth(9)  # the 160th of 240 columns ends 40 minutes after noon
    assert row.inner_text().split("\t") == ["2026-03-01 19:40:00", "40"]
    assert "[mV], Asia/Jakarta" in part.locator("caption").inner_text()
    assert axe(page) == []
