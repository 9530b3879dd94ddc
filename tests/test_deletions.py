"""What FlexMeasures deletes by its own commands and API: the plugin goes on without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from support import stored
from support.session import log_in
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request

Delete = Callable[..., None]
Post = Callable[..., dict[str, int]]

PAGES = (
    "/pms", "/pms/pms/PMS-1", "/pms/pms/PMS-1/cells", "/pms/case/0241", "/pms/completeness",
    "/pms/registry", "/pms/registry/case/0241", "/pms/quarantine", "/pms/receipts",
)  # fmt: skip
ROUTES = (
    "devices/0241/latest", "pms/PMS-1/latest", "devices/0241/history", "fleet", "pms/PMS-1/rack",
    "pms/PMS-1/cells", "completeness", "receipts",
)  # fmt: skip
CASE = "case:0241"


@pytest.fixture
def owner(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def site(owner: Organisation) -> Site:
    site = Site(owner.id)
    site.pms("PMS-1")
    site.case("0241", "PMS-1-A", 1)
    site.case("0242", "PMS-1-A", 2)
    return site


@pytest.fixture
def post(client: FlaskClient, owner: Organisation, site: Site) -> Post:
    def send(*samples: object) -> dict[str, int]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=owner.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        receipt: dict[str, int] = reply.get_json()["receipt"]
        return receipt

    return send


@pytest.fixture
def delete(runner: FlaskCliRunner) -> Delete:
    """Run ``flexmeasures delete``."""

    def run(*args: object) -> None:
        result = runner.invoke(args=["delete", *map(str, args)], input="y\n")
        assert result.exit_code == 0, result.output

    return run


@pytest.fixture
def goes_on(client: FlaskClient, owner: Organisation) -> Callable[[], None]:
    """Open the pages and routes of the site: none may fail."""

    def look() -> None:
        log_in(client, owner)
        for path in (*PAGES, *(f"/pms/api/v1/{route}" for route in ROUTES)):
            reply = client.get(path)
            assert reply.status_code in (200, 404), (path, reply.get_data(as_text=True)[:500])

    return look


def asset_id(account_id: int, external_id: str) -> int:
    query = sa.select(GenericAsset.id).where(GenericAsset.account_id == account_id)
    return db.session.scalars(query.where(GenericAsset.external_id == external_id)).one()


def sensor_id(account_id: int, external_id: str, name: str) -> int:
    query = sa.select(Sensor.id).where(Sensor.name == name)
    where = Sensor.generic_asset_id == asset_id(account_id, external_id)
    return db.session.scalars(query.where(where)).one()


def latest(client: FlaskClient, owner: Organisation, ident: str = "0241") -> Any:
    reply = client.get(f"/pms/api/v1/devices/{ident}/latest", headers=owner.headers)
    return reply.get_json()


def rows(table: str, account_id: int) -> int:
    return db.session.scalar(
        sa.text(f"SELECT count(*) FROM {table} WHERE account_id = :id"), {"id": account_id}
    )


# --- beliefs


def test_samples_are_stored_again_after_their_beliefs_were_deleted(
    site: Site, post: Post, delete: Delete, goes_on: Callable[[], None]
) -> None:
    samples = [pack_sample("0241", at(n)) for n in range(3)]
    assert post(*samples)["stored"] == 3
    before = stored.beliefs(site.account_id, CASE)
    delete("beliefs", "--asset", asset_id(site.account_id, CASE), "--force")
    assert stored.beliefs(site.account_id, CASE) == {}
    goes_on()

    assert post(*samples)["stored"] == 3
    assert stored.beliefs(site.account_id, CASE) == before
    assert post(*samples)["duplicate"] == 3
    goes_on()


def test_a_latest_reading_goes_with_its_beliefs_and_comes_again(
    client: FlaskClient, owner: Organisation, site: Site, post: Post, delete: Delete
) -> None:
    post(pack_sample("0241", at(0)), pack_sample("0242", at(0)), pack_sample("0241", at(1)))
    delete("beliefs", "--asset", asset_id(site.account_id, CASE), "--force")
    assert latest(client, owner)["time"] is None
    assert latest(client, owner, "0242")["time"] is not None

    assert post(pack_sample("0241", at(2)))["stored"] == 1
    assert datetime.fromisoformat(latest(client, owner)["time"]) == at(2)
    assert stored.times(site.account_id, CASE) == {at(2)}


def test_a_reading_that_repeats_a_deleted_one_is_written(
    site: Site, post: Post, delete: Delete
) -> None:
    """Recorded on change: its value was written once, and that is gone."""
    post(pack_sample("0241", at(0)))
    post(pack_sample("0241", at(1)))
    sensor = sensor_id(site.account_id, CASE, "dock")
    assert {t for t, _, n in stored.beliefs(site.account_id, CASE) if n == "dock"} == {at(0)}
    delete("beliefs", "--sensor", sensor, "--force")

    post(pack_sample("0241", at(2)))
    found = stored.filled(site.account_id, CASE)
    assert {t for t, _, name in found if name == "dock"} == {at(2)}


def test_readings_before_a_deleted_period_are_not_taken_for_it(
    site: Site, post: Post, delete: Delete
) -> None:
    post(pack_sample("0241", at(0), cell={"volts": [3.5] * 14, "open": []}))
    open_cell = {"volts": [3.5] * 14, "open": [3]}
    later = [pack_sample("0241", at(n), cell=open_cell) for n in (1, 2)]
    post(*later)
    start = ["--start", at(1).isoformat(), "--end", at(1.5).isoformat()]
    delete("beliefs", "--asset", asset_id(site.account_id, CASE), *start, "--force")

    assert post(later[1])["quarantined"] == 0
    assert post(later[0])["stored"] == 1
    assert post(*later)["duplicate"] == 2
    readings = stored.filled(site.account_id, CASE)
    of_cell = {t: value for (t, _, name), value in readings.items() if name == "cell 03 open"}
    assert of_cell == {at(0): 0, at(1): 1, at(2): 1}


def test_old_beliefs_can_be_deleted_without_touching_the_latest_reading(
    client: FlaskClient, owner: Organisation, site: Site, post: Post, delete: Delete
) -> None:
    post(pack_sample("0241", at(-60)), pack_sample("0241", at(0)))
    known = latest(client, owner)
    until = ["--end", at(-30).isoformat()]
    delete("beliefs", "--asset", asset_id(site.account_id, CASE), *until, "--force")
    assert latest(client, owner) == known
    assert stored.times(site.account_id, CASE) == {at(0)}
    assert post(pack_sample("0241", at(-60)))["stored"] == 1


@pytest.mark.parametrize("what", ["unchanged-beliefs", "nan-beliefs"])
def test_what_flexmeasures_thins_out_is_none_of_ours(
    site: Site, post: Post, delete: Delete, what: str
) -> None:
    post(*(pack_sample("0241", at(n)) for n in range(3)))
    before = stored.beliefs(site.account_id, CASE)
    delete(what, "--sensor", sensor_id(site.account_id, CASE, "pack current"))
    assert stored.beliefs(site.account_id, CASE) == before
    assert post(pack_sample("0241", at(0)))["duplicate"] == 1


def test_data_deleted_by_flexmeasures_api_is_forgotten(
    client: FlaskClient, owner: Organisation, site: Site, post: Post
) -> None:
    post(pack_sample("0241"))
    sensor = sensor_id(site.account_id, CASE, "pack current")
    url = f"/api/v3_0/sensors/{sensor}/data"
    assert client.delete(url, headers=owner.headers, json={}).status_code == 204
    assert post(pack_sample("0241"))["stored"] == 1
    assert post(pack_sample("0241"))["duplicate"] == 1
    assert "pack current" in latest(client, owner)["readings"]


def test_a_correction_moves_beliefs_and_forgets_nothing(site: Site, post: Post) -> None:
    site.register("acquisition-board", "B1")
    site.install(("acquisition-board", "B1"), ("case", "0241"))
    post(*(pack_sample("B1", at(n)) for n in range(3)))
    assert stored.times(site.account_id, CASE) == {at(0), at(2)} | {at(1)}
    filled = stored.filled(site.account_id, CASE)
    site.correct(("acquisition-board", "B1"), into="0242")
    assert stored.filled(site.account_id, CASE) == {}
    assert stored.filled(site.account_id, "case:0242") == filled


# --- sensors and assets


@pytest.mark.parametrize("how", ["command", "api"])
def test_a_deleted_sensor_is_made_again(
    client: FlaskClient,
    owner: Organisation,
    site: Site,
    post: Post,
    delete: Delete,
    goes_on: Callable[[], None],
    how: str,
) -> None:
    post(pack_sample("0241"))
    sensor = sensor_id(site.account_id, CASE, "pack current")
    if how == "command":
        delete("sensor", "--id", sensor)
    else:
        url = f"/api/v3_0/sensors/{sensor}"
        assert client.delete(url, headers=owner.headers).status_code == 204
    goes_on()
    assert post(pack_sample("0241", at(1)))["stored"] == 1
    assert sensor_id(site.account_id, CASE, "pack current") != sensor
    assert "pack current" in stored.readings(site.account_id, CASE, at(1))
    assert post(pack_sample("0241"))["stored"] == 1
    goes_on()


@pytest.mark.parametrize("how", ["command", "api"])
@pytest.mark.parametrize("what", ["case:0241", "pms:PMS-1"])
def test_a_deleted_asset_lets_samples_wait_until_it_is_registered_again(
    client: FlaskClient,
    owner: Organisation,
    site: Site,
    post: Post,
    delete: Delete,
    goes_on: Callable[[], None],
    how: str,
    what: str,
) -> None:
    post(pack_sample("0241"), pack_sample("0242"))
    number = asset_id(site.account_id, what)
    if how == "command":
        delete("asset", "--id", number, "--force")
    else:
        url = f"/api/v3_0/assets/{number}"
        assert client.delete(url, headers=owner.headers).status_code == 204
    goes_on()
    found = post(pack_sample("0241", at(1)), pack_sample("0242", at(1)))
    assert found["stored"] + found["quarantined"] == 2
    assert found["quarantined"] >= 1
    goes_on()
