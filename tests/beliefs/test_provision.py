"""The assets and sensors that FlexMeasures' pages show."""

from __future__ import annotations

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.audit_log import AssetAuditLog
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.schemas.generic_assets import GenericAssetSchema
from flexmeasures.data.services.sensors import delete_sensor
from sqlalchemy import select
from support import stored
from support.site import Site
from support.telemetry import NOON, at, converter_sample, pack_sample, request


def asset(account_id: int, external_id: str) -> GenericAsset:
    found: GenericAsset = db.session.scalars(
        select(GenericAsset).where(
            GenericAsset.account_id == account_id, GenericAsset.external_id == external_id
        )
    ).one()
    return found


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.register("pms", "PMS-1", timezone="Asia/Jakarta", latitude=-6.2, longitude=106.8)
        new.register("cabinet", "CAB-1")
    site.install(("cabinet", "CAB-1"), ("pms", "PMS-1"), place=1)
    site.case("0241", "CAB-1", 4)
    return site


def test_a_case_has_its_place_type_and_location(site: Site) -> None:
    case = asset(site.account_id, "case:0241")

    assert (case.name, case.generic_asset_type.name) == ("0241", "case")
    assert case.parent_asset.external_id == "cabinet:CAB-1"
    assert case.parent_asset.parent_asset.external_id == "pms:PMS-1"
    assert case.description == "Case in dock 4 of cabinet CAB-1"
    assert (case.latitude, case.longitude) == (-6.2, 106.8)
    assert case.attributes["timezone"] == "Asia/Jakarta"
    assert {sensor.timezone for sensor in case.sensors} == {"Asia/Jakarta"}


def test_a_case_has_all_its_sensors_from_the_start(site: Site) -> None:
    sensors = {sensor.name: sensor for sensor in asset(site.account_id, "case:0241").sensors}

    assert len(sensors) == 43
    power = sensors["pack power"]
    assert (power.unit, power.event_resolution.total_seconds()) == ("W", 0)
    assert power.get_attribute("consumption_is_positive") is True
    assert power.get_attribute("status_specs")["max_staleness"]
    assert sensors["cell 07 voltage"].get_attribute("sensor_type") == "cell voltage"


def test_the_graph_page_draws_the_cells_in_one_plot(site: Site) -> None:
    case = asset(site.account_id, "case:0241")

    plots = {plot["title"]: plot for plot in case.sensors_to_show}
    cells = {s.id for s in case.sensors if s.name.startswith("cell ") and s.unit == "V"}
    (drawn,) = plots["Cell voltage"]["plots"]
    assert set(drawn["sensors"]) == cells
    assert plots["Cell voltage"]["y-axis"] == "data"
    GenericAssetSchema(partial=True, only=("sensors_to_show",)).load(
        {"sensors_to_show": case.sensors_to_show}
    )


def test_sensors_of_arrays_appear_when_they_are_needed(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    site.register("mppt", "MPPT-1")
    before = {sensor.name for sensor in asset(site.account_id, "mppt:MPPT-1").sensors}
    assert "battery voltage" in before
    assert "PV 1 voltage" not in before

    client.post(
        "/pms/api/v1/devices/dataset/mppt",
        data=request({"mppt_id": "MPPT-1"}, converter_sample()),
        headers=organisation.headers,
        content_type="application/json",
    )

    mppt = asset(site.account_id, "mppt:MPPT-1")
    after = {sensor.name for sensor in mppt.sensors}
    assert {"PV 2 power", "load 1 current"} <= after
    assert not {"PV 3 power", "load 2 current"} & after
    assert "PV power" in {plot["title"] for plot in mppt.sensors_to_show}


def test_a_pms_and_a_case_may_both_be_called_25(organisation: Organisation) -> None:
    site = Site(organisation.id)
    site.register("pms", "25")
    site.case("25")

    assert asset(site.account_id, "pms:25").name == "25"
    assert asset(site.account_id, "case:25").name == "25 (case)"


def test_making_and_moving_an_asset_is_in_its_audit_log(site: Site) -> None:
    site.case("0242")
    site.install(("case", "0242"), ("cabinet", "CAB-1"), place=5)

    case = asset(site.account_id, "case:0242")
    events = db.session.scalars(
        select(AssetAuditLog.event)
        .where(AssetAuditLog.affected_asset_id == case.id)
        .order_by(AssetAuditLog.id)
    )
    assert list(events) == [
        "Registered: Case, in no dock",
        "Registered: Case in dock 5 of cabinet CAB-1",
    ]


def test_a_deleted_asset_comes_back_with_the_next_registration_and_its_samples_wait(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    def post() -> dict[str, int]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, pack_sample("0241", dock=4)),
            headers=organisation.headers,
            content_type="application/json",
        )
        receipt: dict[str, int] = reply.get_json()["receipt"]
        return receipt

    assert post()["stored"] == 1
    db.session.delete(asset(site.account_id, "case:0241"))
    db.session.commit()
    assert post()["quarantined"] == 1

    site.case("0241")
    assert stored.times(site.account_id, "case:0241") == {NOON}
    assert stored.waiting(site.account_id) == []


def test_a_deleted_sensor_is_made_again(
    site: Site, client: FlaskClient, organisation: Organisation
) -> None:
    for minute in range(3):
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, pack_sample("0241", at(minute), dock=4)),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.get_json()["receipt"]["beliefs"] == 42
        case = asset(site.account_id, "case:0241")
        delete_sensor(next(s for s in case.sensors if s.name == "pack current"))
        db.session.commit()


def test_an_asset_that_was_handed_to_another_organisation_gets_nothing(
    site: Site, client: FlaskClient, organisation: Organisation, other_organisation: Organisation
) -> None:
    asset(site.account_id, "case:0241").account_id = other_organisation.id
    db.session.commit()

    reply = client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, pack_sample("0241", dock=4)),
        headers=organisation.headers,
        content_type="application/json",
    )

    assert reply.get_json()["receipt"]["quarantined"] == 1
    assert stored.belief_count(other_organisation.id) == 0
