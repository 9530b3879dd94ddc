"""The page of a pack."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from playwright.sync_api import Page
from support.browser import Hand, Visitor, axe
from support.session import log_in
from support.site import AUTHOR, Site, commit
from support.telemetry import NOON, pack_sample, request

from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.order import Order

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
READY = "#charts-grid[data-step]"
CELLS = [3.7] * 14
CELLS[4] = 3.65


class Pack:
    """A pack with a weak cell that was moved from dock 1 to dock 2 three hours ago."""

    def __init__(self, client: FlaskClient, organisation: Organisation) -> None:
        self.organisation = organisation
        self.client = client
        self.now = datetime.now(UTC).replace(microsecond=0, second=0)
        self.moved = self.now - 3 * HOUR
        self.site = site = Site(organisation.id)
        with site.at_once() as new:
            new.pms()
            new.case("0241")
        site.install(("case", "0241"), ("cabinet", "PMS-1-A"), place=1)
        site.register("fet-board", "FET-1", "FET-2")
        site.install(("fet-board", "FET-1"), ("case", "0241"))
        self.send(*(self.moved - n * MINUTE for n in range(1, 121)), dock=1)
        site.install(("case", "0241"), ("cabinet", "PMS-1-A"), place=2, at=self.moved)
        self.send(*(self.moved + n * MINUTE for n in range(1, 180)), dock=2)

    def send(self, *times: datetime, **changed: Any) -> None:
        cell = {"volts": CELLS, "open": [3]}
        samples = [pack_sample("0241", time, **{"cell": cell, **changed}) for time in times]
        reply = self.client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=self.organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)


@pytest.fixture
def pack(client: FlaskClient, organisation: Organisation) -> Pack:
    return Pack(client, organisation)


@pytest.fixture
def logged_in(client: FlaskClient, organisation: Organisation) -> None:
    log_in(client, organisation)


def open_page(member: Visitor, query: str = "") -> Page:
    page = member.open(f"/pms/case/0241{query}")
    page.locator(READY).wait_for(state="attached")
    return page


def shown(page: Page) -> tuple[datetime, datetime]:
    """The time that the address says."""
    query = parse_qs(urlsplit(page.url).query)
    start, end = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
    return start, end


def saved(page: Page, chart: str, tmp_path: Path) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.locator(f'[data-save="csv"][data-chart="chart-{chart}"]').click()
    path = tmp_path / f"{chart}.csv"
    download.value.save_as(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_newest_figures_and_the_life_are_in_the_page_itself(
    pack: Pack, client: FlaskClient, logged_in: None
) -> None:
    text = client.get("/pms/case/0241").get_data(as_text=True)
    for figure in ("51.75", "0.62", "35.0", "Cell 5 is 50 mV below the others"):
        assert figure in text
    assert "dock 1, PMS-1-A" in text
    assert "dock 2, PMS-1-A" in text
    assert "FET-1" in text
    assert "Asia/Jakarta (UTC+07:00)" in text


def test_a_pack_that_never_reported_says_so(client: FlaskClient, organisation: Organisation,
                                            logged_in: None) -> None:  # fmt: skip
    Site(organisation.id).case("0299")
    text = client.get("/pms/case/0299").get_data(as_text=True)
    assert "This pack has not reported yet." in text
    assert "Installed nowhere" in text


def test_a_life_without_a_recorded_start_begins_with_what_is_known(
    client: FlaskClient, organisation: Organisation, logged_in: None
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0299", "PMS-1-A", 3)
    text = client.get("/pms/case/0299").get_data(as_text=True)
    life = text.split('id="life-title"', 1)[1].split("life-events", 1)[0]
    assert "from the beginning" not in life
    assert "at the latest, the start is not recorded" in life
    (left, *_others) = re.findall(r'style="left: ([\d.]+)%', life)
    assert float(left) > 4


def test_recorded_changes_say_in_which_pms_a_dock_is(
    client: FlaskClient, organisation: Organisation, logged_in: None
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-5")
        new.pms("PMS-6")
        new.case("0299", "PMS-5-A", 3)
    site.install(("case", "0299"), ("cabinet", "PMS-6-A"), NOON, 4)
    for path in ("/pms/case/0299", "/pms/registry/case/0299"):
        text = client.get(path).get_data(as_text=True)
        assert (
            "to dock 4 of cabinet PMS-6-A, PMS PMS-6, from dock 3 of cabinet PMS-5-A, PMS" in text
        )


def test_a_retired_pack_is_not_called_normal(
    pack: Pack, client: FlaskClient, organisation: Organisation, logged_in: None
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.case("0299")
        new.case("0298", "PMS-1-A", 5)
    now = datetime.now(UTC)
    reported = pack_sample("0298", now, **{"pack.dock": 5})
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, reported),
        headers=organisation.headers,
        content_type="application/json",
    )
    order = Order(AUTHOR, account_id=organisation.id)
    for ident, state in (("0299", "Retired, and does not report"),
                         ("0298", "Reports although it is retired")):  # fmt: skip
        commit(orders.retire(order, ident, kind="case", with_packs=True))
        text = client.get(f"/pms/case/{ident}").get_data(as_text=True)
        now_shown = text.split('class="pack-state"', 1)[1].split("</p>", 1)[0]
        assert state in now_shown
        assert "Normal" not in now_shown


def test_what_waits_in_quarantine_is_told(pack: Pack, client: FlaskClient, logged_in: None) -> None:
    pack.send(pack.moved + MINUTE, dock=2, amps=99.9)
    text = client.get("/pms/case/0241").get_data(as_text=True)
    assert "In quarantine" in text
    assert "1 sample waits: Contradicts an earlier reading" in text


def test_by_default_the_newest_readings_show_however_old(
    client: FlaskClient, organisation: Organisation, logged_in: None
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, pack_sample("0241")),
        headers=organisation.headers,
        content_type="application/json",
    )
    text = client.get("/pms/case/0241").get_data(as_text=True)
    assert '"start": "2026-02-28T12:00:10+00:00"' in text
    assert '"end": "2026-03-01T12:00:10+00:00"' in text
    assert '"follows": false' in text


@pytest.mark.parametrize(
    "query",
    ["start=x", "start=2026-03-01T12:00:00Z&end=2026-03-01T12:00:00Z", "period=1y", "charts=x",
     "start=1900-01-01T00:00:00Z&end=2026-03-01T12:00:00Z"],
)  # fmt: skip
def test_a_time_that_can_not_be_shown_is_refused(
    pack: Pack, client: FlaskClient, logged_in: None, query: str
) -> None:
    assert client.get(f"/pms/case/0241?{query}").status_code == 400


@pytest.mark.parametrize("query", ["start=2099-01-01T00:00Z",
                                   "start=2099-01-01T00:00Z&end=2099-01-02T00:00Z"])  # fmt: skip
def test_a_period_in_the_future_is_refused_in_true_words(
    pack: Pack, client: FlaskClient, logged_in: None, query: str
) -> None:
    reply = client.get(f"/pms/case/0241?{query}")
    assert reply.status_code == 400
    text = reply.get_data(as_text=True)
    assert "The period begins in the future: choose an earlier start." in text


def test_another_organisation_finds_no_such_pack(
    pack: Pack, client: FlaskClient, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    theirs = client.get("/pms/case/0241")
    assert theirs.status_code == 404
    assert client.get("/pms/case/0241?live=1").status_code == 404
    assert "PMS-1" not in theirs.get_data(as_text=True)


def test_charts_show_the_weakest_cell_and_can_be_saved(
    pack: Pack, member: Visitor, tmp_path: Path
) -> None:
    page = open_page(member)

    card = page.locator("#card-cells")
    assert card.get_attribute("data-weakest") == "cell 05 voltage"
    assert "Cell 5 is the weakest: on average 50.0 mV below the others." in card.inner_text()
    rows = saved(page, "cells", tmp_path)
    assert {row["cell 05 voltage [V]"] for row in rows} == {"3.65"}
    assert {row["cell 01 voltage [V]"] for row in rows} == {"3.7"}
    assert rows[0]["time"].endswith("+07:00")
    docks = saved(page, "dock", tmp_path)
    assert [row["dock"] for row in docks] == sorted(row["dock"] for row in docks)
    with page.expect_download() as png:
        page.locator('[data-save="png"][data-chart="chart-cells"]').click()
    assert png.value.suggested_filename == "0241_cells.png"
    assert axe(page) == []


def test_zooming_in_fetches_what_the_screen_needs_and_goes_back(
    pack: Pack, member: Visitor
) -> None:
    page = open_page(member)
    grid = page.locator("#charts-grid")
    assert grid.get_attribute("data-step") == "120000"

    page.locator("#chart-current").scroll_into_view_if_needed()
    box = page.locator("#chart-current").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.9, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.96, middle, steps=4)
    page.mouse.up()

    page.locator('#charts-grid[data-step="0"]').wait_for(state="attached")
    start, end = shown(page)
    assert pack.now - 4 * HOUR < start < end < pack.now + MINUTE
    assert "Single readings, not averaged." in page.locator("#charts-note").inner_text()
    page.get_by_role("button", name="Back").click()
    page.locator('#charts-grid[data-step="120000"]').wait_for(state="attached")
    assert "period=24h" in page.url


def test_a_click_on_a_swap_moves_the_charts_there(
    pack: Pack, member: Visitor, tmp_path: Path
) -> None:
    page = open_page(member)
    page.get_by_role("link", name="dock 2, PMS-1-A").click()
    page.locator('#charts-grid[data-step="0"]').wait_for(state="attached")

    assert shown(page) == (pack.moved - 3 * HOUR, pack.moved + 3 * HOUR)
    docks = saved(page, "dock", tmp_path)
    assert (docks[0]["dock"], docks[-1]["dock"]) == ("1", "2")
    again = member.open(page.url.removeprefix(member.live))
    again.locator(READY).wait_for(state="attached")
    assert shown(again) == (pack.moved - 3 * HOUR, pack.moved + 3 * HOUR)


def test_charts_can_be_left_out(pack: Pack, member: Visitor) -> None:
    page = open_page(member, "?charts=cells")
    assert page.locator(".chart-card:visible").count() == 1
    page.get_by_role("checkbox", name="Pack current").check()
    page.locator("#chart-current canvas").wait_for()
    assert "charts=cells%2Ccurrent" in page.url


def test_a_new_reading_is_followed(pack: Pack, member: Visitor) -> None:
    page = open_page(member, "?period=1h")
    pack.send(datetime.now(UTC), dock=2, amps=7.25)
    page.locator(".pack-figures", has_text="7.25").wait_for(timeout=5_000)


def test_it_works_on_a_phone_and_in_indonesian(pack: Pack, new_visitor: Any, phone: Any,
                                               organisation: Organisation) -> None:  # fmt: skip
    with new_visitor(**phone, color_scheme="dark") as visit:
        visit.log_in(organisation)
        page = open_page(visit, "?lang=id")
        assert "Sel 5 adalah yang terlemah" in page.locator("#card-cells").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert axe(page) == []


def table(page: Page, chart: str) -> list[list[str]]:
    """The table below a chart, row by row, with its heads."""
    found: list[list[str]] = page.locator(f'[data-table="{chart}"] tr').evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


def test_the_figures_of_a_chart_can_be_read_as_a_table(pack: Pack, member: Visitor) -> None:
    page = open_page(member)
    cells = page.locator('[data-table="cells"]')
    assert cells.locator("table").count() == 0
    cells.locator("summary").focus()
    page.keyboard.press("Enter")
    cells.locator("table").wait_for()

    caption = cells.locator("caption").inner_text()
    assert caption.startswith("Cell voltage [V], from 20")
    assert caption.endswith("time zone Asia/Jakarta")
    heads, *rows = table(page, "cells")
    assert heads[:3] == ["Time", "Cell 1", "Cell 2"]
    assert {row[5] for row in rows} == {"3.650"}
    assert {row[1] for row in rows} == {"3.700"}
    assert cells.locator("tbody th[scope=row]").count() == len(rows) == 50
    assert "tables=cells" in page.url
    assert axe(page) == []


def test_a_column_of_several_readings_has_its_mean_lowest_and_highest(
    pack: Pack, member: Visitor
) -> None:
    pack.send(pack.moved + 90 * MINUTE + timedelta(seconds=20), dock=2, amps=-9.5)
    page = open_page(member, "?tables=current")
    current = page.locator('[data-table="current"]')
    for _ in range(2):
        current.get_by_role("button", name="Later rows").click()
    heads, parts, *rows = table(page, "current")
    assert heads == ["Time", "Pack current"]
    assert parts == ["mean", "lowest", "highest"]
    assert current.locator("thead th[scope=colgroup][colspan='3']").count() == 1
    (odd,) = (row for row in rows if row[2] != row[3])
    assert odd[2] == "−9.50"
    assert float(odd[2].replace("−", "-")) < float(odd[1].replace("−", "-")) < 0
    assert axe(page) == []


def test_a_long_table_is_read_page_by_page_by_keyboard(pack: Pack, member: Visitor) -> None:
    page = open_page(member, "?tables=current")
    part = page.locator('[data-table="current"]')
    part.locator("table").wait_for()
    said = part.get_by_role("status")
    _, *first = table(page, "current")
    assert said.inner_text().startswith("Rows 1 to 50 of 1")
    part.get_by_role("button", name="Later rows").press("Enter")
    assert said.inner_text().startswith("Rows 51 to 100 of 1")
    _, *second = table(page, "current")
    assert first[-1][0] < second[0][0]
    part.get_by_role("button", name="Earlier rows").press("Enter")
    assert table(page, "current")[1:] == first


def test_states_are_told_in_words_and_a_table_follows_the_chosen_time(
    pack: Pack, member: Visitor
) -> None:
    page = open_page(member, "?tables=open,dock&charts=open,dock")
    page.locator('[data-table="open"] table').wait_for()
    heads, *rows = table(page, "open")
    assert {row[heads.index("Cell 3")] for row in rows} <= {"open", "–"}
    assert {row[heads.index("Cell 2")] for row in rows} <= {"closed", "–"}
    caption = page.locator('[data-table="dock"] caption')
    before = caption.inner_text()
    page.get_by_role("button", name="Zoom in").click()
    part = page.locator('[data-table="dock"]')
    part.get_by_text("No readings in this period.").wait_for()
    page.get_by_role("button", name="Back").click()
    caption.wait_for()
    assert caption.inner_text() == before


def test_a_table_that_is_shown_is_printed_whole(pack: Pack, member: Visitor) -> None:
    page = open_page(member, "?tables=current")
    page.locator('[data-table="current"] table').wait_for()
    part = page.locator('[data-table="current"] .pms-scroll')
    clipped = "one => one.scrollHeight > one.clientHeight"
    assert part.evaluate(clipped)
    page.emulate_media(media="print")
    assert not part.evaluate(clipped)
    assert not page.locator('[data-table="cells"]').is_visible()
    assert page.locator('[data-table="current"] caption').is_visible()


def test_the_browsers_back_undoes_zooms_one_by_one(pack: Pack, member: Visitor) -> None:
    page = open_page(member)
    page.get_by_role("button", name="Zoom in").click()
    first = shown(page)
    page.get_by_role("button", name="Earlier", exact=False).first.click()
    assert shown(page) != first
    page.go_back()
    page.wait_for_url(lambda url: "period=" not in url)
    assert shown(page) == first
    page.go_back()
    page.locator('#charts-grid[data-step="120000"]').wait_for(state="attached")
    assert "start=" not in page.url
    page.go_forward()
    page.wait_for_url(lambda url: "start=" in url)
    assert shown(page) == first


def test_at_the_shortest_period_zooming_in_leaves_the_history_alone(
    pack: Pack, member: Visitor
) -> None:
    page = open_page(member, "?start=2026-03-01T12:00:00Z&end=2026-03-01T12:00:11Z")
    before = page.evaluate("history.length")
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    assert lasting(page) == timedelta(seconds=10)
    assert page.evaluate("history.length") == before + 1


def test_a_fixed_period_stays(pack: Pack, member: Visitor) -> None:
    start, end = (
        (pack.now - before).isoformat().replace("+00:00", "Z")
        for before in (30 * 24 * HOUR, 3 * HOUR)
    )
    asked: list[str] = []
    page = member.page
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    member.reusable = False
    open_page(member, f"?charts=current&start={start}&end={end}")
    page.clock.run_for(125_000)
    page.wait_for_timeout(300)
    ends = {parse_qs(urlsplit(url).query)["end"][0] for url in asked if "/history?" in url}
    assert {datetime.fromisoformat(one) for one in ends} == {pack.now - 3 * HOUR}


def test_the_address_says_where_a_period_has_moved(pack: Pack, member: Visitor) -> None:
    page = member.page
    page.clock.install()
    member.reusable = False
    now = datetime.now(UTC).replace(microsecond=0)
    start, end = ((now - n * 24 * HOUR).isoformat().replace("+00:00", "Z") for n in (1, 0))
    open_page(member, f"?charts=current&start={start}&end={end}")
    first = page.get_by_label("to", exact=True).input_value()
    page.clock.run_for(130_000)
    assert shown(page)[1] > now + MINUTE
    assert lasting(page) == 24 * HOUR
    assert page.get_by_label("to", exact=True).input_value() > first


def lasting(page: Page) -> timedelta:
    start, end = shown(page)
    return end - start


def test_fingers_move_and_zoom_a_chart(
    pack: Pack, new_visitor: Any, phone: Any, organisation: Organisation
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = open_page(visit, "?charts=current")
        hand = Hand(page, "#chart-current")
        hand.go([0.3], [0.8])
        page.wait_for_url(lambda url: "start=" in url)
        assert lasting(page) == 24 * HOUR
        _, end = shown(page)
        assert end < pack.now - 8 * HOUR
        page.go_back()
        page.wait_for_url(lambda url: "start=" not in url)
        hand.go([0.4, 0.6], [0.2, 0.8])
        page.wait_for_url(lambda url: "start=" in url)
        assert 7 * HOUR < lasting(page) < 9 * HOUR


def test_a_tap_shows_the_values_of_a_chart(
    pack: Pack, new_visitor: Any, phone: Any, organisation: Organisation
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = open_page(visit, "?charts=current&period=1h")
        page.locator("#chart-current").tap(position={"x": 200, "y": 100})
        page.locator(".chart-tooltip").wait_for()


def test_a_chart_that_shows_now_follows_whatever_its_period(pack: Pack, member: Visitor) -> None:
    start = (pack.now - HOUR).isoformat().replace("+00:00", "Z")
    page = open_page(member, f"?charts=current&start={start}&end=2100-01-01T00:00Z&tables=")
    pack.send(datetime.now(UTC), dock=2, amps=7.25)
    for _ in range(100):
        highest = page.evaluate(
            """() => Math.max(...echarts.getInstanceByDom(document.getElementById("chart-current"))
              .getOption().series[0].data.map(([, value]) => value))"""
        )
        if highest == 7.25:
            break
        page.wait_for_timeout(200)
    assert highest == 7.25


def test_a_picture_says_what_it_shows(pack: Pack, member: Visitor) -> None:
    page = open_page(member, "?start=2026-03-01T12:00Z&end=2026-03-01T13:00Z")
    page.evaluate(
        """() => {
          window.drawn = [];
          const draw = CanvasRenderingContext2D.prototype.fillText;
          CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
            window.drawn.push(text);
            return draw.call(this, text, ...more);
          };
        }"""
    )
    with page.expect_download():
        page.locator('[data-save="png"][data-chart="chart-cells"]').click()
    said = page.evaluate("window.drawn")[-3:]
    assert said == [
        "Cell voltage [V]",
        "Pack 0241",
        "2026-03-01 19:00:00 – 2026-03-01 20:00:00, Asia/Jakarta (UTC+07:00)",
    ]


def test_charts_share_the_moment_below_the_pointer(pack: Pack, member: Visitor) -> None:
    page = open_page(member)
    page.locator("#chart-current").hover(position={"x": 300, "y": 100})
    lines = page.locator(".chart-crosshair:visible")
    assert lines.count() == page.locator(".chart-card:visible").count()
    page.mouse.move(5, 5)
    assert lines.count() == 0


def test_the_toolbar_stays_while_the_charts_scroll(pack: Pack, member: Visitor) -> None:
    page = open_page(member)
    page.locator(".chart-card:visible").last.scroll_into_view_if_needed()
    tools = page.get_by_role("button", name="Zoom in").bounding_box()
    assert tools and 0 <= tools["y"] < 100


PAPER = 794 - 2 * 46  # CSS pixels of A4 without its margins


def test_a_print_has_whole_charts_on_white(
    pack: Pack, new_visitor: Any, organisation: Organisation
) -> None:
    with new_visitor(color_scheme="dark") as visit:
        visit.log_in(organisation)
        page = open_page(visit)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait_for_timeout(50)
        widths = page.locator(".pms-chart:visible").evaluate_all(
            "all => all.map((one) => echarts.getInstanceByDom(one).getWidth())"
        )
        assert widths and max(widths) <= PAPER
        labels = page.evaluate(
            """() => echarts.getInstanceByDom(document.getElementById("chart-current"))
              .getOption().xAxis[0].axisLabel.color"""
        )
        assert labels == "#1c2430"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("html").get_attribute("data-bs-theme") == "dark"
