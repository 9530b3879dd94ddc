"""The plugin's tables, beside FlexMeasures' own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from unittest import mock

import flask_migrate
import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskCliRunner
from support.tables import definitions, engine_of

from flexmeasures_pms.errors import SchemaError


def own_tables() -> list[sa.Table]:
    """Return the plugin's tables as the code has them."""
    from flexmeasures.data import db

    import flexmeasures_pms.gateways.tables
    import flexmeasures_pms.registry.master_tables
    import flexmeasures_pms.registry.tables
    import flexmeasures_pms.storage.tables  # noqa: F401

    return [table for table in db.metadata.sorted_tables if table.name.startswith("pms_")]


def create_all(connection: sa.Connection) -> None:
    from flexmeasures.data import db

    db.metadata.create_all(connection, tables=own_tables())


def test_migrations_and_code_agree_on_every_table(connection: sa.Connection) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from flexmeasures_pms.migrations import schema

    context = MigrationContext.configure(connection, opts=schema.OPTIONS)
    assert own_tables()
    assert compare_metadata(context, schema.OPTIONS["target_metadata"]) == []


def test_create_all_makes_the_same_as_the_migrations(connection: sa.Connection) -> None:
    """FlexMeasures' ``db-ops reset`` and test fixtures make tables by ``create_all``."""
    from flexmeasures_pms.migrations import schema

    migrated = definitions(connection)
    schema.drop(connection)
    assert not any(definitions(connection).values())
    create_all(connection)
    assert definitions(connection) == migrated
    assert {"pms_installation_part_excl", "pms_installation_place_excl"} <= {
        name for _, name, _ in migrated["constraints"]
    }


def test_missing_tables_give_one_line_that_says_what_to_run(connection: sa.Connection) -> None:
    from flexmeasures_pms.migrations import schema

    schema.check(connection)
    connection.execute(sa.text("DELETE FROM pms_alembic_version"))
    with pytest.raises(SchemaError, match="missing: run `flexmeasures pms db upgrade`"):
        schema.check(connection)
    connection.execute(sa.text("INSERT INTO pms_alembic_version VALUES ('9999')"))
    with pytest.raises(SchemaError, match="does not know"):
        schema.check(connection)


@pytest.mark.parametrize("version_table", ["DELETE FROM", "DROP TABLE"])
def test_after_a_reset_by_flexmeasures_an_upgrade_puts_things_right(
    connection: sa.Connection, version_table: str
) -> None:
    from flexmeasures_pms.migrations import schema

    migrated = definitions(connection)
    schema.drop(connection)
    # Reset without the plugin loaded: reflected tables lack what PostgreSQL alone knows.
    create_all(connection)
    connection.execute(
        sa.text("ALTER TABLE pms_installation DROP CONSTRAINT pms_installation_part_excl")
    )
    connection.execute(sa.text(f"{version_table} pms_alembic_version"))
    with engine_of(connection):
        schema.upgrade()
    assert definitions(connection) == migrated
    schema.check(connection)


def test_restored_data_is_kept_when_the_version_is_unknown(
    connection: sa.Connection, organisation: Organisation
) -> None:
    from flexmeasures_pms.migrations import schema

    connection.execute(
        sa.text(
            "INSERT INTO pms_registry_version (account_id, version, changed_at)"
            " VALUES (:id, 1, now())"
        ),
        {"id": organisation.id},
    )
    connection.execute(sa.text("DELETE FROM pms_alembic_version"))
    with engine_of(connection):
        schema.upgrade()
    schema.check(connection)
    count = sa.text("SELECT count(*) FROM pms_registry_version WHERE account_id = :id")
    assert connection.execute(count, {"id": organisation.id}).scalar() == 1


def said(runner: FlaskCliRunner, connection: sa.Connection, command: str) -> str:
    """Run a command that fails, and return the line that it says."""
    with engine_of(connection):
        result = runner.invoke(args=["pms", "db", command])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    return line.removeprefix("Error: ")


