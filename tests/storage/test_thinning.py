"""What was received long ago is thinned: the first of each five minutes of a sensor is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from support import stored
from support.elsewhere import elsewhere
from support.received import receive_earlier, thin_all_earlier
from support.site import Site
from support.telemetry import NOON, at, pack_sample, request

from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.migrations import belief_tables, thinning_tables
from flexmeasures_pms.storage.readings import thinning
from flexmeasures_pms.storage.readings.belief_tables import make
from flexmeasures_pms.storage.readings.thinning import Thinned

CASE = "case:0241"
RECEIVED = datetime(2019, 12, 30, 12, tzinfo=UTC)
WEEK = "pms_beliefs_2020_w01"
OVER = RECEIVED + timedelta(days=8)
FIVE = timedelta(minutes=5)
Post = Callable[..., dict[str, int]]
Beliefs = dict[stored.Belief, float]


@pytest.fixture(autouse=True)
def nothing_else_to_thin(app_context: Flask) -> None:
    thin_all_earlier()


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    site.pms("PMS-1")
    site.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation, site: Site) -> Post:
    def send(*samples: object) -> dict[str, int]:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200, reply.get_data(as_text=True)
        receipt: dict[str, int] = reply.get_json()["receipt"]
        return receipt

    return send


@pytest.fixture
def week(site: Site, post: Post) -> Beliefs:
    """Half an hour of a pack and another one a month before, received in an earlier week."""
    minutes = [*range(-31 * 24 * 60, -31 * 24 * 60 + 7), *range(1, 30, 2)]
    post(*(pack_sample("0241", at(minute), amps=minute % 60 / 8) for minute in minutes))
    receive_earlier(site.account_id, WEEK)
    return stored.beliefs(site.account_id, CASE)


def thin(before: datetime, goes_on: Callable[[], bool] = lambda: True) -> Thinned:
    db.session.rollback()  # or this test itself would read the table that goes
    return thinning.thin(before, goes_on)


def first_of_each(beliefs: Beliefs) -> Beliefs:
    firsts: dict[Any, stored.Belief] = {}
    for key in sorted(beliefs):
        time, source, name = key
        firsts.setdefault(((time - NOON) // FIVE, source, name), key)
    return {key: beliefs[key] for key in firsts.values()}


def beliefs_of(site: Site) -> Beliefs:
    """Nothing is found twice."""
    db.session.rollback()
    found = stored.beliefs(site.account_id, CASE)
    assert len(found) == stored.belief_count(site.account_id)
    db.session.rollback()
    return found


def tables() -> list[str]:
    db.session.rollback()
    found = belief_tables.names(db.session.connection())
    db.session.rollback()
    return found


def current_sensor(site: Site) -> int:
    query = sa.select(Sensor.id).join(GenericAsset, GenericAsset.id == Sensor.generic_asset_id)
    found: int = db.session.scalars(
        query.where(
            GenericAsset.account_id == site.account_id,
            GenericAsset.external_id == CASE,
            Sensor.name == "pack current",
        )
    ).one()
    return found


def test_the_first_of_each_five_minutes_is_left(site: Site, week: Beliefs) -> None:
    done = thin(OVER)
    assert beliefs_of(site) == first_of_each(week)
    assert (done.weeks, done.beliefs, done.finished) == (1, len(first_of_each(week)), True)
    assert WEEK not in tables()
    assert "pms_beliefs_2026" in tables()
    assert thin(OVER) == Thinned()


def test_a_week_that_is_not_over_for_so_long_stays(site: Site, week: Beliefs) -> None:
    thin(RECEIVED + timedelta(days=5))
    assert beliefs_of(site) == week
    thin(OVER)


def test_charts_show_what_is_left(
    client: FlaskClient, organisation: Organisation, site: Site, week: Beliefs
) -> None:
    thin(OVER)
    period = {"event_starts_after": at(-5).isoformat(), "event_ends_before": at(35).isoformat()}
    reply = client.get(
        f"/api/dev/sensor/{current_sensor(site)}/chart_data",
        query_string=period,
        headers=organisation.headers,
    )
    shown = [row["event_value"] for row in json.loads(reply.get_data()) if "event_value" in row]
    assert shown == [minute / 8 for minute in (1, 5, 11, 15, 21, 25)]


def test_what_is_sent_again_is_a_duplicate_and_what_is_late_is_written(
    site: Site, post: Post, week: Beliefs
) -> None:
    thin(OVER)
    assert post(pack_sample("0241", at(3), amps=3 / 8))["duplicate"] == 1
    late = post(pack_sample("0241", at(4), amps=0.5))
    assert late["stored"] == 1
    assert len(beliefs_of(site)) == len(first_of_each(week)) + late["beliefs"]


def test_thinning_goes_on_where_it_was_cut_off(
    site: Site, week: Beliefs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each step something breaks: a belief is never lost and never seen twice."""

    class Cut(BaseException):
        pass

    def cut_after(number: int) -> None:
        real, calls = thinning._patiently, iter(range(1_000))

        def once(work: Any) -> Any:
            result = real(work)
            if next(calls) == number:
                raise Cut
            return result

        with monkeypatch.context() as patched, pytest.raises(Cut):
            patched.setattr(thinning, "_patiently", once)
            thin(OVER)

    monkeypatch.setattr(thinning, "_FIRST_SPAN", FIVE)
    monkeypatch.setattr(thinning, "_LONGEST_SPAN", FIVE)
    left = first_of_each(week)
    for number in (0, 1, 2, 3, 4):
        cut_after(number)
        assert beliefs_of(site) in (week, left)
    thin(OVER)
    assert beliefs_of(site) == left
    assert WEEK not in tables()


