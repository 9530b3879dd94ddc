"""What FlexMeasures deletes by its own commands and API: the plugin goes on without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from support import folding, stored
from support.changed import changed_settings
from support.elsewhere import elsewhere
from support.gateways import make_key
from support.races import race
from support.session import log_in
from support.site import Site
from support.telemetry import at, pack_sample, request

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
    with site.at_once() as new:
        new.pms("PMS-1")
        new.case("0241", "PMS-1-A", 1)
        new.case("0242", "PMS-1-A", 2)
    return site


@pytest.fixture
def is_folded(request: pytest.FixtureRequest) -> bool:
    """Whether what is stored is folded after each request."""
    return bool(getattr(request, "param", False))


@pytest.fixture
def post(client: FlaskClient, owner: Organisation, site: Site, is_folded: bool) -> Post:
    def send(*samples: object) -> dict[str, int]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=owner.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        receipt: dict[str, int] = reply.get_json()["receipt"]
        if is_folded:
            folding.fold(owner.id)
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
    found: int = db.session.scalars(query.where(GenericAsset.external_id == external_id)).one()
    return found


def sensor_id(account_id: int, external_id: str, name: str) -> int:
    query = sa.select(Sensor.id).where(Sensor.name == name)
    where = Sensor.generic_asset_id == asset_id(account_id, external_id)
    found: int = db.session.scalars(query.where(where)).one()
    return found


def latest(client: FlaskClient, owner: Organisation, ident: str = "0241") -> Any:
    reply = client.get(f"/pms/api/v1/devices/{ident}/latest", headers=owner.headers)
    return reply.get_json()


# --- beliefs


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
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


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
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


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
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


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
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


@pytest.mark.parametrize("known", [True, False])
def test_a_late_sample_that_comes_during_a_deletion_is_stored_after_it(
    app_context: Flask, database_uri: str, site: Site, post: Post, known: bool
) -> None:
    """Otherwise what repeats a reading that is about to go is not written."""
    post(pack_sample("0241", at(-60)), pack_sample("0241", at(0)))
    number = asset_id(site.account_id, CASE)
    if not known:  # its latest reading went with an earlier deletion
        gone = sa.text("DELETE FROM pms_latest WHERE trackable_id = :id")
        db.session.execute(gone, {"id": site.number("case", "0241")})
    db.session.commit()
    delete = f"""
        DELETE FROM timed_belief WHERE event_start = '{at(-60).isoformat()}' AND sensor_id IN
        (SELECT id FROM sensor WHERE generic_asset_id = {number})"""
    with (
        race(app_context, database_uri) as people,
        elsewhere(database_uri, delete) as other,
        changed_settings(app_context, lock_timeout=30),
    ):
        late = people.start(lambda: post(pack_sample("0241", at(-59))))
        people.wait_until_waiting()
        other.commit()
        assert late.result(60)["stored"] == 1
    written = {t for t, _, name in stored.beliefs(site.account_id, CASE) if name == "dock"}
    assert written == {at(-59), at(0)}


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
def test_samples_of_boards_go_with_their_last_reading(
    site: Site, post: Post, delete: Delete
) -> None:
    site.register("acquisition-board", "B1")
    site.install(("acquisition-board", "B1"), ("case", "0241"))
    post(*(pack_sample("B1", at(n)) for n in range(3)))
    number = site.number("acquisition-board", "B1")
    noted = f"SELECT event_time FROM pms_sample WHERE board_id = {number} ORDER BY 1"
    delete("beliefs", "--sensor", sensor_id(site.account_id, CASE, "pack current"), "--force")
    assert list(db.session.scalars(sa.text(noted))) == [at(0), at(1), at(2)]

    until = ["--end", at(1.5).isoformat()]
    delete("beliefs", "--asset", asset_id(site.account_id, CASE), *until, "--force")
    assert list(db.session.scalars(sa.text(noted))) == [at(2)]
    site.correct(("acquisition-board", "B1"), into="0242")
    assert stored.times(site.account_id, CASE) == set()
    assert stored.times(site.account_id, "case:0242") == {at(2)}


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
    folding.fold(owner.id)
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


def test_a_deleted_parent_asset_takes_the_site_along_and_nothing_fails(
    owner: Organisation, site: Site, post: Post, delete: Delete, goes_on: Callable[[], None]
) -> None:
    kind = db.session.scalars(sa.select(GenericAsset.generic_asset_type_id).limit(1)).one()
    parent = GenericAsset(name="Plant", generic_asset_type_id=kind, account_id=owner.id)
    db.session.add(parent)
    db.session.flush()
    site.register("pms", "PMS-1", parent_asset_id=parent.id)
    post(pack_sample("0241"))
    delete("asset", "--id", parent.id, "--force")
    goes_on()
    assert post(pack_sample("0241", at(1)))["quarantined"] == 1
    with site.at_once() as new:
        new.register("pms", "PMS-1")
        new.register("case", "0241")
    assert stored.times(site.account_id, CASE) == {at(1)}
    goes_on()


def test_another_process_sees_at_the_next_request_that_an_asset_is_gone(
    site: Site, post: Post, delete: Delete
) -> None:
    """The version is raised at the commit, once: a process that remembers asks for it."""
    post(pack_sample("0241"))
    before = db.session.scalar(sa.text(VERSION), {"id": site.account_id})
    delete("asset", "--id", asset_id(site.account_id, "pms:PMS-1"), "--force")
    after = db.session.scalar(sa.text(VERSION), {"id": site.account_id})
    assert after > before
    marks = "SELECT DISTINCT version FROM pms_registry_change WHERE account_id = :id AND version > "
    found = db.session.scalars(
        sa.text(f"{marks}:before"), {"id": site.account_id, "before": before}
    )
    assert list(found) == [after]


VERSION = "SELECT version FROM pms_registry_version WHERE account_id = :id"


def test_who_deletes_assets_keeps_nobody_waiting_before_the_commit(
    app_context: Flask, database_uri: str, site: Site, post: Post
) -> None:
    post(pack_sample("0242"))
    number = asset_id(site.account_id, CASE)
    db.session.commit()
    engine = sa.create_engine(database_uri, poolclass=sa.NullPool)
    with engine.connect() as other, changed_settings(app_context, lock_timeout=0.5):
        other.execute(sa.text("DELETE FROM generic_asset WHERE id = :id"), {"id": number})
        assert post(pack_sample("0242", at(1)))["stored"] == 1
        other.commit()
    assert post(pack_sample("0241", at(2)), pack_sample("0242", at(2)))["quarantined"] == 1


# --- sources, users, organisations


def test_a_deleted_source_is_made_again(
    site: Site, post: Post, delete: Delete, goes_on: Callable[[], None]
) -> None:
    post(pack_sample("0241"))
    delete("beliefs", "--asset", asset_id(site.account_id, "pms:PMS-1"), "--offspring", "--force")
    gone = "DELETE FROM data_source WHERE account_id = :id AND type = 'gateway'"
    db.session.execute(sa.text(gone), {"id": site.account_id})
    db.session.commit()
    goes_on()
    assert post(pack_sample("0241", at(1)))["stored"] == 1
    assert stored.sources(site.account_id, CASE) == {"PMS-1"}
    goes_on()


def test_what_a_deleted_user_did_stays(
    client: FlaskClient,
    owner: Organisation,
    make_organisation: Callable[..., Organisation],
    site: Site,
    post: Post,
    runner: FlaskCliRunner,
    delete: Delete,
) -> None:
    key = make_key(owner.id)
    post(pack_sample("0241"), pack_sample("0999"))
    log_in(client, owner)
    added = runner.invoke(args=["pms", "gateway", "list", "--account", str(owner.id)])
    assert added.exit_code == 0
    delete("user", "--email", owner.email, "--force")

    admin = make_organisation(roles=["admin"])
    log_in(client, admin)
    for path in PAGES:
        assert client.get(f"{path}?organisation={owner.id}").status_code == 200, path
    for route in ROUTES:
        url = f"/pms/api/v1/{route}?account={owner.id}"
        assert client.get(url, headers=admin.headers).status_code == 200, route
    url = "/pms/api/v1/devices/dataset/pms"
    body = request({"pms_id": "PMS-1"}, pack_sample("0241", at(1)))
    send = {"data": body, "content_type": "application/json"}
    assert client.post(url, headers=key, **send).status_code == 200
    assert client.post(url, headers=owner.headers, **send).status_code == 401


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
def test_nothing_of_a_deleted_organisation_is_left(
    client: FlaskClient,
    owner: Organisation,
    other_organisation: Organisation,
    site: Site,
    post: Post,
    delete: Delete,
    is_folded: bool,
) -> None:
    key = make_key(owner.id)
    other = Site(other_organisation.id)
    other.pms("PMS-1")
    other.case("0241", "PMS-1-A", 1)
    site.register("acquisition-board", "B1")
    site.install(("acquisition-board", "B1"), ("case", "0242"))
    future = datetime.now(UTC) + timedelta(minutes=10)
    post(pack_sample("0241"), pack_sample("B1"), pack_sample("0999"), pack_sample("0241", at(1)))
    post(pack_sample("0242", future))
    turn = sa.text("INSERT INTO pms_journal_turn (account_id, served) VALUES (:id, 1)")
    db.session.execute(turn, {"id": owner.id})
    db.session.commit()
    log = {"pms_day", "pms_day_reading", "pms_level"} if is_folded else set()
    rows = {"pms_latest", "pms_sample", "pms_quarantine", "pms_receipt", "pms_gateway"}
    assert rows | log <= left(owner.id)

    delete("account", "--id", owner.id, "--force")
    assert left(owner.id) == set()
    for headers in (key, owner.headers):
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, pack_sample("0241", at(2))),
            headers=headers,
            content_type="application/json",
        )
        assert reply.status_code == 401
    assert client.get("/pms/api/v1/fleet", headers=other_organisation.headers).status_code == 200
    assert left(other.account_id) >= {"pms_trackable", "pms_installation"}


def left(account_id: int) -> set[str]:
    """Return the plugin's tables that have rows of an organisation, or of nothing any more."""
    found = set()
    things = "(SELECT id FROM pms_trackable WHERE account_id <> :id)"
    for table in db.metadata.sorted_tables:
        if table.name == "pms_place" or not table.name.startswith("pms_"):
            continue
        if "subject_id" in table.c:
            where = f"subject_id NOT IN {things}"
        elif "account_id" in table.c:
            where = "account_id = :id OR account_id NOT IN (SELECT id FROM account)"
        else:
            key = next(iter(table.foreign_keys))
            owner = key.column.table
            parents = (
                things
                if owner.name == "pms_trackable"
                else (f"(SELECT id FROM {owner.name} WHERE account_id <> :id)")
            )
            where = f"{key.parent.name} NOT IN {parents}"
        query = sa.text(f"SELECT EXISTS (SELECT FROM {table.name} WHERE {where})")
        if db.session.scalar(query, {"id": account_id}):
            found.add(table.name)
    return found
