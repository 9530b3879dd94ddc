"""Quarantine, receipts and completeness in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect
from support.browser import Visitor, axe
from support.site import Site
from support.stored import waiting
from support.telemetry import at, pack_sample, request

NewVisitor = Callable[..., Any]
DAY = "days=1&end=2026-03-01T23:00"
PAGES = ("/pms/quarantine", "/pms/receipts", f"/pms/completeness?{DAY}")


@pytest.fixture
def organisation(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """Readings of 19 and 20 o'clock, and two samples that wait, one of them hostile."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    samples = [pack_sample("0241", at(minute)) for minute in (0, 15, 30, 45, 60, 75)]
    samples += [pack_sample("0999"), pack_sample("<img src=x onerror=alert(1)>")]
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, *samples),
        headers=organisation.headers,
        content_type="application/json",
    )
    return site


def test_samples_are_ticked_and_discarded_with_a_reason(
    member: Visitor, site: Site, organisation: Organisation
) -> None:
    page = member.open("/pms/quarantine?q=0999")
    page.get_by_role("button", name="Tick all on this page").click()
    page.get_by_role("button", name="Discard").click()
    assert len(waiting(site.account_id)) == 2  # a reason is missing

    page.get_by_label("Reason to discard").fill("a bench pack")
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("alert").filter(has_text="Discard 1 sample?").wait_for()
    page.get_by_role("button", name="Yes, discard").click()

    expect(page.get_by_role("status")).to_have_text("1 sample was discarded. Its text is kept.")
    page.goto(f"{member.live}/pms/quarantine?discarded=1")
    expect(page.get_by_text("a bench pack")).to_be_visible()


def test_squares_say_what_they_mean_by_pointer_and_by_keys(
    member: Visitor, site: Site, organisation: Organisation
) -> None:
    page = member.open(f"/pms/completeness?{DAY}", ready=".pms-square")
    told = page.locator("#pms-square-text")
    page.locator('.pms-squares [data-state="part"]').hover()
    expect(told).to_have_text("2026-03-01 20:00: 2 of 4 samples, 50 %")
    page.locator('.pms-squares [tabindex="0"]').focus()
    expect(told).to_have_text("2026-03-01 22:00: 0 of 4 samples, 0 %")
    page.keyboard.press("ArrowLeft")
    expect(told).to_have_text("2026-03-01 21:00: 0 of 4 samples, 0 %")
    page.keyboard.press("Home")
    expect(told).to_have_text("2026-03-01 00:00: nothing arrived, nor in the day before")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, scheme: str,
    phone: dict[str, Any],
) -> None:  # fmt: skip
    options = phone if scheme == "dark" else {}
    number = waiting(site.account_id)[0].id
    with new_visitor(color_scheme=scheme, **options) as visit:
        visit.log_in(organisation)
        for path in (*PAGES, f"/pms/quarantine/{number}"):
            page = visit.open(path)
            assert axe(page) == [], path
            if options:
                assert page.evaluate("document.documentElement.scrollWidth") == 390, path


def test_receipts_are_read_on_a_phone_without_scrolling_sideways(
    new_visitor: NewVisitor, organisation: Organisation, site: Site, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open("/pms/receipts")
        row = page.locator(".pms-receipts tbody tr").first
        for said in ("6", "2 ▲"):
            box = row.get_by_text(said, exact=True).first.bounding_box()
            assert box and box["x"] + box["width"] <= 390
        assert axe(page) == []


@pytest.mark.parametrize("path", ["/pms/receipts", f"/pms/completeness?{DAY}"])
def test_all_columns_are_on_white_paper(
    new_visitor: NewVisitor, site: Site, organisation: Organisation, path: str
) -> None:
    with new_visitor(color_scheme="dark") as visit:
        visit.log_in(organisation)
        printed(visit.open(path))


def printed(page: Page) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.set_viewport_size({"width": 702, "height": 1000})  # of A4 without its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 702
    for part in page.locator(".pms-scroll:visible").all():
        assert part.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert part.evaluate("one => getComputedStyle(one).overflowX") == "visible"
