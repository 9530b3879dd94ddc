"""Hostile times and texts in forms, URLs and the database: refused, or shown as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.audit_log import AssetAuditLog
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from support.forms import forms, submit
from support.odd_times import ODD_TIMES, store_odd_time
from support.session import log_in
from support.site import Site, old_ids
from support.telemetry import converter_sample, pack_sample, request

from flexmeasures_pms.registry.loading.load import load_directory

MARKUP = "<img src=x onerror=\"alert('1')\">"
PREFIX = "/pms/api/v1"
BOARD = ("acquisition-board", "B269")


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("269", "PMS-1-A", 6)
        new.register(*BOARD)
    site.install(BOARD, ("case", "269"))
    return site


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    return log_in(client, organisation)


@pytest.fixture
def admin(client: FlaskClient, make_organisation: Callable[..., Organisation]) -> Organisation:
    """An organisation's admin, logged in."""
    owner = make_organisation(roles=["account-admin"])
    log_in(client, owner)
    return owner


def page(client: FlaskClient, url: str, status: int = 200) -> str:
    reply = client.get(url)
    assert reply.status_code == status, (url, reply.status_code)
    return reply.get_data(as_text=True)


def local(**ahead: float) -> str:
    """Return a time as a form of a site in Jakarta sends it."""
    there = datetime.now(UTC) + timedelta(hours=7) + timedelta(**ahead)
    return there.strftime("%Y-%m-%dT%H:%M:%S")


FORMS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("case/269", "move", "at", {"into": "PMS-1-A", "own_dock": "7"}),
    ("case/269", "remove", "at", {}),
    ("case/269", "service", "at", {"note": "cleaned"}),
    ("case/269", "retire", "at", {}),
    ("acquisition-board/B269", "swap", "at", {"new": "B270"}),
    ("case/269", "fill", "at", {"part": "B270"}),
    ("case/269", "correct", "since", {"note": "wrong"}),
    ("case/269", "correct", "until", {"note": "wrong"}),
)


@pytest.mark.parametrize(("path", "action", "field", "more"), FORMS)
def test_a_form_takes_no_odd_time(
    member: FlaskClient, site: Site, path: str, action: str, field: str, more: dict[str, Any]
) -> None:
    form = page(member, f"/pms/registry/{path}?do={action}")
    version = load_directory(site.account_id).version
    refused = {
        "0001-01-01T00:00": "There is no such time.",
        "1999-12-31T00:00": "is before the year 2000.",
        local(minutes=3): "is in the future. If it is planned, tick that.",
        "9999-12-31T23:59": "is more than a year ahead.",
        "9999-12-31T23:59-12:00": "is not a time such as",
        "12026-01-01T00:00": "is not a time such as",
    }
    for text, said in refused.items():
        reply = submit(member, form, **{**more, field: text})
        shown = reply.get_data(as_text=True)
        assert reply.status_code == 422, text
        assert f'id="field-{field}-error">' in shown, text
        assert said in shown, text
    reply = submit(member, form, **{**more, field: local(days=400), "planned": "yes"})
    assert "is more than a year ahead." in reply.get_data(as_text=True)
    assert load_directory(site.account_id).version == version


def test_a_planned_change_is_made(member: FlaskClient, site: Site) -> None:
    form = page(member, "/pms/registry/case/269?do=remove")
    later = local(days=90)
    asked = submit(member, form, at=later, planned="yes").get_data(as_text=True)
    assert submit(member, asked, sure=True, planned="yes").status_code == 303
    assert later.replace("T", " ") in page(member, "/pms/registry/case/269")
    form = page(member, "/pms/registry/case/269?do=service")
    assert submit(member, form, at=local(seconds=30), note="cleaned").status_code == 303


