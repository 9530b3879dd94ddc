"""The pages of sites: the first page, the devices of one site, and sites in the registry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.browser import Visitor, axe
from support.forms import submit
from support.registry_forms import confirmed, form, in_indonesian, place, text_of
from support.reporting import report
from support.session import log_in
from support.site import Site, commit
from support.telemetry import pack_sample

from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.queries.sites import SiteFacts

NewVisitor = Callable[..., Any]
HOSTILE = "<script>alert(1)</script>"


def shown(client: FlaskClient, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return text_of(reply)


def rows(page: str) -> list[str]:
    """The words of each row of the table."""
    found = re.findall(r"<tr id=.*?</tr>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


def make_site(account_id: int, ident: str, facts: SiteFacts = SiteFacts(), **details: Any) -> None:  # noqa: B008
    commit(orders.register_site(Order(Author("test"), None, account_id), ident, facts, **details))


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient) -> Site:
    """BTS-1 with a hot PMS and an MPPT, BTS-2 with a PMS, BTS-3 with nothing; PMS-3 in none."""
    site = Site(organisation.id)
    with site.at_once() as new:
        for pms in ("PMS-1", "PMS-2", "PMS-3"):
            new.pms(pms)
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-2-A", 1)
        new.register("mppt", "M-1")
    make_site(organisation.id, "BTS-2", latitude=-6.2, longitude=106.8)
    make_site(organisation.id, "BTS-1", SiteFacts(f"Jalan 1 {HOSTILE}", "Ani"))
    make_site(organisation.id, "BTS-3")
    site.install(("pms", "PMS-1"), ("site", "BTS-1"))
    site.install(("mppt", "M-1"), ("site", "BTS-1"))
    site.install(("pms", "PMS-2"), ("site", "BTS-2"))
    now = datetime.now(UTC)
    hot = pack_sample("0241", now, temp=[57.2, 33.0, 34.0])
    report(client, organisation.headers, hot, pms_id="PMS-1")
    report(client, organisation.headers, pack_sample("0242", now), pms_id="PMS-2")
    log_in(client, organisation)
    return site


def test_the_first_page_has_the_sites_the_worst_first(site: Site, client: FlaskClient) -> None:
    page = shown(client, "/pms")
    hot, well, empty = rows(page)
    assert hot.startswith("0241: Hot, 57.2 °C PMS-1 BTS-1 Jalan 1 &lt;script&gt;")
    assert "1 PMS + 1 1 / 1" in hot
    assert re.search(r"PMS-2 BTS-2 -6\.2000, 106\.8000 1 PMS 1 / 1 \d+ s ago", well)
    assert "No devices BTS-3" in empty
    assert HOSTILE not in page
    assert "1 device is in no site" in page
    assert 'href="/pms/site/BTS-1"' in page


def test_the_fleet_of_all_is_one_link_away(site: Site, client: FlaskClient) -> None:
    assert 'href="/pms/fleet"' in shown(client, "/pms")
    found = rows(shown(client, "/pms/fleet"))
    assert {re.findall(r"(?:PMS|M)-\d", row)[0] for row in found} == {
        "PMS-1", "PMS-2", "PMS-3", "M-1",
    }  # fmt: skip


def test_a_site_has_its_devices_alone(site: Site, client: FlaskClient) -> None:
    page = shown(client, "/pms/site/BTS-1")
    assert len(rows(page)) == 2
    assert "PMS-2" not in " ".join(rows(page))
    assert "Contact: Ani" in page
    assert HOSTILE not in page
    site.remove(("mppt", "M-1"))
    assert len(rows(shown(client, "/pms/site/BTS-1"))) == 1
    assert "No device is in this site." in shown(client, "/pms/site/BTS-3")
    assert client.get("/pms/site/BTS-9").status_code == 404


def test_sites_are_searched_and_followed(site: Site, client: FlaskClient) -> None:
    (found,) = rows(shown(client, "/pms?q=bts-2"))
    assert "BTS-2" in found
    assert "No site is called no-such." in shown(client, "/pms?q=no-such")
    for path in ("/pms?live=1", "/pms/site/BTS-1?live=1"):
        reply = client.get(path)
        assert reply.get_json()["html"].count("<tr id=") in (2, 3)
        etag = {"If-None-Match": reply.headers["ETag"]}
        assert client.get(path, headers=etag).status_code in (200, 304)


def test_without_sites_in_use_the_first_page_is_the_fleet(site: Site, client: FlaskClient) -> None:
    for ident in ("BTS-1", "BTS-2", "BTS-3"):
        site.retire(("site", ident))
    assert len(rows(shown(client, "/pms"))) == 4


def test_sites_of_another_organisation_are_not_shown(
    site: Site, make_organisation: Callable[..., Organisation], client: FlaskClient
) -> None:
    other = make_organisation()
    make_site(other.id, "BTS-7")
    assert "BTS-7" not in shown(client, "/pms")
    assert client.get("/pms/site/BTS-7").status_code == 404
    log_in(client, other)
    assert rows(shown(client, "/pms"))[0].startswith("No devices BTS-7")
    assert client.get("/pms/site/BTS-1").status_code == 404


def test_a_device_is_put_in_a_site_and_moved_by_form(site: Site, client: FlaskClient) -> None:
    account = site.account_id
    assert "installed nowhere" not in shown(client, "/pms/registry/pms/PMS-3")
    page = form(client, "pms", "PMS-3", "install")
    assert submit(client, page, into="BTS-2").status_code == 303
    assert place(account, "pms", "PMS-3") == ("BTS-2", None)
    page = form(client, "pms", "PMS-3", "move")
    assert submit(client, page, into="BTS-3").status_code == 303
    assert place(account, "pms", "PMS-3") == ("BTS-3", None)
    confirmed(client, form(client, "pms", "PMS-3", "remove"))
    assert place(account, "pms", "PMS-3") is None
    assert "?do=fill&amp;slot=mppt" in shown(client, "/pms/registry/site/BTS-3")
    page = form(client, "site", "BTS-3", "fill&slot=mppt")
    confirmed(client, page, part="M-1")
    assert place(account, "mppt", "M-1") == ("BTS-3", None)


def test_nothing_of_sites_is_offered_where_there_are_none(
    organisation: Organisation, client: FlaskClient
) -> None:
    Site(organisation.id).pms()
    log_in(client, organisation)
    page = shown(client, "/pms/registry/pms/PMS-1")
    assert "do=install" not in page
    assert "In no site" not in page


def test_a_site_is_registered_and_corrected_by_form(
    make_organisation: Callable[..., Organisation], client: FlaskClient
) -> None:
    keeper = make_organisation(roles=["account-admin"])
    log_in(client, keeper)
    page = form(client, "register", "site", "")
    told: dict[str, Any] = {"ident": "BTS-1", "address": "Jalan 1", "timezone": "Asia/Jakarta"}
    assert submit(client, page, **told).status_code == 303
    page = form(client, "register", "inverter", "")
    assert submit(client, page, ident="I-1", site="BTS-1").status_code == 303
    assert place(keeper.id, "inverter", "I-1") == ("BTS-1", None)
    page = form(client, "site", "BTS-1", "correct")
    assert submit(client, page, contact="Ani", note="known now").status_code == 303
    page = shown(client, "/pms/registry/site/BTS-1")
    for said in ("Jalan 1", "Contact: Ani", "I-1", "Registered site BTS-1."):
        assert said in page
    tree = shown(client, "/pms/registry")
    assert ">Sites<" in tree
    assert "Lokasi" in shown(in_indonesian(client), "/pms/registry")


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, {"width": 390, "height": 844}])
def test_the_pages_of_sites_fit_and_have_no_serious_fault(
    site: Site, organisation: Organisation, new_visitor: Callable[..., Any], size: dict[str, int]
) -> None:
    with new_visitor(viewport=size) as visit:
        visitor: Visitor = visit
        visitor.log_in(organisation)
        for path in ("/pms", "/pms/site/BTS-1", "/pms/registry/site/BTS-1"):
            page = visitor.open(path)
            assert axe(page) == [], path
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(wide), path
