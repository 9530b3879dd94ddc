"""``GET /pms/api/v1/health``: for load balancers, and in detail for admins."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.changed import changed_settings
from support.gateways import make_key
from support.maintained import maintained
from support.reporting import report
from support.site import Site
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.migrations import schema
from flexmeasures_pms.serving import health
from flexmeasures_pms.serving.once_in_a_while import OnceInAWhile
from flexmeasures_pms.storage.engine import own_engine

URL = "/pms/api/v1/health"
DETAILS = f"{URL}/details"


@pytest.fixture(autouse=True)
def nothing_kept(app_context: Flask) -> Iterator[None]:
    """What a process has found before is of no interest here."""
    for name in (health._EXTENSION, health._FAILED):
        app_context.extensions.pop(name, None)
    yield
    for name in (health._EXTENSION, health._FAILED):
        app_context.extensions.pop(name, None)


@pytest.fixture
def admin(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["admin"])


@pytest.fixture
def revision(app_context: Flask) -> Iterator[Callable[[str | None], None]]:
    """Have another revision of the tables recorded."""

    def record(number: str | None) -> None:
        db.session.execute(sa.text("DELETE FROM pms_alembic_version"))
        if number is not None:
            row = sa.text("INSERT INTO pms_alembic_version VALUES (:number)")
            db.session.execute(row, {"number": number})
        db.session.commit()

    yield record
    record(schema.head())


def asked(client: FlaskClient, url: str = URL, **options: Any) -> tuple[int, Any]:
    reply = client.get(url, **options)
    assert reply.mimetype == "application/json"
    return reply.status_code, reply.get_json()


def states(body: Any) -> dict[str, str]:
    return {check["name"]: check["state"] for check in body["checks"]}


def message(body: Any, name: str) -> str:
    return next(str(check["message"]) for check in body["checks"] if check["name"] == name)


def test_it_needs_no_credentials_and_tells_little(client: FlaskClient) -> None:
    assert asked(client) == (200, {"status": "ok"})
    assert client.head(URL).status_code == 200


@pytest.mark.parametrize("number", ["0013", "9999", None])
def test_tables_of_another_version_make_it_unavailable(
    client: FlaskClient,
    admin: Organisation,
    revision: Callable[[str | None], None],
    caplog: pytest.LogCaptureFixture,
    number: str | None,
) -> None:
    revision(number)
    assert asked(client) == (503, {"status": "unavailable"})
    said = [record.levelname for record in caplog.records if "Health: " in record.message]
    assert said == ["ERROR"]
    code, body = asked(client, DETAILS, headers=admin.headers)
    assert (code, body["status"]) == (503, "unavailable")
    assert states(body)["tables"] == "failed"


def nowhere(app: Flask, port: int) -> Any:
    uri = f"postgresql://pms:secret@127.0.0.1:{port}/pms"
    return mock.patch.dict(app.config, SQLALCHEMY_DATABASE_URI=uri)


def test_a_database_that_is_away_makes_it_unavailable(
    app_context: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        with nowhere(app_context, nobody.getsockname()[1]):
            assert asked(client) == (503, {"status": "unavailable"})
    assert "secret" not in caplog.text


def test_a_database_that_does_not_answer_makes_it_unavailable(
    app_context: Flask, client: FlaskClient
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with closing(silent), nowhere(app_context, silent.getsockname()[1]):
        assert asked(client) == (503, {"status": "unavailable"})


def test_a_read_only_database_makes_it_unavailable(app_context: Flask, client: FlaskClient) -> None:
    with mock.patch.dict(health.CONNECTING, options="-c default_transaction_read_only=on"):
        assert asked(client) == (503, {"status": "unavailable"})


@pytest.fixture
def no_room(app_context: Flask) -> Iterator[None]:
    """PostgreSQL refuses the connection that is opened for the look."""
    role = "pms_test_no_room"
    with db.engine.begin() as connection:
        connection.execute(sa.text(f"DROP ROLE IF EXISTS {role}"))
        connection.execute(sa.text(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0"))
    with mock.patch.dict(health.CONNECTING, user=role, password="x"):
        yield
    with db.engine.begin() as connection:
        connection.execute(sa.text(f"DROP ROLE {role}"))


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("in_use", [False, True])
def test_no_room_for_another_connection_is_a_warning(
    client: FlaskClient, admin: Organisation, in_use: bool
) -> None:
    """Requests go on with the connections that are open, whether one is free or not."""
    pool = mock.Mock(wraps=db.engine.pool)
    pool.checkedin, pool.checkedout = (lambda: int(not in_use)), (lambda: int(in_use))
    with mock.patch.object(db.engine, "pool", pool):
        assert asked(client) == (200, {"status": "ok"})
        code, body = asked(client, DETAILS, headers=admin.headers)
    assert (code, states(body)["database"]) == (200, "warning")
    assert "too many connections" in message(body, "database")
    assert ("tables" in states(body)) is not in_use


@pytest.mark.usefixtures("no_room")
def test_no_room_and_no_connection_makes_it_unavailable(client: FlaskClient) -> None:
    nothing_open = mock.Mock(checkedin=lambda: 0, checkedout=lambda: 0)
    with mock.patch.object(db.engine, "pool", nothing_open):
        assert asked(client) == (503, {"status": "unavailable"})


@pytest.mark.usefixtures("no_room")
def test_tables_are_looked_at_without_room_too(
    client: FlaskClient, revision: Callable[[str | None], None]
) -> None:
    revision("0013")
    pool = mock.Mock(wraps=db.engine.pool, checkedin=lambda: 1)
    with mock.patch.object(db.engine, "pool", pool):
        assert asked(client) == (503, {"status": "unavailable"})


def test_many_requests_cost_one_look(client: FlaskClient) -> None:
    with mock.patch.object(health, "own_engine", wraps=own_engine) as look:
        assert {client.get(URL).status_code for _ in range(20)} == {200}
    assert look.call_count == 1


def test_nobody_waits_for_a_look_of_another_thread(client: FlaskClient) -> None:
    codes = []

    def look(*_: Any) -> Any:
        codes.append(client.get(URL).status_code)
        return []

    assert client.get(URL).status_code == 200
    with (
        mock.patch.object(health, "_of_database", side_effect=look),
        mock.patch.object(OnceInAWhile, "_is_fresh", return_value=False),
    ):
        assert client.get(URL).status_code == 200
    assert codes == [200]


def test_details_are_for_admins(
    client: FlaskClient, admin: Organisation, organisation: Organisation
) -> None:
    assert asked(client, DETAILS)[0] == 401
    assert asked(client, DETAILS, headers=organisation.headers)[0] == 403
    assert asked(client, DETAILS, headers=make_key(organisation.id))[0] == 403
    code, body = asked(client, DETAILS, headers=admin.headers)
    assert (code, body["status"]) == (200, "ok")
    assert states(body) | {"redis": "", "journal": "", "quarantine": "", "maintenance": ""} == {
        "database": "ok", "tables": "ok", "journal": "", "quarantine": "", "maintenance": "",
        "redis": "",
    }  # fmt: skip


def test_a_full_quarantine_is_a_warning(
    app_context: Flask, client: FlaskClient, admin: Organisation
) -> None:
    Site(admin.id).pms()
    with changed_settings(app_context, max_quarantine=10, quarantine_share=100):
        samples = [pack_sample("0999", at(n)) for n in range(9)]
        body = request({"pms_id": "PMS-1"}, *samples)
        send = {"data": body, "content_type": "application/json", "headers": admin.headers}
        client.post("/pms/api/v1/devices/dataset/pms", **send)
        code, found = asked(client, DETAILS, headers=admin.headers)
        assert asked(client)[0] == 200
    assert (code, states(found)["quarantine"]) == (200, "warning")
    assert "quarantine list" in message(found, "quarantine")


@pytest.mark.parametrize(("state", "minutes"), [("failed", 0), ("waiting", 6)])
def test_a_journal_that_needs_somebody_is_a_warning(
    client: FlaskClient, admin: Organisation, state: str, minutes: int
) -> None:
    add = """
        INSERT INTO pms_journal (id, account_id, received_at, sender, dataset, content_type,
          encoding, digest, samples, lanes, body, state, retry_at)
        VALUES (nextval('pms_receipt_id_seq'), :account, now() - make_interval(mins => :minutes),
          'test', 'pms', 'application/json', '', '', 1, '{1}', '', :state, 'infinity')
        RETURNING id"""
    given = {"account": admin.id, "minutes": minutes, "state": state}
    number = db.session.scalar(sa.text(add), given)
    code, found = asked(client, DETAILS, headers=admin.headers)
    db.session.execute(sa.text("DELETE FROM pms_journal WHERE id = :id"), {"id": number})
    db.session.commit()
    assert (code, states(found)["journal"]) == (200, "warning")
    assert ("1 failed" if state == "failed" else "the oldest for 36") in message(found, "journal")


@pytest.mark.parametrize(
    ("hours", "succeeded", "state", "words"),
    [
        (1, True, "ok", "It ran last 20"),
        (24.5, True, "ok", "It ran last 20"),
        (26, True, "warning", "It ended last 26 hours ago, 20"),
        (1, False, "warning", "failed. Run `flexmeasures pms maintain`"),
        (None, None, "warning", "It never ran, and the log has samples of more than a day ago."),
    ],
)
def test_maintenance_that_is_overdue_is_a_warning(
    client: FlaskClient,
    admin: Organisation,
    hours: float | None,
    succeeded: bool | None,
    state: str,
    words: str,
) -> None:
    site = Site(admin.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    report(client, admin.headers, pack_sample("0241", at(0)))
    with maintained(hours, succeeded):
        code, body = asked(client, DETAILS, headers=admin.headers)
        assert asked(client) == (200, {"status": "ok"})
    assert (code, body["status"], states(body)["maintenance"]) == (200, "ok", state)
    assert words in message(body, "maintenance")
