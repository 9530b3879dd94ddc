"""Unknown packs and devices on fleet and rack, and the forms that they lead to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.browser import Visitor
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import converter_sample, pack_sample

from flexmeasures_pms.storage.tables import journal, quarantine

MakeOrganisation = Callable[..., Organisation]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def admin(make_organisation: MakeOrganisation) -> Organisation:
    return make_organisation(roles=["account-admin"])


def send(client: FlaskClient, organisation: Organisation) -> None:
    """An unknown pack in dock 14, which is the second of cabinet B, and two unknown devices."""
    headers = organisation.headers
    report(client, headers, pack_sample("new-pack", now(), dock=14), pms_id="PMS-1")
    report(client, headers, pack_sample("0300", now(), dock=1), pms_id="pms-<9>")
    report(client, headers, converter_sample(now()), dataset="mppt", mppt_id="MPPT-9")


def build(organisation: Organisation, client: FlaskClient) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-A", 1)
    send(client, organisation)
    log_in(client, organisation)
    return site


def text(client: FlaskClient, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, reply.text
    return unescape(reply.text)


def unknown(page: str) -> dict[str, str]:
    """What is told of each unknown thing in the fleet."""
    found = re.findall(r'<li id="unknown-.*?<b>(.*?)</b>(.*?)</li>', page, re.DOTALL)
    return {ident: " ".join(re.sub(r"<[^>]*>", " ", said).split()) for ident, said in found}


def form_for(page: str, ident: str) -> str:
    """The address of the form that an unknown thing leads to."""
    found = re.search(rf'href="([^"]*register[^"]*ident={re.escape(ident)}[^"]*)"', page)
    assert found
    return found[1]


def test_what_is_unknown_shows_in_the_fleet(admin: Organisation, client: FlaskClient) -> None:
    build(admin, client)
    page = text(client, "/pms")
    found = unknown(page)
    assert re.fullmatch(
        r"Unknown pack reported by PMS-1 , dock 14 1 sample waits newest: \d s ago "
        r"Register it new-pack",
        found["new-pack"],
    )
    assert found["pms-<9>"].startswith("Unknown PMS 1 sample waits")
    assert found["MPPT-9"].startswith("Unknown MPPT 1 sample waits")
    assert "new-pack: Unknown pack" in re.sub(r"\s+", " ", page)
    assert "<9>" not in client.get("/pms").text


def test_it_stays_while_it_reports(admin: Organisation, client: FlaskClient) -> None:
    site = build(admin, client)
    mine = quarantine.c.account_id == site.account_id
    db.session.execute(sa.update(quarantine).where(mine).values(discarded_at=now()))
    assert unknown(text(client, "/pms")) == {}
    send(client, admin)
    assert set(unknown(text(client, "/pms"))) == {"new-pack", "pms-<9>", "MPPT-9"}
    # Its last sample is old, and its dock not known to be taken by it: it is told beside them.
    long_ago = {"event_time": datetime(2026, 1, 1, tzinfo=UTC)}
    db.session.execute(sa.update(quarantine).where(mine).values(long_ago))
    assert "Silent" in unknown(text(client, "/pms"))["new-pack"]
    rack = text(client, "/pms/PMS-1")
    assert 'id="unknown-new-pack"' in rack and 'href="#unknown-new-pack"' in rack
    assert set(unknown(text(client, "/pms"))) == {"new-pack", "pms-<9>", "MPPT-9"}


def test_the_form_of_a_pack_is_filled_in_and_does_it(
    admin: Organisation, client: FlaskClient
) -> None:
    build(admin, client)
    to = form_for(text(client, "/pms"), "new-pack")
    assert form_for(text(client, "/pms/PMS-1"), "new-pack") == to
    form = text(client, to)
    assert re.search(r'value="new-pack"[^>]*name="ident"', form)
    (cabinets,) = re.findall(r'<select[^>]*name="cabinet".*?</select>', form, re.DOTALL)
    assert re.findall(r'value="([^"]*)" selected', cabinets) == ["PMS-1-B"]
    assert '<option value="2" selected' in form
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    given = {"ident": "new-pack", "cabinet": "PMS-1-B", "own_dock": "2"}
    reply = client.post("/pms/registry/register?kind=case", data={**fields, **given})
    assert reply.status_code == 303, reply.text
    assert set(unknown(text(client, "/pms"))) == {"pms-<9>", "MPPT-9"}
    assert "new-pack" in text(client, "/pms/PMS-1")


def test_the_form_of_a_device_is_filled_in(admin: Organisation, client: FlaskClient) -> None:
    build(admin, client)
    page = text(client, "/pms")
    assert re.search(r'value="MPPT-9"[^>]*name="ident"', text(client, form_for(page, "MPPT-9")))
    assert "kind=pms" in form_for(page, "pms-%3C9%3E")


def test_who_may_not_register_a_device_is_told(
    organisation: Organisation, client: FlaskClient
) -> None:
    build(organisation, client)
    page = text(client, "/pms")
    assert "An admin of the organisation can register it." in unknown(page)["MPPT-9"]
    assert "ident=MPPT-9" not in page and "ident=new-pack" in page


def test_who_may_not_register_a_pack_without_a_cabinet_is_told(
    organisation: Organisation, client: FlaskClient
) -> None:
    site = build(organisation, client)
    site.register("pms", "PMS-2")
    report(client, organisation.headers, pack_sample("bare", now(), dock=3), pms_id="PMS-2")
    fleet, rack = text(client, "/pms"), text(client, "/pms/PMS-2")
    told = "An admin of the organisation can register it."
    assert told in unknown(fleet)["bare"] and told in rack
    assert "ident=bare" not in fleet + rack and "ident=new-pack" in fleet


def test_another_organisation_sees_nothing_of_it(
    organisation: Organisation, client: FlaskClient, other_organisation: Organisation
) -> None:
    build(organisation, client)
    client.get("/logout")
    log_in(client, other_organisation)
    assert unknown(text(client, "/pms")) == {}


def test_an_empty_dock_leads_to_its_form(organisation: Organisation, client: FlaskClient) -> None:
    build(organisation, client)
    page = text(client, "/pms/PMS-1")
    found = re.search(r'<li class="dock" id="dock-15".*?href="([^"]*)">Install here', page, re.S)
    assert found
    form = text(client, found[1])
    assert "PMS-1-B" in form and '<option value="3" selected' in form
    assert "Install here" not in text(client, "/pms/PMS-1?at=2026-03-01T12:00")


def test_the_tabs_show_how_much_there_is(organisation: Organisation, client: FlaskClient) -> None:
    def tab(name: str) -> str:
        page = text(client, "/pms/registry")
        found = re.search(rf'<a href="/pms/{name}"[^>]*>(.*?)</a></li>', page, re.DOTALL)
        assert found
        return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())

    log_in(client, organisation)
    assert (tab("quarantine"), tab("receipts")) == ("Quarantine", "Receipts")
    build(organisation, client)
    assert tab("quarantine") == "Quarantine 3 waiting in quarantine"
    assert tab("receipts") == "Receipts 3 received in the last 24 hours"
    _fail(organisation.id, 2)
    assert tab("receipts").endswith("2 not stored yet")
    # Also beside a form that says what is wrong.
    form = text(client, "/pms/registry/register?kind=case")
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    refused = client.post("/pms/registry/register?kind=case", data={**fields, "ident": ""})
    assert refused.status_code == 422 and "waiting in quarantine" in refused.text
    # What of all organisations failed is told to who runs the server.
    db.session.execute(sa.delete(journal).where(journal.c.account_id == organisation.id))
    db.session.commit()


def _fail(account_id: int, requests: int) -> None:
    """Put requests into the journal that could not be stored."""
    row = {
        "account_id": account_id, "received_at": now(), "sender": "user:1", "dataset": "pms",
        "content_type": "application/json", "encoding": "identity", "digest": b"", "samples": 1,
        "lanes": [1], "body": b"{}", "state": "failed", "attempts": 1, "retry_at": now(),
    }  # fmt: skip
    rows = [{**row, "id": -(10 * account_id + number)} for number in range(1, requests + 1)]
    db.session.execute(sa.insert(journal), rows)


def test_a_phone_shows_it_whole(
    admin: Organisation, client: FlaskClient, new_visitor: Any, phone: dict[str, Any]
) -> None:
    build(admin, client)
    with new_visitor(**phone) as visit:
        visit.log_in(admin)
        page = visit.open("/pms", ready="#fleet-unknown")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.get_by_role("link", name="Register it new-pack").tap()
        page.get_by_label("Id of the case").wait_for()
        assert page.get_by_label("Id of the case").input_value() == "new-pack"


def test_it_comes_and_goes_without_a_reload(
    member: Visitor, organisation: Organisation, client: FlaskClient
) -> None:
    site = Site(organisation.id)
    site.pms()
    page = member.open("/pms", ready=".fleet")
    assert page.locator("#fleet-unknown").count() == 0
    send(client, organisation)
    page.get_by_text("MPPT-9").wait_for(timeout=9_000)
    site.register("mppt", "MPPT-9")
    page.locator("li[id*='unknown-mppt']").wait_for(state="detached", timeout=9_000)
