"""Rows of each revision, on the way up and down, and what ``pms db downgrade`` says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from unittest import mock

import pytest
import sqlalchemy as sa
from alembic import command
from click.testing import Result
from conftest import Organisation
from flask.testing import FlaskCliRunner
from flexmeasures.data import db
from support import rows
from support.site import Site
from support.tables import definitions, engine_of

from flexmeasures_pms.migrations import downgrade as downgrading
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.storage.log import day_rows, folding


@pytest.fixture
def source_id(connection: sa.Connection) -> int:
    query = "INSERT INTO data_source (name, type) VALUES ('rows', 'test') RETURNING id"
    return int(connection.scalar(sa.text(query)) or 0)


def test_rows_of_each_revision_are_kept_up_to_the_newest_and_back(
    organisation: Organisation, connection: sa.Connection, source_id: int
) -> None:
    config = schema.config(connection)
    migrated = definitions(connection)
    command.downgrade(config, "base")
    at = {}
    for revision in reversed(schema.revisions()):
        command.upgrade(config, revision)
        at[revision] = rows.fill(connection, organisation.id, source_id)
        assert all(at[revision].values()), f"a table of {revision} has no rows"

    newest = rows.snapshot(connection)
    assert {r: faults for r, before in at.items() if (faults := rows.lacking(before, newest))} == {}
    assert definitions(connection) == migrated

    for revision in schema.revisions()[1:]:
        command.downgrade(config, revision)
        left = rows.snapshot(connection)
        assert left.keys() == at[revision].keys()
        assert rows.lacking(newest, left) == []
    command.upgrade(config, "head")
    assert definitions(connection) == migrated


def test_a_sample_in_quarantine_gets_its_whole_text_back(
    organisation: Organisation, connection: sa.Connection
) -> None:
    connection.execute(
        sa.text(
            "WITH head AS (INSERT INTO pms_quarantine_head (account_id, digest, text)"
            " VALUES (:id, '', 'head ') RETURNING id)"
            " INSERT INTO pms_quarantine (account_id, dataset, content_type, reason, path, text,"
            " message, digest, sender, head_id)"
            " SELECT :id, 'pms', '', 'conflict', '', 'text', '', '', '', id FROM head"
        ),
        {"id": organisation.id},
    )
    command.downgrade(schema.config(connection), "0013")
    query = sa.text("SELECT text FROM pms_quarantine WHERE account_id = :id")
    assert connection.scalar(query, {"id": organisation.id}) == "head text"


def test_what_the_log_has_ahead_of_the_clock_is_ahead_again(
    organisation: Organisation, connection: sa.Connection, source_id: int
) -> None:
    things = "INSERT INTO pms_trackable (account_id, kind, ident, ident_key) VALUES (:id, 'case', "
    first, second = (
        connection.scalar(
            sa.text(f"{things} :name, :name) RETURNING id"), {"id": organisation.id, "name": name}
        )
        for name in "ab"
    )
    for statement in (
        "INSERT INTO pms_latest (trackable_id, event_time, device_id, readings, has_ahead)"
        " VALUES (:first, now() - interval '1 hour', 1, '{}', true)",
        "DELETE FROM pms_place",
        "INSERT INTO pms_place VALUES ('case', 'dock', 0), ('case', 'pack current', 1)",
        "INSERT INTO pms_sample (event_time, repeats, device_id, subject_id, source_id, readings)"
        " SELECT now() + hours * interval '1 hour', 0, 1, t.id, :source, '{NaN, 1.5}'"
        " FROM unnest(ARRAY[-2, -1, 1, 2]) AS u (hours), unnest(ARRAY[:first, :second]) AS t (id)"
        " WHERE t.id = :first OR hours = 2",
    ):  # fmt: skip
        connection.execute(
            sa.text(statement), {"first": first, "second": second, "source": source_id}
        )
    command.downgrade(schema.config(connection), "0017")
    query = (
        "SELECT trackable_id, round(extract(epoch FROM event_time - now()) / 3600)::int, readings"
        " FROM pms_ahead WHERE trackable_id IN (:first, :second) ORDER BY 1, 2"
    )
    found = connection.execute(sa.text(query), {"first": first, "second": second})
    value = {"pack current": 1.5}
    assert [tuple(row) for row in found] == [
        (first, 1, value),
        (first, 2, value),
        (second, 2, value),
    ]


@pytest.fixture
def one_ahead(organisation: Organisation, connection: sa.Connection, source_id: int) -> None:
    """Give each table rows that a downgrade to 0010 would lose, and nothing else."""
    for name in rows.own_tables(connection):
        connection.execute(sa.text(f"TRUNCATE {name} CASCADE"))
    rows.fill(connection, organisation.id, source_id)
    connection.execute(sa.text("UPDATE pms_latest SET has_ahead = (trackable_id % 2 = 0)"))


def run(runner: FlaskCliRunner, connection: sa.Connection, *args: str, answer: str = "") -> Result:
    with engine_of(connection):
        return runner.invoke(args=["pms", "db", *args], input=answer)


@pytest.mark.usefixtures("one_ahead")
def test_a_downgrade_says_what_it_drops_and_asks(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    before = definitions(connection)
    result = run(runner, connection, "downgrade", "0010", answer="n\n")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["Error: Nothing was changed."]
    first, *lines, question = result.stdout.splitlines()
    assert first == f"From revision {schema.head()} back to 0010 these are lost:"
    assert "  table pms_sample: 2 rows" in lines
    assert "  column has_ahead of pms_latest: 1 value" in lines
    assert "  column retired_at of pms_trackable: 2 values" in lines
    assert "table pms_trackable" not in result.stdout, "it stays"
    assert question.startswith("Go on? [y/N]: ")
    assert definitions(connection) == before
    assert schema.current(connection) == schema.head()


@pytest.mark.usefixtures("one_ahead")
@pytest.mark.parametrize(("args", "answer"), [((), "y\n"), (("--yes",), "")])
def test_a_downgrade_that_is_agreed_to_is_made(
    connection: sa.Connection, runner: FlaskCliRunner, args: tuple[str, ...], answer: str
) -> None:
    result = run(runner, connection, "downgrade", "0010", *args, answer=answer)
    assert result.exit_code == 0
    assert result.stdout.endswith("The tables of flexmeasures-pms are at revision 0010 now.\n")
    assert schema.current(connection) == "0010"
    assert "pms_ahead" not in rows.own_tables(connection)


def test_a_downgrade_that_loses_nothing_does_not_ask(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    connection.execute(
        sa.text(
            "TRUNCATE pms_day, pms_day_reading, pms_day_rest, pms_level, pms_journal_turn, "
            "pms_quarantine, pms_flapping, pms_sample, pms_place, pms_transaction, "
            "pms_master_transaction, pms_order_request, pms_site, pms_origin, pms_batch, "
            "pms_product, pms_party"
        )
    )
    connection.execute(sa.text("TRUNCATE pms_quarantine_head CASCADE"))
    result = run(runner, connection, "downgrade", "0012")
    assert result.stdout == "The tables of flexmeasures-pms are at revision 0012 now.\n"
    again = run(runner, connection, "downgrade", "0012")
    assert again.stdout == ("The tables of flexmeasures-pms are at revision 0012: nothing to do.\n")


def test_revisions_that_a_downgrade_can_not_reach_are_said_in_one_line(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    command.downgrade(schema.config(connection), "0012")
    for revision, says in {
        "0013": "are at revision 0012, which is older than 0013: `flexmeasures pms db upgrade` br",
        "12": f"There is no revision '12': the plugin has 0001 to {schema.head()}, and `none` for",
    }.items():
        result = run(runner, connection, "downgrade", revision)
        assert result.exit_code
        assert says in result.stderr
    connection.execute(sa.text("DELETE FROM pms_alembic_version"))
    result = run(runner, connection, "downgrade", "none")
    assert "revision of the tables of flexmeasures-pms is missing" in result.stderr


def test_without_tables_nothing_is_recorded_and_an_upgrade_makes_them_again(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    migrated = definitions(connection)
    assert run(runner, connection, "downgrade", "none", "--yes").exit_code == 0
    assert not any(definitions(connection).values())
    assert run(runner, connection, "current").stdout.startswith("none\n")
    assert "are at revision none: nothing" in run(runner, connection, "downgrade", "none").stdout
    with engine_of(connection):
        schema.upgrade()
    assert definitions(connection) == migrated


def test_last_written_values_have_their_times_instead_of_ages(
    organisation: Organisation, connection: sa.Connection
) -> None:
    """The newest reading is 5 min and 5.25 s after the quarter began; one is 4 s older."""
    site = Site(organisation.id)
    site.case("0241")
    config, number = schema.config(connection), site.number("case", "0241")
    insert = (
        "INSERT INTO pms_latest (trackable_id, event_time, device_id, readings, recorded) VALUES"
        " (:id, '2026-03-01 12:20:05.25Z', :id, '{}', :recorded)"
    )
    db.session.commit()  # its locks would hold up the downgrade
    ages = {"pack voltage": [51.164, 4_000], "dock": [3, 0]}
    times = {"pack voltage": [51.164, 301_250], "dock": [3, 305_250]}
    command.downgrade(config, "0021")
    connection.execute(sa.text(insert), {"id": number, "recorded": json.dumps(ages)})
    query = sa.text("SELECT recorded FROM pms_latest WHERE trackable_id = :id")
    for revision, recorded in (("0022", times), ("0021", ages)):
        turn = command.upgrade if revision == "0022" else command.downgrade
        turn(config, revision)
        assert connection.scalar(query, {"id": number}) == recorded
    command.upgrade(config, "head")


def test_folded_days_are_as_they_were_after_a_downgrade_and_an_upgrade(
    organisation: Organisation, connection: sa.Connection
) -> None:
    """A day in parts becomes samples again; one in one part, as those of before, stays folded."""
    site = Site(organisation.id)
    site.case("0241")
    config, case = schema.config(connection), site.number("case", "0241")
    db.session.commit()
    with engine_of(connection):
        before = downgrading.losses("0022")
    insert = (
        "INSERT INTO pms_sample (event_time, repeats, device_id, subject_id, source_id, readings)"
        " SELECT :day + n * interval '53 minutes', n, 1, :case, 1, ARRAY[n * 0.1, 'NaN', 7, :n]"
        " FROM generate_series(0, 25) AS n"
    )
    days = [datetime(2026, 3, n, tzinfo=UTC) for n in (1, 2)]
    for n, day in enumerate(days):
        db.session.execute(sa.text(insert), {"day": day, "case": case, "n": n})
    samples = _of(db.session.connection(), case, "sample", "event_time")
    for day, part in zip(days, (4_320, 7), strict=True):
        with mock.patch.object(day_rows, "PART", part):
            folding.fold(case, day.date())
    db.session.commit()
    folded = _of(connection, case, "level", "day, minutes")
    with engine_of(connection):
        planned = downgrading.losses("0022")
    assert before and planned and planned.lost == before.lost
    assert [a - b for a, b in zip(planned.thawed, before.thawed, strict=True)] == [1, 26]
    db.session.commit()
    command.downgrade(config, "0022")
    assert len(_of(connection, case, "sample", "event_time")) == 26
    with connection.begin_nested() as attempt:
        connection.execute(sa.text("SELECT pms_thaw(:case)"), {"case": case})
        assert _of(connection, case, "sample", "event_time") == samples
        attempt.rollback()
    command.upgrade(config, "head")
    assert _of(connection, case, "level", "day, minutes") == folded[:3]
    connection.execute(sa.text("SELECT pms_thaw(:case)"), {"case": case})
    assert _of(connection, case, "sample", "event_time") == samples


def _of(connection: sa.Connection, case: int, table: str, order: str) -> list[tuple[str, ...]]:
    query = f"SELECT t::text FROM pms_{table} t WHERE subject_id = :case ORDER BY {order}"
    return [tuple(row) for row in connection.execute(sa.text(query), {"case": case})]