@pytest.mark.parametrize("bound", ODD_TIMES)
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "America/Bogota"])
def test_pages_survive_what_is_stored(
    client: FlaskClient, organisation: Organisation, bound: str, zone: str
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.register("pms", "PMS-1", timezone=zone)
        new.register("cabinet", "PMS-1-A")
    site.install(("cabinet", "PMS-1-A"), ("pms", "PMS-1"))
    with site.at_once() as new:
        new.case("269", "PMS-1-A", 6)
        new.register(*BOARD)
    site.install(BOARD, ("case", "269"))
    for part in (BOARD, ("case", "269"), ("cabinet", "PMS-1-A")):
        store_odd_time(site, part, bound)
    log_in(client, organisation)
    for url in ("case/269", "PMS-1", "PMS-1/cells", "registry", "registry?open=pms:PMS-1",
                "registry?open=case:269", "registry/case/269", "registry/pms/PMS-1",
                "registry/cabinet/PMS-1-A", "registry/acquisition-board/B269",
                "registry/branch?kind=pms&id=PMS-1", "registry/case/269?do=correct",
                "registry/case/269?do=service", "completeness"):  # fmt: skip
        page(client, f"/pms/{url}")
    for url in ("devices/269/latest", "devices/269/history", "pms/PMS-1/latest",
                "pms/PMS-1/cells"):  # fmt: skip
        reply = client.get(f"{PREFIX}/{url}", headers=organisation.headers)
        assert reply.status_code == 200, url
    # What is handed to FlexMeasures, and a further change, work as well.
    site.case("270", "PMS-1-A", 7)
    form = page(client, "/pms/registry/case/269?do=service")
    assert submit(client, form, note="cleaned").status_code == 303
    assert "cleaned" in page(client, "/pms/registry/case/269")


@pytest.mark.parametrize("text", ["0001-01-01T00:00Z", "1999-12-31T23:00Z", "2101-01-01T00:00Z",
                                  "9999-12-31T23:59:59-14:00", "99999-01-01T00:00Z"])  # fmt: skip
def test_a_period_is_within_2000_and_2100(
    member: FlaskClient, organisation: Organisation, text: str
) -> None:
    for url in ("case/269?start=", "case/269?end=", "PMS-1/cells?start=", "PMS-1/cells?at=",
                "completeness?end=", "receipts?since="):  # fmt: skip
        assert url.split("?")[1].rstrip("=") in page(member, f"/pms/{url}{text}", 400)
    for url in ("devices/269/history?start=", "devices/269/history?end=", "pms/PMS-1/cells?end=",
                "completeness?since=", "completeness?until=", "receipts?since="):  # fmt: skip
        reply = member.get(f"{PREFIX}/{url}{text}", headers=organisation.headers)
        assert reply.status_code == 400, url
        assert f"The parameter {url.split('?')[1].rstrip('=')}:" in reply.get_json()["message"]


def test_a_period_ends_now(member: FlaskClient, organisation: Organisation) -> None:
    url = f"{PREFIX}/devices/269/history?end=2099-01-01T00:00Z&start="
    start = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    reply = member.get(url + start, headers=organisation.headers).get_json()
    assert datetime.fromisoformat(reply["end"]) < datetime.now(UTC) + timedelta(hours=1)
    later = member.get(f"{url}2098-01-01T00:00Z", headers=organisation.headers)
    assert later.status_code == 400
    page(member, f"/pms/case/269?end=2099-01-01T00:00&start={start}")


@pytest.mark.parametrize("character", ["%00", "%01", "%1F", "%7F", "%C2%85"])
def test_control_characters_in_urls_are_refused(
    member: FlaskClient, organisation: Organisation, character: str
) -> None:
    for url in (f"case/26{character}9", f"registry?q={character}", f"registry/case/{character}",
                f"registry?{character}=1", f"quarantine?q=a{character}", f"none/{character}",
                f"completeness?q={character}&q=1", f"registry/branch?kind=case&id={character}",
                f"registry/register?kind=case&cabinet={character}"):  # fmt: skip
        assert "control character U+00" in page(member, f"/pms/{url}", 400)
    for url in (f"devices/26{character}9/latest", f"completeness?device={character}",
                f"pms/{character}/latest", f"nothing{character}", f"receipts?limit={character}",
                f"devices/269/history?quantity=1&quantity={character}"):  # fmt: skip
        reply = member.get(f"{PREFIX}/{url}", headers=organisation.headers)
        assert (reply.status_code, "U+00" in reply.get_json()["message"]) == (400, True), url


@pytest.mark.parametrize("character", ["\0", "\x1d", "\x7f", "\x85"])
def test_control_characters_in_forms_are_refused(
    client: FlaskClient, admin: Organisation, character: str
) -> None:
    form = page(client, "/pms/registry/register?kind=case")
    names = forms(form)[0].fields
    for name in names:
        odd: dict[str, Any] = {name: f"a{character}b"}
        reply = submit(client, form, **odd)
        assert reply.status_code == 400
        if name != "csrf_token":
            said = f"{name} has the control character U+00"
            assert said in reply.get_data(as_text=True)
    upload = forms(page(client, "/pms/registry/import"))[0].fields
    for more in ({"skip": character}, {f"x{character}": "1"}):
        assert client.post("/pms/registry/import", data={**upload, **more}).status_code == 400
    assert client.post("/pms/quarantine", data={**upload, "note": character}).status_code == 400
    assert not load_directory(admin.id).version


def test_a_note_has_lines_and_an_id_has_none(member: FlaskClient, site: Site) -> None:
    form = page(member, "/pms/registry/case/269?do=service")
    assert submit(member, form, note="one\r\n\ttwo").status_code == 303
    form = page(member, "/pms/registry/acquisition-board/B269?do=alias")
    assert submit(member, form, alias="A\nB").status_code == 400


@pytest.mark.parametrize("ident", [MARKUP, "a`b", "“a”", "a\\b", "x" * 65, "x" * 76])
def test_forms_register_no_id_with_markup(
    client: FlaskClient, admin: Organisation, ident: str
) -> None:
    Site(admin.id).pms()
    for kind, name, more in (
        ("pms", "ident", {}),
        ("cabinet", "ident", {"pms": "PMS-1"}),
        ("cabinet", "ehub", {"pms": "PMS-1", "ident": "C2"}),
        ("case", "ident", {}),
        ("case", "board", {"ident": "300"}),
        ("case", "cell_3", {"ident": "300"}),
    ):
        form = page(client, f"/pms/registry/register?kind={kind}")
        sent: dict[str, Any] = {name: ident, **more}
        reply = submit(client, form, **sent)
        text = reply.get_data(as_text=True)
        assert reply.status_code == 422, (kind, name)
        assert f'id="field-{name}-error">' in text
        assert "use at most 64 characters, and no &lt;, &gt;, quotes, backslashes" in text
        assert "<img src=x" not in text


def test_a_nearly_equal_id_has_to_be_confirmed(member: FlaskClient, site: Site) -> None:
    form = page(member, "/pms/registry/register?kind=case&cabinet=PMS-1-A&dock=7")
    shown = submit(member, form, ident="0269").get_data(as_text=True)
    assert "&#39;0269&#39; differs from the known case 269 only by leading zeros." in shown
    assert "Is it really another one?" in shown
    assert load_directory(site.account_id).find("case", "0269") is None
    assert submit(member, shown, sure=True, ident="0269").status_code == 303
    assert load_directory(site.account_id).find("case", "0269") is not None


@pytest.mark.parametrize(
    ("ident", "said"),
    [
        ("N/A", "&#39;N/A&#39; is a placeholder, not the id of a new case."),
        ("241.0", "&#39;241.0&#39; is what a spreadsheet makes of the id of a new case."),
    ],
)
def test_what_is_hardly_an_id_has_to_be_confirmed(
    member: FlaskClient, site: Site, ident: str, said: str
) -> None:
    form = page(member, "/pms/registry/register?kind=case&cabinet=PMS-1-A&dock=7")
    shown = submit(member, form, ident=ident).get_data(as_text=True)
    assert f"{said} Is it really its id?" in shown
    assert load_directory(site.account_id).find("case", ident) is None
    assert submit(member, shown, sure=True, ident=ident).status_code == 303
    assert load_directory(site.account_id).find("case", ident) is not None


def test_what_flexmeasures_gets_is_plain_text(
    client: FlaskClient, organisation: Organisation
) -> None:
    site = Site(organisation.id)
    names = {kind: f"{kind} {MARKUP}" for kind in ("pms", "cabinet", "case", "mppt")}
    with old_ids(), site.at_once() as new:
        for kind, name in names.items():
            new.register(kind, name)
    site.install(("cabinet", names["cabinet"]), ("pms", names["pms"]), place=2)
    site.install(("case", names["case"]), ("cabinet", names["cabinet"]), place=3)
    body = request({"mppt_id": names["mppt"]}, converter_sample(datetime.now(UTC)))
    sent = client.post(f"{PREFIX}/devices/dataset/mppt", data=body, headers={
        **organisation.headers, "Content-Type": "application/json"})  # fmt: skip
    assert sent.status_code == 200, sent.get_json()

    assets = db.session.scalars(
        sa.select(GenericAsset).where(GenericAsset.account_id == organisation.id)
    ).all()
    ids = [asset.id for asset in assets]
    events = db.session.scalars(
        sa.select(AssetAuditLog.event).where(AssetAuditLog.affected_asset_id.in_(ids))
    ).all()
    sources = db.session.scalars(
        sa.select(DataSource.name).where(DataSource.account_id == organisation.id)
    ).all()
    described = [asset.description or "" for asset in assets]
    given = [*(asset.name for asset in assets), *described, *events, *sources]
    assert len(assets) == 4 and len(events) >= 2 and sources
    assert any("img src=x onerror" in text for text in events)
    assert any("img src=x onerror" in text for text in sources)
    assert not [text for text in given if set(text) & set("<>\"'`\\")]

    log_in(client, organisation)
    for number in ids:
        log = client.get(f"/api/v3_0/assets/{number}/auditlog")
        assert log.status_code == 200
        assert not [one for one in log.get_json()["data"] if "<" in one["event"]]
        for url in (f"/assets/{number}/auditlog", f"/assets/{number}/context", f"/assets/{number}"):
            assert "<img src=x" not in client.get(url, follow_redirects=True).get_data(as_text=True)


def test_sources_of_before_are_used_further(
    client: FlaskClient, organisation: Organisation
) -> None:
    from flexmeasures_pms.beliefs.sources import forget_sources

    site, ident = Site(organisation.id), f"mppt {MARKUP}"
    with old_ids():
        site.register("mppt", ident)
    source = DataSource(name=ident, type="gateway", model="mppt", account_id=organisation.id)
    db.session.add(source)
    db.session.commit()
    forget_sources()
    body = request({"mppt_id": ident}, converter_sample(datetime.now(UTC)))
    client.post(f"{PREFIX}/devices/dataset/mppt", data=body, headers={
        **organisation.headers, "Content-Type": "application/json"})  # fmt: skip
    found = sa.select(DataSource.name).where(
        DataSource.account_id == organisation.id, DataSource.type == "gateway"
    )
    (name,) = db.session.scalars(found)
    assert "<" not in name


def test_a_quarantined_pack_id_with_markup_is_text_on_our_pages(
    member: FlaskClient, organisation: Organisation, site: Site
) -> None:
    odd = "<script>alert(1)</script>"
    body: Any = request({"pms_id": "PMS-1"}, pack_sample(odd, datetime.now(UTC)),
                        pack_sample("x" * 80, datetime.now(UTC)))  # fmt: skip
    headers = {**organisation.headers, "Content-Type": "application/json"}
    reply = member.post(f"{PREFIX}/devices/dataset/pms", data=body, headers=headers)
    assert reply.status_code == 200
    listed = page(member, "/pms/quarantine")
    assert "&lt;script&gt;alert(1)" in listed
    links = [part.split('"')[0] for part in listed.split('href="')[1:]]
    samples = [link for link in links if "/quarantine/" in link]
    assert samples
    for url in (*samples, "/pms/quarantine", "/pms/PMS-1", "/pms", "/pms/receipts",
                f"/pms/quarantine?q={odd}", f"/pms/registry?q={odd}"):  # fmt: skip
        assert "<script>alert(1)" not in page(member, url)
