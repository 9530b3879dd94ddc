"""No page asks another host for anything: FlexMeasures' own neither, with charts and all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import select
from support.browser import Visitor
from support.simulated import register_layout, send

from flexmeasures_pms.errors import ConfigError
from flexmeasures_pms.simulator import fleet_layout
from flexmeasures_pms.ui import files
from flexmeasures_pms.ui.offline import coverage, serve
from flexmeasures_pms.ui.offline.table import FILES, OWN, ROWS

LAYOUT = fleet_layout(cabinets=1, packs=2)
CASE = LAYOUT.systems[0].cases()[0].ident


def asset(organisation: Organisation, external_id: str) -> GenericAsset:
    return db.session.scalars(
        select(GenericAsset).filter_by(account_id=organisation.id, external_id=external_id)
    ).one()


@pytest.fixture
def site(organisation: Organisation, client: FlaskClient, runner: FlaskCliRunner) -> Organisation:
    """An organisation with two packs that have reported for some minutes."""
    register_layout(runner, organisation.id, LAYOUT)
    send(client, organisation.headers, LAYOUT, lasting=timedelta(minutes=30))
    return organisation


def test_all_that_flexmeasures_loads_from_elsewhere_is_in_the_table() -> None:
    assert coverage.lacking() == []


def test_a_library_of_another_version_would_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "FILES", {k: v for k, v in FILES.items() if "vega@" not in k})
    assert coverage.lacking() == [("cdn.jsdelivr.net/npm/vega@5.22.1", "ui/templates/base.html")]


@pytest.mark.parametrize("url", sorted(FILES))
def test_a_file_of_the_table_is_served_as_what_it_is(client: FlaskClient, url: str) -> None:
    reply = client.get(f"{serve.prefix()}{url}", headers={"Accept-Encoding": "gzip"})
    assert reply.status_code == 200
    assert "immutable" in reply.headers["Cache-Control"]
    wanted = {".js": "javascript", "css": "text/css", "svg": "image/svg+xml", "png": "image/png"}
    assert wanted.get(Path(FILES[url]).name[-3:], "") in (reply.mimetype or "")
    assert len(reply.get_data()) > 100


def test_what_is_not_in_the_table_is_not_served(client: FlaskClient) -> None:
    for url in ("example.com/x.js", "cdn.jsdelivr.net/../../../config.py"):
        assert client.get(f"{serve.prefix()}{url}").status_code in (302, 404)


def test_what_our_own_scripts_need_is_served_from_here(client: FlaskClient) -> None:
    for row in OWN:
        for _, path in row.pairs():
            reply = client.get(files.url(f"vendor/{path}"))
            assert reply.status_code == 200
            assert reply.mimetype is not None and "javascript" in reply.mimetype
            assert "immutable" in reply.headers["Cache-Control"]


def test_every_package_has_its_licence() -> None:
    for row in (*ROWS, *OWN):
        name = f"{row.package.replace('/', '-').lstrip('@')}.txt"
        assert (files.FOLDER / "vendor" / "licences" / name).read_text().strip()


def test_a_start_without_the_files_says_what_to_do(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serve, "VENDOR", tmp_path)
    with pytest.raises(ConfigError, match="make assets"):
        serve.install(app)


def test_flexmeasures_pages_of_a_case_are_styled_and_draw(
    member: Visitor, site: Organisation
) -> None:
    case = asset(site, f"case:{CASE}")
    for path, drawn in (
        (f"/assets/{case.id}/context", "canvas, svg"),
        (f"/assets/{case.id}/graphs", "canvas, .marks"),
        (f"/assets/{case.id}/properties", "button"),
        (f"/assets/{case.id}/status", "table"),
        (f"/sensors/{case.sensors[0].id}", "canvas, .marks"),
    ):
        page = member.open(path, ready=drawn)
        page.evaluate("document.fonts.ready")
        family = page.evaluate("getComputedStyle(document.body).fontFamily")
        assert "system-ui" in family, "Bootstrap's style is not there"
        assert page.evaluate("document.fonts.check('16px Poppins')")


def test_all_that_our_style_on_every_page_asks_for_is_in_the_table() -> None:
    asked = re.findall(r'"\.\./from/([^"]+)"', (files.FOLDER / "css/flexmeasures.css").read_text())
    assert len(asked) == 6 and set(asked) <= set(FILES)


WEIGHTS = """[...document.fonts]
    .filter(face => face.family.includes("Poppins") && face.status === "loaded")
    .map(face => face.weight)"""


def test_bold_letters_have_a_font_of_their_own(member: Visitor, site: Organisation) -> None:
    case = asset(site, f"case:{CASE}")
    for path, weight in ((f"/pms/case/{CASE}", "600"), (f"/assets/{case.id}/status", "700")):
        page = member.open(path)
        page.evaluate("document.fonts.ready")
        assert {"400", weight} <= set(page.evaluate(WEIGHTS))


# What the scripts of other pages draw last: until then they may ask for more.
DRAWN_LAST = {
    "/dashboard": "#mapid .leaflet-marker-icon",
    "/assets": "#assetTable tbody td",
    "/logged-in-user": "footer",
    "/assets/new": "#mapid .leaflet-control-zoom",
}


@pytest.mark.parametrize("path", DRAWN_LAST)
def test_flexmeasures_other_pages_stay_here_too(
    member: Visitor, site: Organisation, path: str
) -> None:
    page = member.open(path, ready=DRAWN_LAST[path])
    assert page.locator("#topnavbar").is_visible()
    assert page.evaluate("typeof bootstrap") == "object"


def test_an_admin_s_lists_stay_here_too(
    visit: Visitor, make_organisation: Callable[..., Organisation]
) -> None:
    admin = make_organisation(roles=["admin"])
    visit.log_in(admin)
    for path, last in (
        ("/users", "#usersTable tbody td"),
        ("/accounts", "#accountsTable tbody td"),
        (f"/accounts/{admin.id}", "#assetTable tbody td"),
        (f"/users/{admin.user_id}", "footer"),
    ):
        page = visit.open(path, ready=last)
        assert page.locator("table").count() > 0


def test_the_login_page_is_styled(visit: Visitor) -> None:
    # FlexMeasures loads Vega on every page but this one, and uses it on this one too.
    visit.guard.allow("vega is not defined", "vegaEmbed is not defined")
    page = visit.open("/login")
    assert page.evaluate("typeof bootstrap") == "object"
