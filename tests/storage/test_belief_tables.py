"""Beliefs are in a table for each week, and FlexMeasures finds them as if they were in its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.utils import save_to_db
from support import folding, stored
from support.elsewhere import elsewhere
from support.received import receive_earlier
from support.site import Site
from support.telemetry import at, pack_sample, request
from timely_beliefs import BeliefsDataFrame

from flexmeasures_pms.config import settings
from flexmeasures_pms.migrations import belief_tables
from flexmeasures_pms.storage.readings.belief_tables import make, make_ahead, table_of
from flexmeasures_pms.storage.readings.beliefs import Gone, copy_rows
from flexmeasures_pms.storage.readings.blocks import BeliefRows

CASE = "case:0241"
LONG_AGO = datetime(2019, 12, 30, 12, tzinfo=UTC)
Post = Callable[..., dict[str, int]]


@pytest.fixture
def owner(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def site(owner: Organisation) -> Site:
    site = Site(owner.id)
    site.pms("PMS-1")
    site.case("0241", "PMS-1-A", 1)
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


def sensor(account_id: int, name: str = "pack current", external_id: str = CASE) -> Sensor:
    query = sa.select(Sensor).join(GenericAsset, GenericAsset.id == Sensor.generic_asset_id)
    found: Sensor = db.session.scalars(
        query.where(
            GenericAsset.account_id == account_id,
            GenericAsset.external_id == external_id,
            Sensor.name == name,
        )
    ).one()
    return found


def tables_of(account_id: int) -> dict[str, int]:
    """How many beliefs of an organisation are in which table."""
    query = sa.text("""
        SELECT b.tableoid::regclass::text AS table, count(*) AS found FROM timed_belief b
        JOIN sensor s ON s.id = b.sensor_id JOIN generic_asset a ON a.id = s.generic_asset_id
        WHERE a.account_id = :id GROUP BY 1""")
    rows = db.session.execute(query, {"id": account_id})
    return {row.table: row.found for row in rows}


def received_long_ago(account_id: int) -> None:
    receive_earlier(account_id, table_of(LONG_AGO))


def test_beliefs_are_in_the_table_of_the_week_in_which_they_were_received(
    site: Site, post: Post
) -> None:
    post(pack_sample("0241"), pack_sample("0241", at(-60 * 24 * 365)))
    assert set(tables_of(site.account_id)) == {table_of(datetime.now(UTC))}
    monday = datetime.fromisoformat("2027-01-04T06:59:00+07:00")
    assert table_of(monday) == "pms_beliefs_2026_w53"


def test_where_nothing_is_thinned_there_is_a_table_for_each_year(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_ever = replace(settings(), belief_days=0)
    monkeypatch.setitem(app_context.extensions, "flexmeasures_pms", for_ever)
    new_year = datetime.fromisoformat("2027-01-01T06:59:00+07:00")
    assert table_of(new_year) == "pms_beliefs_2026_w00"


def test_a_table_that_lacks_is_made_with_the_first_request(
    site: Site, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "flexmeasures_pms.storage.readings.belief_tables.table_of", lambda _: "pms_beliefs_1999_w07"
    )
    for minute in (0, 1):
        assert post(pack_sample("0241", at(minute)))["stored"] == 1
        assert set(tables_of(site.account_id)) == {"pms_beliefs_1999_w07"}
        dropped("pms_beliefs_1999_w07")


def test_the_next_table_is_made_before_its_week_begins(app_context: Flask) -> None:
    name = table_of(datetime(2002, 1, 7, tzinfo=UTC))
    assert make_ahead(datetime(2002, 1, 5, 12, tzinfo=UTC)) is None
    assert name not in belief_tables.names(db.session.connection())
    assert make_ahead(datetime(2002, 1, 6, 12, tzinfo=UTC)) == name
    assert make_ahead(datetime(2002, 1, 6, 12, tzinfo=UTC)) is None
    assert name in belief_tables.names(db.session.connection())
    dropped(name)


def test_who_makes_sure_of_a_table_waits_for_no_writer(
    site: Site, post: Post, database_uri: str
) -> None:
    post(pack_sample("0241"))
    table = table_of(datetime.now(UTC))
    with elsewhere(database_uri, f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"):
        make(table)
        assert post(pack_sample("0241", at(1)))["stored"] == 1


def dropped(table: str) -> None:
    db.session.rollback()
    db.session.execute(sa.text(f"DROP TABLE {table}"))
    db.session.commit()


def test_what_was_received_in_another_week_is_a_duplicate_or_contradicts(
    site: Site, post: Post
) -> None:
    post(pack_sample("0241"), pack_sample("0241", at(1)))
    received_long_ago(site.account_id)
    before = stored.beliefs(site.account_id, CASE)
    again = post(pack_sample("0241"), pack_sample("0241", at(1)))
    assert (again["duplicate"], again["beliefs"]) == (2, 0)
    assert post(pack_sample("0241", amps=2.5))["quarantined"] == 1
    assert stored.beliefs(site.account_id, CASE) == before
    assert post(pack_sample("0241", at(2)))["stored"] == 1


# --- FlexMeasures


def test_flexmeasures_finds_what_is_in_each_table(
    client: FlaskClient, owner: Organisation, site: Site, post: Post
) -> None:
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    post(pack_sample("0241", at(1)))
    current = sensor(site.account_id)
    found = current.search_beliefs(at(-5), at(5))
    assert list(found.reset_index()["event_start"]) == [at(0), at(1)]
    last = current.search_beliefs(most_recent_events_only=True)
    assert list(last.reset_index()["event_start"]) == [at(1)]
    period = {"event_starts_after": at(-5).isoformat(), "event_ends_before": at(5).isoformat()}
    chart = client.get(
        f"/api/dev/sensor/{current.id}/chart_data", query_string=period, headers=owner.headers
    )
    assert chart.status_code == 200
    assert len(json.loads(chart.get_data())) >= 2
    stats = client.get(f"/api/v3_0/sensors/{current.id}/stats", headers=owner.headers).get_json()
    (of_gateway,) = (one for source, one in stats.items() if source.startswith("PMS-1"))
    assert of_gateway["Number of values"] == 2


def test_flexmeasures_knows_what_is_in_each_table(site: Site, post: Post) -> None:
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    post(pack_sample("0241", at(1)))
    before = tables_of(site.account_id)
    current = sensor(site.account_id)
    known = current.search_beliefs(at(-5), at(5))
    assert save_to_db(known) == "success_but_nothing_new"
    db.session.commit()
    assert tables_of(site.account_id) == before

    (latest,) = current.latest_state()["event_value"]
    assert latest == known["event_value"].iloc[-1]


def test_what_is_posted_through_flexmeasures_stays_in_its_own_table(
    client: FlaskClient, owner: Organisation, site: Site, post: Post
) -> None:
    post(pack_sample("0241"))
    current = sensor(site.account_id)
    url = f"/api/v3_0/sensors/{current.id}/data"
    body = {"start": at(0).isoformat(), "duration": "PT0H", "values": [5.0], "unit": "A"}
    assert client.post(url, json=body, headers=owner.headers).status_code == 200
    tables = tables_of(site.account_id)
    assert tables["timed_belief"] == 1
    assert post(pack_sample("0241"))["duplicate"] == 1
    assert tables_of(site.account_id) == tables


def test_beliefs_go_with_their_sensor(site: Site, post: Post) -> None:
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    post(pack_sample("0241", at(1)))
    number = sensor(site.account_id).id
    db.session.expunge_all()
    count = sa.text("SELECT count(*) FROM timed_belief WHERE sensor_id = :id")
    assert db.session.scalar(count, {"id": number}) == 2
    db.session.execute(sa.text("DELETE FROM sensor WHERE id = :id"), {"id": number})
    db.session.commit()
    assert db.session.scalar(count, {"id": number}) == 0
    assert post(pack_sample("0241", at(2)))["stored"] == 1


@pytest.mark.parametrize("which", [0, 1, -1, None])
def test_beliefs_of_a_deleted_sensor_are_not_written(
    site: Site, post: Post, which: int | None
) -> None:
    """First, last or in between: the numbers of an asset's sensors have no gap."""
    post(pack_sample("0241"))
    source: int = sensor(site.account_id).search_beliefs().sources[0].id
    query = sa.select(Sensor.id).join(GenericAsset, GenericAsset.id == Sensor.generic_asset_id)
    own = query.where(GenericAsset.account_id == site.account_id).order_by(Sensor.id)
    numbers: list[int] = list(db.session.scalars(own))
    if which is not None:
        db.session.execute(sa.delete(Sensor).where(Sensor.id == numbers[which]))
    rows: BeliefRows = [(at(1), number, source, 0.5) for number in numbers]
    with pytest.raises(Gone) if which is not None else nullcontext():
        copy_rows([rows])
    db.session.rollback()