def test_thinning_ends_when_its_time_is_over(site: Site, week: Beliefs) -> None:
    runs = 1
    while runs < 40 and not thin(OVER, _once()).finished:
        assert beliefs_of(site) in (week, first_of_each(week))
        runs += 1
    assert 1 < runs < 40
    assert beliefs_of(site) == first_of_each(week)


def _once() -> Callable[[], bool]:
    answers = iter([True])
    return lambda: next(answers, False)


def test_what_is_deleted_while_a_week_is_thinned_is_gone(site: Site, week: Beliefs) -> None:
    assert not thin(OVER, _once()).finished, "the month before is copied"
    first = min(week)[0]
    delete = sa.text("DELETE FROM timed_belief WHERE sensor_id = :id AND event_start = :at")
    db.session.execute(delete, {"id": current_sensor(site), "at": first})
    db.session.commit()
    rest = beliefs_of(site)
    assert len(rest) == len(week) - 1
    thin(OVER)
    assert beliefs_of(site) == first_of_each(rest)


def test_nobody_waits_for_long_where_a_table_is_in_use(
    site: Site, week: Beliefs, database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinning, "_TRIES", 1)
    in_use = elsewhere(database_uri, f"LOCK TABLE {WEEK} IN ROW EXCLUSIVE MODE")
    with in_use, pytest.raises(StorageBusy):
        thin(OVER)
    assert beliefs_of(site) == week
    thin(OVER)
    assert beliefs_of(site) == first_of_each(week)


def test_of_two_weeks_that_have_the_same_five_minutes_the_first_one_is_left(
    site: Site, post: Post
) -> None:
    post(pack_sample("0241", at(1)))
    receive_earlier(site.account_id, WEEK)
    post(pack_sample("0241", at(2)))
    receive_earlier(site.account_id, "pms_beliefs_2020_w02")
    thin(OVER + timedelta(days=7))
    assert stored.times(site.account_id, CASE) == {at(1)}


def test_what_others_report_of_a_sensor_stays(
    client: FlaskClient, make_organisation: Callable[..., Organisation]
) -> None:
    owner = make_organisation(roles=["account-admin"])
    site = Site(owner.id)
    site.pms("PMS-1")
    site.case("0241", "PMS-1-A", 1)
    body = {"start": at(0).isoformat(), "duration": "PT0H", "values": [5.0], "unit": "A"}
    url = f"/api/v3_0/sensors/{current_sensor(site)}/data"
    for minute in (1, 2):
        body["start"] = at(minute).isoformat()
        assert client.post(url, json=body, headers=owner.headers).status_code == 200
    make(WEEK)
    thin(OVER)
    assert stored.times(site.account_id, CASE) == {at(1), at(2)}


def test_a_week_that_is_being_thinned_is_whole_after_a_downgrade(site: Site, week: Beliefs) -> None:
    thin(OVER, _once())
    current = current_sensor(site)
    db.session.rollback()
    with db.engine.connect() as connection, connection.begin() as transaction:
        thinning_tables.drop(connection)
        belief_tables.put_back(connection)
        count = sa.text("SELECT count(*) FROM ONLY timed_belief WHERE sensor_id = :id")
        found = connection.scalar(count, {"id": current})
        assert found == sum(name == "pack current" for _, _, name in week)
        transaction.rollback()
    db.session.rollback()
    thin(OVER)


def test_tables_of_years_become_weeks(app_context: Any) -> None:
    now = datetime(2003, 6, 4, tzinfo=UTC)
    for year in ("pms_beliefs_2002", "pms_beliefs_2003"):
        make(year)
    with db.engine.connect() as connection, connection.begin() as transaction:
        thinning_tables.rename_years(connection, now)
        found = set(belief_tables.names(connection))
        assert {"pms_beliefs_2002_w00", "pms_beliefs_2003_w23"} <= found
        assert not {"pms_beliefs_2002", "pms_beliefs_2003"} & found
        transaction.rollback()
    for year in ("pms_beliefs_2002", "pms_beliefs_2003"):
        db.session.execute(sa.text(f"DROP TABLE {year}"))
    db.session.commit()
