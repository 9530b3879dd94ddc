"""FlexMeasures' own pages show the plugin's assets well."""

from __future__ import annotations

import re

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import select, update
from support.session import log_in
from support.site import Site
from support.telemetry import pack_sample, request

from flexmeasures_pms.beliefs.system_graphs import show_cabinets
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES


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


def test_graphs_of_earlier_versions_are_changed_by_maintenance_and_others_are_left(
    page: FlaskClient, organisation: Organisation
) -> None:
    system = asset(organisation, "pms:PMS-1")
    made, (own,) = system.sensors_to_show, (s for s in system.sensors if "temp" in s.name)
    first = [{"title": "EHub temperature", "y-axis": "data", "plots": [{"sensors": [own.id]}]}]
    mine = [{"title": "Mine", "plots": [{"sensor": own.id}]}]
    for before, after in ((first, made), (mine, mine), ([own.id], [own.id])):
        db.session.execute(
            update(GenericAsset).where(GenericAsset.id == system.id).values(sensors_to_show=before)
        )
        show_cabinets()
        db.session.refresh(system)
        assert system.sensors_to_show == after


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
