"""The page of a PMS as it was at a moment in the past."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import expect
from support.browser import Visitor, axe
from support.folding import fold
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import at, pack_sample

from flexmeasures_pms.config import settings

FRAME = ("#topnavbar", "footer")  # are FlexMeasures'
THEN = "/pms/PMS-1?at=2026-03-01T19:10:00"
"""Ten past twelve of UTC, on the clock of the site."""


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    """A pack that was swapped for another at 12:30; the third fell silent at noon."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"LEAVES": 2, "SILENT": 3}, "PMS-1-A")
        new.case("COMES")
    site.remove(("case", "LEAVES"), at(30))
    site.install(("case", "COMES"), ("cabinet", "PMS-1-A"), at(30), place=2)
    samples = [
        *(pack_sample("LEAVES", at(m), dock=2, amps=2.5) for m in range(30)),
        *(pack_sample("COMES", at(m), dock=2) for m in range(30, 60)),
        pack_sample("SILENT", at(0), dock=3),
    ]
    report(client, organisation.headers, *samples)
    return site


def dock(page: str, number: int) -> str:
    found = re.search(rf'<li class="dock" id="dock-{number}".*?</li>', page, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<title>.*?</title>|<[^>]*>", " ", found[0]).split())


def test_the_page_shows_who_was_where_with_what_they_had_read(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    assert fold(site.account_id)
    page = client.get(THEN).get_data(as_text=True)
    assert "As it was on 2026-03-01 19:10:00" in page
    assert "Time zone: Asia/Jakarta (UTC+07:00)" in page
    figures = "19:10:00 Voltage 51.2 V Current ↑ 2.5 A charging"
    assert dock(page, 2).startswith(f"Dock 2 LEAVES ✓ Normal {figures}")
    assert dock(page, 3) == "Dock 3 SILENT No data since 19:00:00"
    assert "Packs reporting</dt><dd>1 / 2" in page
    assert "rack.js" not in page and "pms-live" not in page and "data-age" not in page
    link = re.search(r'class="dock-case" href="(/pms/case/LEAVES[^"]*)"', page)
    assert link and "start=2026-03-01T09%3A10%3A00%2B00%3A00" in link[1]
    assert client.get(link[1].replace("&amp;", "&")).status_code == 200
    assert "COMES" in dock(client.get("/pms/PMS-1?at=2026-03-01T12:30:00Z").text, 2)


def test_the_page_of_a_pack_links_to_the_rack_at_the_time_of_a_change(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    then = re.findall(r'<a href="([^"]*)">The rack then', client.get("/pms/case/COMES").text)
    assert then == ["/pms/PMS-1?at=2026-03-01T12%3A30%3A00%2B00%3A00"]
    assert "COMES" in dock(client.get(then[0]).text, 2)
    assert "The rack then" not in client.get("/pms/case/LEAVES").text


def test_a_time_in_the_future_or_none_is_refused_in_words(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    for when, words in (
        ("2099-01-01T00:00", "at: this time is in the future."),
        ("soon", "at: the time soon can&#39;t be read."),
        ("1999-01-01T00:00", "choose a time in the years 2000 to 2100."),
    ):
        reply = client.get(f"/pms/PMS-1?at={when}")
        assert reply.status_code == 400
        assert words in reply.get_data(as_text=True)


def test_a_time_of_which_all_is_deleted_is_refused_in_words(
    site: Site,
    client: FlaskClient,
    organisation: Organisation,
    app_context: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(client, organisation)
    with_an_end = replace(settings(), sample_days=10)
    monkeypatch.setitem(app_context.extensions, "flexmeasures_pms", with_an_end)
    reply = client.get(f"/pms/PMS-1?at={datetime.now(UTC) - timedelta(days=12):%Y-%m-%dT%H:%M}")
    assert reply.status_code == 400
    page = reply.get_data(as_text=True)
    assert "Readings are kept for 10 days, and those of this time are deleted." in page


def test_another_organisation_sees_nothing_of_the_past_either(
    site: Site, client: FlaskClient, other_organisation: Organisation
) -> None:
    log_in(client, other_organisation)
    assert client.get(THEN).status_code == 404


def test_a_moment_is_chosen_shared_and_left_by_keyboard(site: Site, member: Visitor) -> None:
    page = member.open("/pms/PMS-1")
    expect(page.locator("#pms-live")).to_be_visible()
    field = page.get_by_label("Past moment")
    field.fill("2026-03-01T19:10:00")
    field.press("Enter")
    then = page.get_by_text("As it was on 2026-03-01 19:10:00")
    expect(then).to_be_visible()
    assert page.url.endswith("/pms/PMS-1?at=2026-03-01T19%3A10")
    expect(field).to_have_value(re.compile("2026-03-01T19:10"))
    expect(page.locator("#dock-2")).to_contain_text("LEAVES")
    assert axe(page, leave_out=FRAME) == []
    page.go_back()
    expect(page.locator("#dock-2")).to_contain_text("COMES")
    page.go_forward()
    expect(then).to_be_visible()
    page.get_by_role("link", name="Back to now").press("Enter")
    expect(page.locator("#dock-2")).to_contain_text("COMES")
    assert page.url.endswith("/pms/PMS-1")
    expect(then).to_have_count(0)


def test_the_past_is_not_asked_for_again(site: Site, member: Visitor) -> None:
    asked: list[str] = []
    page = member.open(THEN)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(timedelta(seconds=3) / timedelta(milliseconds=1))
    assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(
    site: Site, organisation: Organisation, new_visitor: Any, phone: Any, scheme: str
) -> None:
    with new_visitor(**phone, color_scheme=scheme) as visit:
        visit.log_in(organisation)
        page = visit.open(THEN)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for target in (
            page.get_by_role("button", name="Show"),
            page.get_by_label("Past moment"),
        ):
            box = target.bounding_box()
            assert box and box["height"] >= 44 and box["x"] + box["width"] <= 390
        assert axe(page, leave_out=FRAME) == []


def test_it_is_shown_in_indonesian(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    page = client.get(f"{THEN}&lang=id").get_data(as_text=True)
    assert "Keadaan pada 2026-03-01 19:10:00" in page
    assert "Tidak ada data sejak" in dock(page, 3)