def test_a_source_with_beliefs_is_not_deleted(site: Site, post: Post) -> None:
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    before = stored.beliefs(site.account_id, CASE)
    delete = sa.text("DELETE FROM data_source WHERE account_id = :id AND type = 'gateway'")
    with pytest.raises(sa.exc.IntegrityError, match="delete these first"):
        db.session.execute(delete, {"id": site.account_id})
    db.session.rollback()
    assert stored.beliefs(site.account_id, CASE) == before


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
def test_nothing_is_saved_beside_what_a_gateway_has_reported(site: Site, post: Post) -> None:
    """FlexMeasures may not change what a gateway has reported, and says so as for its own rows."""
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    before = stored.beliefs(site.account_id, CASE)
    known = sensor(site.account_id).search_beliefs(at(-5), at(5))
    known["event_value"] += 1
    for bulk, overwrite in ((False, False), (True, False), (True, True)):
        with pytest.raises(sa.exc.IntegrityError, match="timed_belief_pkey"):
            TimedBelief.add(
                known.copy(),
                bulk_save_objects=bulk,
                allow_overwrite=overwrite,
                commit_transaction=True,
            )
        db.session.rollback()
    assert stored.beliefs(site.account_id, CASE) == before
    assert len(tables_of(site.account_id)) == 1


