"""FlexMeasures' pages of all assets, where there are many."""

from __future__ import annotations

import re

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from sqlalchemy import select
from support.session import log_in
from support.site import Site
from support.statements import statements

from flexmeasures_pms.ui import large

DASHBOARD = "/dashboard"


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """A client that is logged in, of an organisation with two packs in a cabinet."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.register("pms", "PMS-1", timezone="Asia/Jakarta", latitude=-6.2, longitude=106.8)
        new.register("cabinet", "CAB-1")
    site.install(("cabinet", "CAB-1"), ("pms", "PMS-1"), place=1)
    site.case("0241", "CAB-1", 4)
    site.case("0242", "CAB-1", 5)
    return log_in(client, organisation)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one asset be many."""
    monkeypatch.setattr(large, "MANY", 0)


def asset(organisation: Organisation, name: str) -> GenericAsset:
    query = select(GenericAsset).filter_by(account_id=organisation.id, name=name)
    return db.session.scalars(query).one()


def text_at(client: FlaskClient, address: str) -> str:
    reply = client.get(address)
    assert reply.status_code == 200
    return reply.get_data(as_text=True)


def marked(page: str) -> set[str]:
    return set(re.findall(r"<h4>(\S+)\s*</h4>", page))


def choices(page: str) -> dict[str, bool]:
    """Return the parents that can be chosen, and whether each is."""
    found = re.search(r'(?s)<select name="parent_asset_id".*?</select>', page)
    assert found
    options = re.findall(r"(?s)<option([^>]*)>\s*(.*?)\s*</option>", found[0])
    return {name.split(" (")[0]: "selected" in attributes for attributes, name in options}


def test_of_a_few_assets_the_map_shows_each(member: FlaskClient) -> None:
    assert marked(text_at(member, DASHBOARD)) == {"PMS-1", "CAB-1", "0241", "0242"}


@pytest.mark.usefixtures("many")
def test_of_many_the_map_leaves_out_what_is_where_its_pms_is(member: FlaskClient) -> None:
    page = text_at(member, DASHBOARD)
    assert marked(page) == {"PMS-1"}
    assert re.search(r'text-center">\s*2</td>', page), "packs are still counted"
    assert "Assets with no location" not in page


@pytest.mark.usefixtures("many")
def test_a_pack_in_another_place_or_in_nothing_is_on_the_map(
    member: FlaskClient, organisation: Organisation
) -> None:
    asset(organisation, "0241").latitude = -7.5
    asset(organisation, "0242").parent_asset_id = None
    assert marked(text_at(member, DASHBOARD)) == {"PMS-1", "0241", "0242"}


@pytest.mark.usefixtures("many")
def test_an_asset_of_another_type_is_on_the_map_wherever_it_is(
    member: FlaskClient, organisation: Organisation
) -> None:
    case, cabinet = asset(organisation, "0241"), asset(organisation, "CAB-1")
    case.generic_asset_type_id = asset(organisation, "PMS-1").generic_asset_type_id
    assert case.location == cabinet.location
    assert marked(text_at(member, DASHBOARD)) == {"PMS-1", "0241"}


def test_the_dashboard_reads_no_json_of_assets(member: FlaskClient) -> None:
    with statements() as sent:
        text_at(member, DASHBOARD)
    of_assets = [one for one in sent if "FROM generic_asset JOIN" in one]
    assert of_assets
    assert not [one for one in of_assets if "sensors_to_show" in one or "attributes" in one]


def test_other_pages_read_assets_as_they_did(
    member: FlaskClient, organisation: Organisation
) -> None:
    text_at(member, DASHBOARD)
    with statements() as sent:
        text_at(member, f"/assets/{asset(organisation, '0241').id}/context")
    assert any("FROM generic_asset" in one and "sensors_to_show" in one for one in sent)


def test_properties_read_the_json_of_their_asset_and_not_of_all(
    member: FlaskClient, organisation: Organisation
) -> None:
    with statements() as sent:
        page = text_at(member, f"/assets/{asset(organisation, '0241').id}/properties")
    assert "Asia/Jakarta" in page
    lists = [one for one in sent if "FROM generic_asset" in one and "ORDER BY" in one]
    assert lists
    assert not [one for one in lists if "sensors_to_show" in one]


def test_of_a_few_assets_each_can_be_chosen_as_parent(
    member: FlaskClient, organisation: Organisation
) -> None:
    page = text_at(member, f"/assets/{asset(organisation, '0241').id}/properties")
    assert choices(page) == {"No Parent": False, "PMS-1": False, "CAB-1": True, "0242": False}


@pytest.mark.usefixtures("many")
def test_of_many_packs_only_the_one_that_is_the_parent(
    member: FlaskClient, organisation: Organisation
) -> None:
    case, other = asset(organisation, "0241"), asset(organisation, "0242")
    case.parent_asset_id = other.id
    page = text_at(member, f"/assets/{case.id}/properties")
    assert choices(page) == {"No Parent": False, "PMS-1": False, "CAB-1": False, "0242": True}
    page = text_at(member, f"/assets/{other.id}/properties")
    assert choices(page) == {"No Parent": False, "PMS-1": False, "CAB-1": True}