def test_tables_of_a_newer_version_are_left_alone(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    from flexmeasures_pms.migrations import schema

    before = definitions(connection)
    connection.execute(sa.text("UPDATE pms_alembic_version SET version_num = '9999'"))
    for command in ("upgrade", "current"):
        assert said(runner, connection, command) == (
            "The tables of flexmeasures-pms are at revision 9999, which this version of the plugin "
            f"does not know (its newest is {schema.head()}): install the version that made them."
        )
    assert definitions(connection) == before


def test_a_lost_row_of_other_tables_is_not_guessed(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    connection.execute(sa.text("INSERT INTO pms_place VALUES ('none', 'dock', 1)"))
    connection.execute(sa.text("DELETE FROM pms_alembic_version"))
    assert said(runner, connection, "current").startswith("The revision of the tables")
    connection.execute(sa.text("ALTER TABLE pms_receipt DROP COLUMN details"))

    line = said(runner, connection, "upgrade")
    assert line.startswith("The table pms_alembic_version has lost its row, and the tables are not")
    count = connection.scalar(sa.text("SELECT count(*) FROM pms_alembic_version"))
    assert count == 0


def test_two_recorded_revisions_are_said_in_one_line(
    connection: sa.Connection, runner: FlaskCliRunner
) -> None:
    connection.execute(sa.text("INSERT INTO pms_alembic_version VALUES ('0001')"))
    for command in ("upgrade", "current"):
        assert "has 2 rows (0001, " in said(runner, connection, command)


def test_tables_can_be_taken_down_again(connection: sa.Connection) -> None:
    from alembic import command

    from flexmeasures_pms.migrations import schema

    command.downgrade(schema.config(connection), "base")
    assert not any(definitions(connection).values())


def test_without_flexmeasures_tables_the_upgrade_says_what_to_run_first(
    connection: sa.Connection,
) -> None:
    from flexmeasures_pms.migrations import schema

    connection.execute(sa.text("DROP TABLE generic_asset CASCADE"))
    with engine_of(connection), pytest.raises(SchemaError, match="`flexmeasures db upgrade`"):
        schema.upgrade()


def test_flexmeasures_own_migrations_leave_the_plugins_tables_alone(
    connection: sa.Connection, tmp_path: Path
) -> None:
    before = definitions(connection)
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    quiet = mock.patch("logging.config.fileConfig")
    with quiet, contextlib.chdir(tmp_path):
        flask_migrate.upgrade()
    assert definitions(connection) == before
    after = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    assert after == revision


def test_our_migrations_leave_flexmeasures_tables_alone(connection: sa.Connection) -> None:
    from flexmeasures_pms.migrations import schema

    def others() -> dict[str, list[str]]:
        inspector = sa.inspect(connection)
        names = [n for n in inspector.get_table_names() if not n.startswith("pms_")]
        return {n: [c["name"] for c in inspector.get_columns(n)] for n in names}

    before = others()
    schema.drop(connection)
    connection.execute(sa.text("DROP TABLE pms_alembic_version"))
    with engine_of(connection):
        schema.upgrade()
    assert others() == before


def test_old_samples_in_quarantine_get_their_size_and_old_receipts_refused_none(
    organisation: Organisation, connection: sa.Connection
) -> None:
    from alembic import command

    from flexmeasures_pms.migrations import schema

    config = schema.config(connection)
    command.downgrade(config, "0009")
    texts = ["", "é", "x" * 20_000]
    connection.execute(
        sa.text(
            "INSERT INTO pms_quarantine (account_id, dataset, content_type, reason, path, text,"
            " message, digest, sender, discarded_at) VALUES (:id, 'pms', 'text/csv', 'conflict',"
            " '', :text, '', sha256(:text ::bytea), 'user:1', :discarded)"
        ),
        [{"id": organisation.id, "text": text, "discarded": None} for text in texts]
        + [{"id": organisation.id, "text": "gone", "discarded": "2026-03-01T12:00:00Z"}],
    )
    connection.execute(
        sa.text(
            "WITH r AS (INSERT INTO pms_receipt (account_id, received_at, sender, dataset, digest,"
            " samples, stored, duplicate, quarantined, no_answer, faulty, late, beliefs,"
            " duration_ms) VALUES (:id, now(), 'user:1', 'pms', '', 1, 1, 0, 0, 0, 0, 0, 1, 1)"
            " RETURNING id) INSERT INTO pms_receipt_hour SELECT id, 1, now(), 1, 2 FROM r"
        ),
        {"id": organisation.id},
    )

    command.upgrade(config, "head")

    sizes = "SELECT size FROM pms_quarantine WHERE account_id = :id ORDER BY size"
    found = connection.execute(sa.text(sizes), {"id": organisation.id}).scalars().all()
    assert found == [0, 2, 4, 20_000]
    refused = (
        "SELECT r.refused, h.refused FROM pms_receipt r JOIN pms_receipt_hour h"
        " ON h.receipt_id = r.id WHERE account_id = :id"
    )
    (row,) = connection.execute(sa.text(refused), {"id": organisation.id})
    assert tuple(row) == (0, 0)


def test_what_was_retired_and_not_installed_since_is_retired(
    organisation: Organisation, connection: sa.Connection
) -> None:
    from alembic import command

    from flexmeasures_pms.migrations import schema

    config = schema.config(connection)
    command.downgrade(config, "0014")
    numbers: dict[str, int] = {}
    for ident in ("IN-USE", "RETIRED", "BACK", "CASE"):
        added = connection.execute(
            sa.text(
                "INSERT INTO pms_trackable (account_id, kind, ident, ident_key)"
                " VALUES (:id, 'case', :ident, :ident) RETURNING id"
            ),
            {"id": organisation.id, "ident": ident},
        )
        numbers[ident] = added.scalar_one()
    noon = "2026-03-01T12:00:00Z"
    connection.execute(
        sa.text(
            "INSERT INTO pms_transaction (account_id, request_id, recorded_at, effective_at,"
            " author, verb, trackable_id, kind, ident) VALUES (:id, gen_random_uuid(), now(),"
            " :at, 'test', 'retired', :number, 'case', 'x')"
        ),
        [{"id": organisation.id, "at": noon, "number": numbers[i]} for i in ("RETIRED", "BACK")],
    )
    connection.execute(
        sa.text(
            "INSERT INTO pms_installation (account_id, part_id, assembly_id, slot, valid, known,"
            " request_id) VALUES (:id, :part, :assembly, 'dock', tstzrange(:begin, :end),"
            " tstzrange(now(), NULL), gen_random_uuid())"
        ),
        [
            {"id": organisation.id, "part": numbers[i], "assembly": numbers["CASE"], "begin": b,
             "end": e}
            for i, b, e in (("RETIRED", None, noon), ("BACK", "2026-03-02T12:00:00Z", None))
        ],
    )  # fmt: skip

    command.upgrade(config, "head")

    query = "SELECT ident FROM pms_trackable WHERE account_id = :id AND retired_at IS NOT NULL"
    found = connection.execute(sa.text(query), {"id": organisation.id}).scalars().all()
    assert found == ["RETIRED"]
