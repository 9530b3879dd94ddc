"""``flexmeasures pms db remove`` leaves FlexMeasures as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask.testing import FlaskCliRunner
from support import rows

from flexmeasures_pms.catalogue.asset_types import ASSET_TYPE_BY_NAME
from flexmeasures_pms.migrations import schema

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CATALOGUE = """
    SELECT 'column' AS what, table_name || '.' || column_name || ' ' || data_type
        FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'relation', relname || ' ' || relkind::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function', p.oid::regprocedure::text FROM pg_proc p
        WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS
            (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL SELECT 'trigger', tgrelid::regclass::text || ' ' || tgname FROM pg_trigger
        WHERE NOT tgisinternal
    UNION ALL SELECT 'constraint', conrelid::regclass::text || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    ORDER BY 1, 2
"""
# Assets by their numbers: name, organisation, type, the one above, external id.
ASSETS = {
    4: ("site", 1, 4, None, None),
    1: ("PMS-1", 1, 1, 4, "pms:PMS-1"),
    2: ("0241", 1, 2, 1, "case:0241"),
    3: ("0242, given away", 2, 2, None, "case:0242"),
    5: ("meter of the host", 1, 4, 1, None),
}
# Data sources: name, type, model, organisation. Only the last two are not in use elsewhere.
SOURCES = {
    1: ("PMS-9", "gateway", "pms", 2),
    2: ("PMS-1", "scheduler", "pms", 1),
    3: ("PMS-1", "gateway", "pms", 1),
    4: ("PMS-2", "gateway", "pms", 1),
}
THINGS = {"PMS-1": ("pms", 1), "0241": ("case", 2), "0242": ("case", 3), "PMS-2": ("pms", None)}


@pytest.fixture
def database(uri: str) -> Iterator[sa.Engine]:
    """A database with FlexMeasures' tables and the plugin's, which the commands use."""
    from flexmeasures.data import db

    engine = sa.create_engine(uri)
    with mock.patch.object(type(db), "engine", engine):
        schema.upgrade()
        yield engine
        with engine.begin() as connection:
            connection.execute(
                sa.text("TRUNCATE account, generic_asset_type, sensor, data_source CASCADE")
            )
    engine.dispose()


def catalogue(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [(what, name) for what, name in connection.execute(sa.text(CATALOGUE))]


def numbers(engine: sa.Engine, table: str) -> set[int]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.text(f"SELECT id FROM {table}")))


def remove(runner: FlaskCliRunner, *args: str, answer: str = "") -> Result:
    return runner.invoke(args=["pms", "db", "remove", *args], input=answer)


def make_site(engine: sa.Engine) -> None:
    """Let two organisations have assets: the plugin's own are 1, 2 and, given away, 3."""
    names = ("name", "account_id", "generic_asset_type_id", "parent_asset_id", "external_id")
    types = {1: ("pms", ""), 2: ("case", ""), 3: ("inverter", "another's"), 4: ("building", "")}
    times = {"event_start": NOON, "belief_horizon": timedelta(0), "cumulative_probability": 0.5}
    shown: dict[str, Any] = {"sensors_to_show": [], "attributes": {}}
    keys = {
        "knowledge_horizon_fnc": "ex_post",
        "knowledge_horizon_par": {"ex_post_horizon": "PT0M"},
    }
    with engine.begin() as connection:
        insert = partial(_insert, connection)
        insert("account", [{"id": n, "name": f"organisation {n}"} for n in (1, 2)])
        insert(
            "generic_asset_type",
            [
                {
                    "id": n,
                    "name": name,
                    "description": text or ASSET_TYPE_BY_NAME[name].description
                    if name in ASSET_TYPE_BY_NAME
                    else text,
                }
                for n, (name, text) in types.items()
            ],
        )
        for n, values in ASSETS.items():
            insert("generic_asset", [{"id": n, **dict(zip(names, values, strict=True)), **shown}])
        insert(
            "sensor",
            [
                {
                    "id": n,
                    "name": "volts",
                    "unit": "V",
                    "timezone": "UTC",
                    "generic_asset_id": n,
                    "event_resolution": timedelta(0),
                    "attributes": {},
                    **keys,
                }
                for n in ASSETS
            ],
        )
        insert(
            "data_source",
            [
                dict(zip(("id", "name", "type", "model", "account_id"), (n, *values), strict=True))
                for n, values in SOURCES.items()
            ],
        )
        insert(
            "timed_belief",
            [
                {"sensor_id": sensor, "source_id": source, "event_value": 1.0, **times}
                for sensor in ASSETS
                for source in (1, 2, 3)
                if source != 3 or sensor in (1, 2)
            ],
        )
        insert(
            "pms_trackable",
            [
                {
                    "account_id": 1,
                    "kind": kind,
                    "ident": ident,
                    "ident_key": ident,
                    "asset_id": asset,
                    "provisioned": True,
                }
                for ident, (kind, asset) in THINGS.items()
            ],
        )


def _insert(connection: sa.Connection, table: str, values: list[dict[str, Any]]) -> None:
    from flexmeasures.data import db

    connection.execute(sa.insert(db.metadata.tables[table]), values)


def test_the_tables_are_removed_and_the_telemetry_stays(
    uri: str, runner: FlaskCliRunner, database: sa.Engine
) -> None:
    make_site(database)
    before = {name: numbers(database, name) for name in ("generic_asset", "sensor", "data_source")}

    asked = remove(runner, answer="\n")
    assert asked.exit_code == 1
    assert "  table pms_trackable: 4 rows\n" in asked.stdout
    assert (
        "Kept in FlexMeasures: 2 assets with 2 sensors and their telemetry, and 2 data sources"
        in (asked.stdout)
    )
    assert asked.stderr == "Error: Nothing was changed.\n"
    with database.connect() as connection:
        schema.check(connection)

    result = remove(runner, answer="y\n")
    assert result.exit_code == 0
    assert not [name for _, name in catalogue(database) if "pms_" in name]
    assert {name: numbers(database, name) for name in before} == before
    again = remove(runner)
    assert again.stdout == "There are no tables of flexmeasures-pms: nothing to do.\n"


def test_with_its_assets_only_what_is_of_others_is_left(
    runner: FlaskCliRunner, database: sa.Engine
) -> None:
    make_site(database)
    assert remove(runner, "--with-assets", "--yes").exit_code == 0
    assert numbers(database, "generic_asset") == {3, 4, 5}
    assert numbers(database, "sensor") == {3, 4, 5}
    assert numbers(database, "generic_asset_type") == {2, 3, 4}
    assert numbers(database, "data_source") == {1, 2}
    with database.connect() as connection:
        parent = sa.text("SELECT parent_asset_id FROM generic_asset WHERE id = 5")
        assert connection.scalar(parent) is None


def test_assets_of_others_that_can_not_stay_are_told_before_anything_is_removed(
    runner: FlaskCliRunner, database: sa.Engine
) -> None:
    make_site(database)
    with database.begin() as connection:
        same = "UPDATE generic_asset SET name = 'site' WHERE name = 'meter of the host'"
        connection.execute(sa.text(same))
    refused = remove(runner, "--with-assets", "--yes")
    assert refused.exit_code == 1
    assert "rename or move them in FlexMeasures first. Nothing was removed." in refused.stderr
    with database.connect() as connection:
        left = connection.scalar(sa.text("SELECT count(*) FROM timed_belief"))
    assert left == 2 * len(ASSETS) + 2
    assert numbers(database, "generic_asset") == set(ASSETS)


def test_nothing_in_the_database_tells_that_the_plugin_was_there(
    runner: FlaskCliRunner, database: sa.Engine
) -> None:
    assert remove(runner, "--yes").exit_code == 0
    before = catalogue(database)
    schema.upgrade()
    assert catalogue(database) != before
    with database.begin() as connection:
        _insert(connection, "account", [{"id": 1, "name": "one"}])
        _insert(connection, "data_source", [{"id": 1, "name": "one", "type": "test"}])
        rows.fill(connection, 1, 1)
    assert remove(runner, "--yes", "--with-assets").exit_code == 0
    assert catalogue(database) == before