@pytest.mark.parametrize("is_folded", [False, True], indirect=True)
def test_what_is_saved_under_a_gateways_source_is_met_by_the_gateway(
    site: Site, post: Post
) -> None:
    post(pack_sample("0241"))
    current = sensor(site.account_id)
    (source,) = current.search_beliefs(at(-5), at(5)).reset_index()["source"]
    belief = TimedBelief(current, source, event_value=7.0, event_start=at(1), belief_time=at(1))
    assert save_to_db(BeliefsDataFrame([belief])).startswith("success")
    db.session.commit()
    assert post(pack_sample("0241", at(1)))["quarantined"] == 1
    assert tables_of(site.account_id)["timed_belief"] == 1


@pytest.mark.parametrize("path", ["", "public"])
def test_rows_of_a_dump_are_restored(site: Site, post: Post, path: str) -> None:
    """A dump has no search path, and copies rows into FlexMeasures' own table."""
    post(pack_sample("0241"))
    current = sensor(site.account_id).id
    db.session.rollback()
    insert = """
        INSERT INTO public.timed_belief (event_start, belief_horizon, cumulative_probability,
          event_value, sensor_id, source_id)
        SELECT %s, '0', 0.5, 1, %s, min(id) FROM public.data_source WHERE type = 'gateway'"""
    with db.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(f"SET LOCAL search_path = '{path}'")
        added = connection.exec_driver_sql(insert, (at(-600), current))
        assert added.rowcount == 1
        transaction.rollback()


def test_who_overwrites_a_belief_by_flexmeasures_has_one(site: Site, post: Post) -> None:
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    before = tables_of(site.account_id)
    known = sensor(site.account_id).search_beliefs(at(-5), at(5))
    known["event_value"] += 1
    TimedBelief.add(known, allow_overwrite=True, commit_transaction=True)
    assert tables_of(site.account_id) == before
    assert sensor(site.account_id).latest_state()["event_value"].tolist() == [0.375]


def test_a_reset_by_flexmeasures_leaves_the_tables_that_a_dump_needs(
    app_context: Flask, database_uri: str
) -> None:
    from support.cluster import own_database

    with own_database(database_uri, "reset") as uri:
        metadata = sa.MetaData()
        for table in db.metadata.sorted_tables:
            if table.name in ("timed_belief", "sensor", "data_source"):
                _plain(table, metadata)
        belief_tables.attach(metadata)
        belief = "'2020-01-01Z', '0', 0.5, 1, 1, 1"
        engine = sa.create_engine(uri)
        metadata.create_all(engine)
        table = table_of(LONG_AGO)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE TABLE {table} (PRIMARY KEY (event_start, sensor_id, source_id)) "
                "INHERITS (timed_belief)"
            )
        metadata.reflect(engine)
        metadata.drop_all(engine)
        metadata.create_all(engine)
        with engine.connect() as connection:
            assert belief_tables.names(connection) == [table]
            columns = "event_start, belief_horizon, cumulative_probability, event_value"
            insert = f"INSERT INTO {{}} ({columns}, sensor_id, source_id) VALUES ({belief})"
            connection.exec_driver_sql(insert.format(table))
            assert connection.scalar(sa.text("SELECT count(*) FROM timed_belief")) == 1
            with pytest.raises(sa.exc.IntegrityError):
                connection.exec_driver_sql(insert.format(table))
        engine.dispose()


def _plain(table: sa.Table, metadata: sa.MetaData) -> Any:
    """Have a table with the same columns, without references to others."""
    columns = [sa.Column(c.name, c.type, primary_key=c.primary_key) for c in table.columns]
    return sa.Table(table.name, metadata, *columns)


def test_a_downgrade_puts_all_beliefs_back(site: Site, post: Post) -> None:
    post(pack_sample("0241"))
    received_long_ago(site.account_id)
    post(pack_sample("0241", at(1)))
    before = stored.beliefs(site.account_id, CASE)
    db.session.rollback()
    # As a request may leave one that stores readings while their sensor is deleted.
    orphan = sa.text(f"""
        INSERT INTO {table_of(LONG_AGO)} (event_start, belief_horizon,
          cumulative_probability, event_value, sensor_id, source_id)
        VALUES (:at, '0', 0.5, 1, 0, 0)""")
    with db.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(orphan, {"at": at(0)})
        belief_tables.put_back(connection)
        query = sa.text(
            "SELECT count(*) FROM ONLY timed_belief b JOIN sensor s "
            "ON s.id = b.sensor_id JOIN generic_asset a ON a.id = s.generic_asset_id "
            "WHERE a.external_id = :case AND a.account_id = :id"
        )
        values = {"case": CASE, "id": site.account_id}
        assert connection.scalar(query, values) == len(before)
        assert belief_tables.names(connection) == []
        transaction.rollback()
