"""A rack coloured by a figure, now and at a past moment, and the ranking of its packs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from playwright.sync_api import expect
from support.browser import Visitor, axe
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import at, pack_sample

from flexmeasures_pms.overview.shading import SHADINGS

FRAME = ("#topnavbar", "footer")  # are FlexMeasures'


def volts(lowest: float) -> dict[str, Any]:
    """Cells of 3.7 V, the fifth of which has these volts."""
    return {"volts": [*[3.7] * 4, lowest, *[3.7] * 9], "open": []}


def samples(time: datetime) -> list[dict[str, Any]]:
    return [
        pack_sample("WEAK", time, dock=1, cell=volts(3.66), temp=[20.0, 20.0, 20.0]),
        pack_sample("HOT", time, dock=2, cell=volts(3.69), temp=[56.0, 20.0, 20.0]),
        pack_sample("LOW", time, dock=3, cell=volts(2.9), temp=[30.0, 20.0, 20.0]),
        pack_sample("OLD", time - timedelta(minutes=12), dock=4, cell=volts(3.7)),
    ]


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"WEAK": 1, "HOT": 2, "LOW": 3, "OLD": 4, "NEVER": 5}, "PMS-1-A")
    report(client, organisation.headers, *samples(at(0)), *samples(datetime.now(UTC)))
    return site


def shades(page: str) -> dict[int, tuple[str, str]]:
    """The colour of each pack, and its figure."""
    found = re.findall(
        r'id="dock-(\d+)"[^>]*data-shade="(\w+)".*?class="dock-shade">([^<]*)<', page, re.DOTALL
    )
    return {int(number): (shade, figure) for number, shade, figure in found}


def order(page: str) -> list[str]:
    return re.findall(r'<tr id="ranked-([\w-]+)"', page)


def test_the_scales_end_at_the_limits() -> None:
    steps = {name: shading.step for name, shading in SHADINGS.items()}
    assert [steps["voltage"](v) for v in (2.999, 3.0, 3.7, 4.2, 4.201, None)] == [
        "under", "0", "3", "5", "over", "none",
    ]  # fmt: skip
    assert [steps["deviation"](mv) for mv in (-9.0, 4.9, 5.0, 29.9, 30.0)] == [
        "0", "0", "1", "5", "over",
    ]  # fmt: skip
    assert [steps["temperature"](c) for c in (-5.0, 54.9, 55.0)] == ["0", "5", "over"]
    assert [steps["age"](s) for s in (0.0, 299.0, 300.0, 301.0)] == ["0", "5", "5", "over"]


def test_the_rack_is_coloured_by_what_the_address_says(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)

    def shown(colour: str) -> tuple[str, dict[int, tuple[str, str]]]:
        page = client.get(f"/pms/PMS-1?colour={colour}").text
        return page, shades(page)

    page, found = shown("voltage")
    # (13 x 3.7 V + 3.66 V) / 14; with one cell of 2.9 V, the bar of that cell is beyond the limit.
    assert found[1] == ("3", "3.697 V")
    assert found[4] == found[5] == ("none", "no data")
    assert 'class="bar bar-low" data-shade="under"' in page
    assert "below 3.0 V: too low" in page and "4.00 – 4.20 V" in page
    page, found = shown("deviation")
    assert (found[1], found[2]) == (("over", "40.0 mV"), ("2", "10.0 mV"))
    assert "30 mV or more: beyond the limit" in page
    page, found = shown("temperature")
    assert (found[1][0], found[2], found[3][0]) == ("0", ("over", "56.0 °C"), "2")
    assert "55 °C or more: hot" in page
    page, found = shown("age")
    assert (found[1][0], found[4], found[5][0]) == ("0", ("over", "12 min"), "none")
    assert 'aria-current="true">Age</a>' in page
    plain = client.get("/pms/PMS-1").text
    assert "data-shade" not in plain and "dock-shade" not in plain
    assert client.get("/pms/PMS-1?colour=taste").status_code == 400


def test_the_past_has_its_colours_too(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    then = "/pms/PMS-1?at=2026-03-01T19:02:00"
    page = client.get(f"{then}&colour=age").text
    assert shades(page)[1] == ("2", "120 s")
    assert shades(page)[4] == ("over", "14 min")
    assert '<input type="hidden" name="colour" value="age">' in page
    assert shades(client.get(f"{then}&colour=temperature").text)[2] == ("over", "56.0 °C")


def test_packs_and_cells_are_ranked(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)

    def ranked(by: str) -> tuple[str, list[str]]:
        page = client.get(f"/pms/PMS-1?rank={by}").text
        return page, order(page)

    assert ranked("deviation")[1] == ["LOW-5", "WEAK-5", "HOT-5"]
    assert ranked("temperature")[1] == ["HOT", "LOW", "WEAK"]
    page, found = ranked("age")
    assert found[:2] == ["NEVER", "OLD"] and len(found) == 5
    assert "Age of each pack's newest reading; silent after 300 s." in page.replace("&#39;", "'")
    found = ranked("cells")[1]
    assert found[:3] == ["LOW-5", "WEAK-5", "HOT-5"] and len(found) == 42
    assert client.get("/pms/PMS-1?rank=taste").status_code == 400


def test_it_is_chosen_by_keyboard_and_followed(
    site: Site, client: FlaskClient, organisation: Organisation, member: Visitor
) -> None:
    page = member.open("/pms/PMS-1", ready="#dock-1")
    page.get_by_role("navigation", name="Colour by").get_by_role("link", name="Temp").press("Enter")
    expect(page.locator("#dock-2 .dock-shade")).to_have_text("56.0 °C")
    assert page.url.endswith("?colour=temperature")
    page.get_by_role("navigation", name="Rank by").get_by_role("link", name="Age").press("Enter")
    expect(page.locator("#ranked-NEVER")).to_be_visible()
    assert page.url.endswith("?colour=temperature&rank=age#ranking")
    cooler = pack_sample("HOT", datetime.now(UTC), dock=2, temp=[41.5, 20.0, 20.0])
    report(client, organisation.headers, cooler)
    expect(page.locator("#dock-2 .dock-shade")).to_have_text("41.5 °C", timeout=9_000)
    page.go_back()
    expect(page.locator("#ranked-NEVER")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(
    site: Site, organisation: Organisation, new_visitor: Any, phone: Any, scheme: str
) -> None:
    with new_visitor(**phone, color_scheme=scheme) as visit:
        visit.log_in(organisation)
        for colour in SHADINGS:
            page = visit.open(f"/pms/PMS-1?colour={colour}&rank=age", ready=".shade-legend")
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            assert axe(page, leave_out=FRAME) == []


def test_it_is_there_in_indonesian(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    page = client.get("/pms/PMS-1?colour=deviation&rank=temperature&lang=id").text
    assert "30 mV atau lebih: melampaui batas" in page and "Peringkat" in page
