"""The page of all PMSes, MPPTs and inverters."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.browser import Visitor, axe
from support.fleet import make_fleet
from support.reporting import report
from support.session import log_in
from support.site import Site, old_ids
from support.telemetry import pack_sample

NewVisitor = Callable[..., Any]
FRAME = ("#topnavbar", "footer")  # are FlexMeasures'


def now() -> datetime:
    return datetime.now(UTC)


def text(client: FlaskClient, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200
    return reply.get_data(as_text=True)


def rows(page: str) -> list[str]:
    """The words of each row of the table."""
    found = re.findall(r"<tr id=.*?</tr>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms in ("PMS-1", "PMS-2"):
            new.pms(pms)
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-A", 2)
        new.case("0251", "PMS-2-A", 1)
    with old_ids():
        site.register("mppt", "<script>alert(1)</script>")
    report(client, organisation.headers, pack_sample("0241", now(), amps=20.0), pms_id="PMS-1")
    hot = pack_sample("0251", now(), temp=[57.2, 33.0, 34.0])
    report(client, organisation.headers, hot, pms_id="PMS-2")
    log_in(client, organisation)
    return site


def test_the_worst_is_on_top_with_its_figures(site: Site, client: FlaskClient) -> None:
    found = rows(text(client, "/pms"))
    assert found[0].startswith("0251: Hot, 57.2 °C PMS-2 PMS 1 / 1 ↓ 32 W discharging 57.2 °C")
    assert re.fullmatch(
        r"0242: No reading yet PMS-1 PMS 1 / 2 ↑ 1\.0 kW charging 35\.0 °C 22 mV \d+ s ago",
        found[1],
    )
    assert len(found) == 3


def test_an_id_with_a_script_in_it_is_only_text(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    found = client.get("/pms?live=1").get_json()["html"]
    assert "<script" not in found
    assert "<script>alert(2)" not in text(client, "/pms?q=<script>alert(2)</script>")


def test_the_address_says_what_is_searched_and_in_which_order(
    site: Site, client: FlaskClient
) -> None:
    names = re.compile(r"PMS-\d")
    assert names.findall(" ".join(rows(text(client, "/pms?sort=name&q=pms")))) == ["PMS-1", "PMS-2"]
    assert names.findall(" ".join(rows(text(client, "/pms?sort=-name")))) == ["PMS-2", "PMS-1"]
    page = text(client, "/pms?sort=hottest")
    assert re.search(r'aria-sort="ascending">\s*<a href="/pms\?sort=-hottest">Hottest', page)
    assert "No registered device is called no-such." in text(client, "/pms?q=no-such")
    assert client.get("/pms?sort=<b>").status_code == 400


def test_it_is_told_when_nothing_is_new(site: Site, client: FlaskClient) -> None:
    first = client.get("/pms?live=1")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/pms?live=1", headers=known).status_code == 304
    assert client.get("/pms?live=1&lang=id", headers=known).status_code == 200


def test_another_organisation_sees_nothing(
    site: Site, client: FlaskClient, other_organisation: Organisation
) -> None:
    client.get("/logout")
    assert client.get("/pms").status_code == 302
    log_in(client, other_organisation)
    page = text(client, "/pms")
    assert "PMS-1" not in page
    assert "Nothing is registered yet." in page
    assert client.get(f"/pms?organisation={site.account_id}").status_code == 404


def test_it_is_there_in_indonesian(site: Site, client: FlaskClient) -> None:
    page = text(client, "/pms?lang=id")
    assert rows(page)[0].startswith("0251: Panas, 57,2 °C PMS-2 PMS 1 / 1 ↓ 32 W mengosongkan")
    assert "Semua sistem baterai" in page


def test_a_large_fleet_is_a_small_page(organisation: Organisation, client: FlaskClient) -> None:
    make_fleet(organisation.id, systems=1000, packs=1, time=now() - timedelta(seconds=20))
    log_in(client, organisation)
    reply = client.get("/pms", headers={"Accept-Encoding": "gzip"})
    assert len(reply.get_data()) <= 75_000
    page = gzip.decompress(reply.get_data()).decode()
    assert len(rows(page)) == 250
    assert "1000 devices" in page and "Page 1 of 4" in page


def test_what_is_too_much_for_one_page_goes_on_with_the_next(
    organisation: Organisation, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexmeasures_pms.ui.views.fleet.PAGE", 2)
    make_fleet(organisation.id, systems=5, packs=1, time=now() - timedelta(minutes=20))
    log_in(client, organisation)

    def names(page: str) -> list[str]:
        return re.findall(r"\bpms-\d", " ".join(rows(page)))

    first, last = text(client, "/pms?sort=name"), text(client, "/pms?sort=name&page=3")
    assert (names(first), names(last)) == (["pms-1", "pms-2"], ["pms-5"])
    assert "5 devices, 5 need attention" in first
    assert "Page 1 of 3" in first
    assert 'rel="next" href="/pms?sort=name&amp;page=2"' in first
    assert 'rel="prev"' not in first
    assert 'href="/pms?sort=-name"' in last
    assert names(text(client, "/pms?sort=name&page=9")) == ["pms-5"]
    live = client.get("/pms?sort=name&page=2&live=1").get_json()["html"]
    assert names(live) == ["pms-3", "pms-4"]
    assert 'rel="next" href="/pms?sort=name&amp;page=3"' in live
    found = text(client, "/pms?q=pms-5")
    assert names(found) == ["pms-5"]
    assert "Page 1" not in found
    assert client.get("/pms?page=none").status_code == 400


@pytest.fixture
def reader(member: Visitor, site: Site) -> Iterator[Visitor]:
    yield member


def test_it_follows_what_is_typed_and_what_is_read(
    reader: Visitor, client: FlaskClient, organisation: Organisation
) -> None:
    page = reader.open("/pms", ready=".fleet")
    page.get_by_label("Search by id").fill("pms-2")
    page.locator("tr[id*='PMS-1']").wait_for(state="detached")
    assert page.url.endswith("/pms?q=pms-2")
    cooler = pack_sample("0251", now(), temp=[56.1, 33.0, 34.0])
    report(client, organisation.headers, cooler, pms_id="PMS-2")
    page.get_by_text("0251: Hot, 56.1 °C").wait_for(timeout=7_000)
    assert page.evaluate("document.activeElement.id") == "fleet-q"


def test_a_search_begins_on_the_first_page(
    reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexmeasures_pms.ui.views.fleet.PAGE", 1)
    page = reader.open("/pms?page=3", ready=".fleet")
    page.get_by_label("Search by id").fill("pms-")
    page.locator("tr[id*='PMS-2']").wait_for()
    assert page.url.endswith("/pms?q=pms-")
    page.get_by_text("Page 1 of 2").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    reader: Visitor, new_visitor: NewVisitor, organisation: Organisation, scheme: str
) -> None:
    with new_visitor(color_scheme=scheme) as visit:
        visit.log_in(organisation)
        assert axe(visit.open("/pms", ready=".fleet"), leave_out=FRAME) == []


def test_it_fits_a_phone(
    reader: Visitor, new_visitor: NewVisitor, organisation: Organisation, phone: dict[str, Any]
) -> None:
    with new_visitor(**phone) as visit:
        visit.log_in(organisation)
        page = visit.open("/pms", ready=".fleet")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator(".fleet-state").first.bounding_box()["width"] > 300
