"""FlexMeasures' own pages show the plugin's assets well."""

from __future__ import annotations

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import select
from support.session import log_in
from support.site import Site
from support.telemetry import pack_sample, request

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
