"""``flexmeasures-pms check``: what is missing before the first start, in one line each."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg2
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.utils.config_defaults import Config as DefaultConfig
from sqlalchemy import NullPool, QueuePool, make_url
from support.maintained import maintained
from support.reporting import report
from support.site import Site
from support.telemetry import at, pack_sample

from flexmeasures_pms.__main__ import main
from flexmeasures_pms.check.processes import threads
from flexmeasures_pms.maintenance.overdue import maintenance_state

Check = Callable[..., dict[str, list[tuple[str, str]]]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_uri: str) -> Check:
    """Run the check on a configuration, good but for the given settings; None leaves one out."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FLEXMEASURES_ENV", "production")
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    # Making an application with plugins has added to FlexMeasures' default.
    monkeypatch.setattr(DefaultConfig, "FLEXMEASURES_PLUGINS", [])
    good = {
        "SQLALCHEMY_DATABASE_URI": database_uri,
        "FLEXMEASURES_PLUGINS": ["flexmeasures_pms"],
        "SECRET_KEY": "secret",
        "SECURITY_TWO_FACTOR": False,
    }

    def run(**changed: Any) -> dict[str, list[tuple[str, str]]]:
        settings = {name: value for name, value in (good | changed).items() if value is not None}
        file = tmp_path / ".flexmeasures.cfg"
        file.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
        return checked()

    return run


