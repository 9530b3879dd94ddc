"""FlexMeasures' own pages show the plugin's assets well."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import select, text, update
from support.session import log_in
from support.site import AUTHOR, Site, commit
from support.telemetry import NOON, pack_sample, request

from flexmeasures_pms.beliefs.system_graphs import show_cabinets
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.ui import asset_panel


@pytest.fixture
def page(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """A client that is logged in, with a case that has reported."""
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
    log_in(client, organisation)
    return client


def test_the_pages_of_a_case_open(page: FlaskClient, organisation: Organisation) -> None:
    case = db.session.scalars(
        select(GenericAsset).where(
            GenericAsset.account_id == organisation.id, GenericAsset.external_id == "case:0241"
        )
    ).one()
    for path in (
        f"/assets/{case.id}/graphs",
        f"/assets/{case.id}/properties",
        f"/assets/{case.id}/context",
        f"/assets/{case.id}/status",
        f"/sensors/{case.sensors[0].id}",
    ):
        reply = page.get(path)
        assert reply.status_code == 200, path
        assert "0241" in reply.get_data(as_text=True)


def test_the_dashboard_names_and_draws_the_types(page: FlaskClient) -> None:
    text = page.get("/dashboard").get_data(as_text=True)
    assert "Pms" in text
    assert ">Pm<" not in text.replace(" ", "").replace("\n", "")
    assert "icon-cases" not in text


@pytest.mark.parametrize("icon", [t.icon for t in ASSET_TYPES])
def test_every_type_has_a_letter_in_an_icon_font(client: FlaskClient, icon: str) -> None:
    sheet = client.get("/ui/static/css/flexmeasures.css").get_data(as_text=True)
    assert icon == "fa fa-bolt" or f".{icon}:before" in sheet


@pytest.mark.parametrize("asset_type", [t.name for t in ASSET_TYPES])
def test_every_type_has_a_picture_of_its_own(client: FlaskClient, asset_type: str) -> None:
    from flexmeasures.ui.utils.view_utils import svg_asset_icon_name

    reply = client.get(svg_asset_icon_name(asset_type))
    assert (reply.status_code, reply.mimetype) == (200, "image/svg+xml")


def asset(organisation: Organisation, name: str) -> GenericAsset:
    query = select(GenericAsset).where(
        GenericAsset.account_id == organisation.id, GenericAsset.external_id == name
    )
    return db.session.scalars(query).one()


def test_each_page_of_a_case_leads_to_its_pack_page_and_back(
    page: FlaskClient, organisation: Organisation
) -> None:
    case = asset(organisation, "case:0241")
    for path in ("graphs", "properties", "context", "status", "auditlog"):
        text = page.get(f"/assets/{case.id}/{path}").get_data(as_text=True)
        panel = re.search(r'(?s)<section class="pms-asset-panel".*?</section>', text)
        assert panel, path
        assert f'<a href="/pms/case/0241?organisation={organisation.id}">Pack page</a>' in panel[0]
    text = page.get(f"/sensors/{case.sensors[0].id}").get_data(as_text=True)
    assert ">Pack page</a>" in text
    back = page.get("/pms/case/0241").get_data(as_text=True)
    assert f'href="/assets/{case.id}/graphs"' in back


def test_the_page_of_a_pms_says_how_it_is_and_leads_to_its_rack(
    page: FlaskClient, organisation: Organisation
) -> None:
    system = asset(organisation, "pms:PMS-1")
    text = page.get(f"/assets/{system.id}/context").get_data(as_text=True)
    panel = re.search(r'(?s)<section class="pms-asset-panel".*?</section>', text)
    assert panel
    words = re.sub(r"<[^>]*>", " ", panel[0])
    assert "PMS PMS-1" in words
    assert re.search(r"Packs reporting: \d of 1", words)
    assert f'href="/pms/PMS-1?organisation={organisation.id}"' in panel[0]


def test_the_graphs_of_a_pms_are_of_its_cabinets(
    page: FlaskClient, organisation: Organisation
) -> None:
    system = asset(organisation, "pms:PMS-1")
    cabinet = asset(organisation, "cabinet:PMS-1-A")
    (sensor,) = (s.id for s in cabinet.sensors if s.name == "EHub temperature")
    shown = [plot["plots"] for plot in system.sensors_to_show]
    assert shown == [[{"sensors": [sensor]}]]


def arrange(system: GenericAsset, shown: list[Any]) -> None:
    of_system = update(GenericAsset).where(GenericAsset.id == system.id)
    db.session.execute(of_system.values(sensors_to_show=shown))
    db.session.commit()


def test_graphs_of_earlier_versions_are_changed_by_maintenance_and_others_are_left(
    page: FlaskClient, organisation: Organisation
) -> None:
    system = asset(organisation, "pms:PMS-1")
    made, (own,) = system.sensors_to_show, (s for s in system.sensors if "temp" in s.name)
    first: list[Any] = [
        {"title": "EHub temperature", "y-axis": "data", "plots": [{"sensors": [own.id]}]}
    ]
    mine = [{"title": "Mine", "plots": [{"sensor": own.id}]}]
    (sensor,) = made[0]["plots"][0]["sensors"]
    two = [{**first[0], "plots": [{"sensors": [own.id, sensor]}]}]
    zero = [{**made[0], "y-axis": "zero"}]
    left: tuple[list[Any], ...] = (mine, [own.id], [], two, zero, [*made, *made])
    for before, after in ((first, made), *((shown, shown) for shown in left)):
        arrange(system, before)
        show_cabinets()
        db.session.refresh(system)
        assert system.sensors_to_show == after


def test_graphs_follow_the_cabinets_unless_somebody_arranged_or_emptied_them(
    page: FlaskClient, organisation: Organisation
) -> None:
    site, system = Site(organisation.id), asset(organisation, "pms:PMS-1")
    site.register("cabinet", "CAB-2", "CAB-3")
    sensors = {
        name: next(
            s.id for s in asset(organisation, f"cabinet:{name}").sensors
            if s.name == "EHub temperature"
        )
        for name in ("PMS-1-A", "CAB-2", "CAB-3")
    }  # fmt: skip
    [first] = system.sensors_to_show

    def shown() -> list[int]:
        db.session.refresh(system)
        found: list[int] = system.sensors_to_show[0]["plots"][0]["sensors"]
        return found

    site.install(("cabinet", "CAB-2"), ("pms", "PMS-1"), place=2)
    assert shown() == [sensors["PMS-1-A"], sensors["CAB-2"]]
    site.remove(("cabinet", "CAB-2"))
    assert shown() == [sensors["PMS-1-A"]]
    of_one: list[Any] = [{**first, "plots": [{"sensors": [sensors["CAB-3"]]}]}]
    for arranged in ([], of_one):
        arrange(system, arranged)
        site.install(("cabinet", "CAB-3"), ("pms", "PMS-1"), place=2)
        site.remove(("cabinet", "CAB-3"))
        show_cabinets()
        db.session.refresh(system)
        assert system.sensors_to_show == arranged


def test_an_asset_that_is_not_ours_has_no_panel(
    page: FlaskClient, organisation: Organisation
) -> None:
    kind = asset(organisation, "pms:PMS-1").generic_asset_type
    other = GenericAsset(name="A field", account_id=organisation.id, generic_asset_type=kind)
    db.session.add(other)
    db.session.commit()
    text = page.get(f"/assets/{other.id}/context").get_data(as_text=True)
    assert "A field" in text
    assert "pms-asset-panel" not in text


def panel(page: FlaskClient, asset_id: int) -> str:
    """The words of the panel on the page of an asset, if it has one."""
    reply = page.get(f"/assets/{asset_id}/context")
    assert reply.status_code == 200
    found = re.search(
        r'(?s)<section class="pms-asset-panel".*?</section>', reply.get_data(as_text=True)
    )
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split()) if found else ""


def test_an_asset_that_was_given_away_shows_its_new_owner_nothing_of_the_old_one(
    page: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    system, case = asset(organisation, "pms:PMS-1"), asset(organisation, "case:0241")
    numbers = [system.id, case.id]
    assert all(panel(page, number) for number in numbers)
    for given in (system, case):
        given.account_id = other_organisation.id
        given.parent_asset_id = None
    db.session.commit()
    log_in(page, other_organisation)
    assert [panel(page, number) for number in numbers] == ["", ""]


@pytest.mark.parametrize("zone", ["Mars/Olympus", 7])
def test_the_page_of_a_retired_case_opens_whatever_its_asset_says_of_its_time_zone(
    page: FlaskClient, organisation: Organisation, zone: object
) -> None:
    case = asset(organisation, "case:0241")
    order = Order(AUTHOR, account_id=organisation.id, at=NOON)
    commit(orders.retire(order, "0241", with_packs=True))
    case.attributes["timezone"] = zone
    db.session.commit()
    words = panel(page, case.id)
    assert "retired since 2026-03-01 19:00:00" in words
    assert "Time zone: Asia/Jakarta (UTC+07:00)" in words


def test_a_fault_of_the_panel_leaves_the_page_as_it_is(
    page: FlaskClient, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = asset(organisation, "pms:PMS-1").id

    def fail(*_: object, **__: object) -> None:
        db.session.execute(text("SELECT pg_sleep(10)"))

    monkeypatch.setattr(asset_panel, "MOST_TIME", "10ms")
    monkeypatch.setattr(asset_panel, "fleet", fail)
    assert panel(page, number) == ""
    monkeypatch.setattr(asset_panel, "fleet", lambda *_, **__: 1 / 0)
    assert panel(page, number) == ""


def test_the_panel_writes_nothing_that_is_pending_and_leaves_the_time_limit(
    page: FlaskClient, organisation: Organisation
) -> None:
    system = asset(organisation, "pms:PMS-1")
    db.session.execute(text("SET LOCAL statement_timeout = '7s'"))
    system.name = "Not yet written"
    assert "PMS-1" in asset_panel.asset_panel(system)
    assert system in db.session.dirty
    with db.session.no_autoflush:
        assert db.session.scalar(text("SHOW statement_timeout")) == "7s"
    db.session.rollback()


def test_without_tables_the_pages_have_no_panel_and_the_log_says_it_once(
    page: FlaskClient,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    number = asset(organisation, "pms:PMS-1").id

    def fail() -> None:
        raise SchemaError("The tables are not there.")

    monkeypatch.setattr(asset_panel, "require_tables", fail)
    for _ in range(2):
        assert panel(page, number) == ""
    said = [record for record in caplog.records if "The tables are not there." in record.message]
    assert [record.exc_info for record in said] == [None]