def checked() -> dict[str, list[tuple[str, str]]]:
    """Return what is said about each thing, and check that the exit code fits."""
    result = CliRunner().invoke(main, ["check", "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    found: dict[str, list[tuple[str, str]]] = {}
    for line in map(json.loads, result.stdout.splitlines()):
        found.setdefault(line["about"], []).append((line["state"], line["message"]))
    bad = any(state == "fix" for said in found.values() for state, _ in said)
    assert result.exit_code == int(bad)
    assert "\n" not in "".join(message for said in found.values() for _, message in said)
    return found


def to_fix(found: dict[str, list[tuple[str, str]]]) -> dict[str, str]:
    return {
        about: message for about, said in found.items() for state, message in said if state == "fix"
    }


@pytest.fixture(autouse=True)
def _maintained(app_context: Flask) -> Iterator[None]:
    with maintained(1):
        yield


@pytest.mark.parametrize(
    ("hours", "succeeded", "words"),
    [
        (26, True, "It ended last 26 hours ago, 20"),
        (1, False, "failed. Run `flexmeasures pms maintain` to see which step failed"),
        (None, None, "Run `flexmeasures pms maintain` each hour: see docs/hosting.md#regularly."),
    ],
)
def test_maintenance_that_is_overdue_has_to_be_seen_to(
    check: Check,
    client: FlaskClient,
    organisation: Organisation,
    hours: float | None,
    succeeded: bool | None,
    words: str,
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    report(client, organisation.headers, pack_sample("0241", at(0)))
    with maintained(hours, succeeded):
        assert words in to_fix(check())["maintenance"]
    with maintained(24.5):
        found = check()
    assert (to_fix(found), found["maintenance"][0][0]) == ({}, "ok")


def test_a_new_installation_is_told_to_have_maintenance_run(app_context: Flask) -> None:
    with db.engine.connect() as connection:
        for table in ("pms_sample", "latest_task_run"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
        found = maintenance_state(connection, datetime.now(UTC))
        connection.rollback()
    assert (found.ran, found.overdue) == (False, False)
    assert found.message.startswith("It has not run yet. Run `flexmeasures pms maintain`")


def test_a_good_installation_has_nothing_to_fix(check: Check, organisation: Organisation) -> None:
    found = check()
    assert to_fix(found) == {}
    for about in (
        "database",
        "extension",
        "FlexMeasures' tables",
        "tables",
        "tables of beliefs",
        "organisation",
        "user",
    ):
        assert found[about][0][0] == "ok", about


def test_a_role_that_may_not_make_tables_of_beliefs_is_told_what_lacks(
    check: Check, organisation: Organisation, database_uri: str
) -> None:
    with closing(psycopg2.connect(database_uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CREATE ROLE pms_guest LOGIN")
        try:
            cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO pms_guest")
            uri = make_url(database_uri).set(username="pms_guest")
            found = to_fix(check(SQLALCHEMY_DATABASE_URI=uri.render_as_string()))
            assert 'ALTER TABLE timed_belief OWNER TO "pms_guest";' in found["tables of beliefs"]
        finally:
            cursor.execute("DROP OWNED BY pms_guest; DROP ROLE pms_guest")


def test_it_prints_one_line_for_each_thing(check: Check) -> None:
    check()
    result = CliRunner().invoke(main, ["check"])
    lines = result.stdout.splitlines()
    assert all(line.split()[0] in ("ok", "note", "fix") for line in lines)


@pytest.mark.parametrize(
    ("changed", "about", "said"),
    [
        ({"FLEXMEASURES_PLUGINS": None}, "plugin", '["flexmeasures_pms"]'),
        ({"FLEXMEASURES_PLUGINS": "flexmeasures_s2"}, "plugin", "add"),
        ({"SECRET_KEY": None}, "secret key", "token_hex"),
        ({"SECURITY_TWO_FACTOR": True}, "two factors", "SECURITY_TOTP_SECRETS"),
        ({"PMS_RECEIPT_DAY": 3}, "settings", "PMS_RECEIPT_DAYS?"),
        ({"pms_receipt_days": 3}, "settings", "write PMS_RECEIPT_DAYS"),
        ({"PMS_RECEIPT_DAYS": "3"}, "settings", "whole number"),
        ({"SQLALCHEMY_DATABASE_URI": None}, "database", "postgresql://"),
        ({"SQLALCHEMY_DATABASE_URI": "nonsense"}, "database", "leads to no database"),
        ({"PMS_ORGANISATION_REQUESTS": 10}, "threads", "max_overflow"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_one_line(
    check: Check, organisation: Organisation, changed: dict[str, Any], about: str, said: str
) -> None:
    found = to_fix(check(**changed))
    assert list(found) == [about]
    assert said in found[about]


def test_a_setting_of_another_plugin_is_a_note(check: Check, organisation: Organisation) -> None:
    found = check(PMS_REPORTS_DIR="/srv/reports", OTHER_PMS_RECORDING="x")
    assert to_fix(found) == {}
    states = [state for state, message in found["settings"] if "PMS_REPORTS_DIR" in message]
    assert states == ["note"]


def test_a_name_of_the_programs_own_in_small_letters_is_good(
    check: Check, organisation: Organisation, tmp_path: Path
) -> None:
    check()
    with (tmp_path / ".flexmeasures.cfg").open("a") as file:
        file.write("secret_key = 'from a file '.strip()\nSECRET_KEY = secret_key\n")
    assert to_fix(checked()) == {}


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"max_overflow": -1}, None),
        ({"pool_size": 0}, None),
        ({"poolclass": NullPool}, None),
        ({"pool_size": 4, "max_overflow": 3}, 7),
        ({"poolclass": QueuePool, "pool_size": 6, "max_overflow": 0}, 6),
        ({}, 15),
    ],
)
@pytest.mark.parametrize("named", [8, 40])
def test_threads_are_compared_with_the_pools_limit_if_it_has_one(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], limit: int | None, named: int
) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", f"--threads {named}")
    found = threads({"SQLALCHEMY_ENGINE_OPTIONS": options}, 2)
    assert found.state == ("ok" if limit is None or named <= limit else "fix")
    said = f"the pool has {limit}" if found.state == "fix" else f"to {limit}" if limit else "8 or "
    assert said in found.message


@pytest.mark.parametrize(
    "plugins", ["flexmeasures_pms", "a, flexmeasures_pms", ["/x/flexmeasures_pms"]]
)
def test_other_ways_to_list_the_plugin_are_good(
    check: Check, organisation: Organisation, plugins: object
) -> None:
    assert to_fix(check(FLEXMEASURES_PLUGINS=plugins)) == {}


def test_an_empty_database_needs_tables(check: Check, database_uri: str) -> None:
    empty = make_url(database_uri).set(database="postgres")
    found = to_fix(check(SQLALCHEMY_DATABASE_URI=empty.render_as_string(hide_password=False)))
    assert set(found) == {"FlexMeasures' tables", "tables"}
    assert "`flexmeasures db upgrade`" in found["FlexMeasures' tables"]
    assert "`flexmeasures pms db upgrade`" in found["tables"]


def test_a_database_that_is_away_is_one_line(check: Check) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        uri = f"postgresql://pms:word@127.0.0.1:{nobody.getsockname()[1]}/pms"
        found = to_fix(check(SQLALCHEMY_DATABASE_URI=uri))
    assert list(found) == ["database"]
    assert "word@" not in found["database"]


def test_redis_is_needed_where_requests_are_queued(
    check: Check, organisation: Organisation
) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = {"FLEXMEASURES_REDIS_URL": "127.0.0.1"}
        away |= {"FLEXMEASURES_REDIS_PORT": nobody.getsockname()[1]}
        found = check(**away)
        assert found["Redis"][0][0] == "note"
        assert list(to_fix(check(**away, PMS_INGEST_MODE="queued"))) == ["Redis"]


def test_redis_that_is_away_is_tried_once(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waits.append)
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        found = check(FLEXMEASURES_REDIS_URL="127.0.0.1", FLEXMEASURES_REDIS_PORT=port)
    assert found["Redis"][0][0] == "note"
    assert waits == []


def test_a_broken_configuration_file_is_one_line(check: Check, tmp_path: Path) -> None:
    (tmp_path / ".flexmeasures.cfg").write_text("SECRET_KEY = = 1\n")
    found = to_fix(checked())
    assert list(found) == ["configuration file"]
    assert "line 1" in found["configuration file"]


def test_without_a_configuration_file_it_says_where_one_belongs(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SQLALCHEMY_DATABASE_URI", raising=False)
    found = checked()
    assert str(tmp_path / ".flexmeasures.cfg") in found["configuration file"][0][1]
    assert set(to_fix(found)) == {"plugin", "secret key", "database"}


def test_missing_packages_are_said(check: Check, organisation: Organisation) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "rq":
            raise metadata.PackageNotFoundError
        return "9.9" if name == "flexmeasures" else real(name)

    with mock.patch.object(metadata, "version", version):
        said = [message for _, message in check()["packages"]]
    assert len(said) == 2
    assert said[0].startswith("flexmeasures is 9.9: run pip install 'flexmeasures")
    assert said[1].startswith("rq is missing: run pip install 'rq")
