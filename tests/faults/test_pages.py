"""Pages while PostgreSQL is away, slow or busy: a page that says so, within a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from sqlalchemy.exc import OperationalError
from support.elsewhere import elsewhere
from support.forms import submit
from support.session import log_in
from support.site import Site
from werkzeug.test import TestResponse

# The server of the tests gives up on a lock after 30 seconds: that would be too late.
BOUND = 15
EVERY_PAGE = (
    "/pms",
    "/pms?live=1",
    "/pms/PMS-1",
    "/pms/PMS-1?live=1",
    "/pms/PMS-1/cells",
    "/pms/case/0241",
    "/pms/registry",
    "/pms/registry/pms/PMS-1",
    "/pms/completeness",
    "/pms/quarantine",
    "/pms/receipts",
)
LOCKED = "pms_trackable, pms_latest, pms_quarantine, pms_receipt, pms_receipt_hour"
Get = Callable[[str], TestResponse]


@pytest.fixture
def get(client: FlaskClient, organisation: Organisation) -> Get:
    """Open a page as a member who is logged in, and has a rack."""
    site = Site(organisation.id)
    site.pms()
    site.case("0241", "PMS-1-A", 1)
    log_in(client, organisation)

    def ask(path: str) -> TestResponse:
        begin = time.monotonic()
        reply = client.get(path)
        assert time.monotonic() - begin < BOUND
        return reply

    return ask


@contextmanager
def away(uri: str) -> Iterator[None]:
    """A database that ends its connections, and takes no new ones."""
    db.session.rollback()
    name = db.engine.url.database
    with closing(psycopg2.connect(uri, dbname="postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            try:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    (name,),
                )
                yield
            finally:
                cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    db.session.remove()
    db.engine.dispose()


def assert_told_to_come_back(reply: TestResponse) -> None:
    page = reply.get_data(as_text=True)
    assert reply.status_code == 503, page
    assert int(reply.headers["Retry-After"]) > 0
    assert "<h1>Temporarily unavailable</h1>" in page
    assert "The database is not available" in page
    assert 'id="topnavbar"' in page
    assert "script-src" in reply.headers["Content-Security-Policy"]
    assert "psycopg" not in page


@pytest.mark.usefixtures("short_lock_timeout")
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_no_page_waits_long_for_a_lock_that_someone_holds(
    get: Get, database_uri: str, path: str
) -> None:
    with elsewhere(database_uri, f"LOCK {LOCKED} IN ACCESS EXCLUSIVE MODE"):
        assert_told_to_come_back(get(path))
    assert get(path).status_code == 200


@pytest.mark.usefixtures("short_lock_timeout")
@pytest.mark.parametrize(
    "lock",
    [
        "LOCK fm_user IN ACCESS EXCLUSIVE MODE",
        "SELECT id FROM fm_user FOR UPDATE",
        "LOCK account IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_a_lock_on_what_flexmeasures_looks_up_first_is_no_reason_to_log_in_again(
    get: Get, database_uri: str, lock: str
) -> None:
    with elsewhere(database_uri, lock):
        assert_told_to_come_back(get("/pms"))
    assert get("/pms").status_code == 200


@pytest.mark.usefixtures("short_statement_timeout")
def test_a_statement_that_takes_too_long_is_given_up(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "flexmeasures_pms.storage.queries.fleet._CONVERTERS"
    monkeypatch.setattr(slow, "SELECT pg_sleep(20) WHERE :accounts IS NOT NULL")
    reply = get("/pms")
    assert_told_to_come_back(reply)
    assert "My Account" in reply.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/pms", "/pms?live=1", "/pms/case/0241"])
def test_a_database_that_is_away_is_said_to_be(get: Get, database_uri: str, path: str) -> None:
    with away(database_uri):
        assert_told_to_come_back(get(path))
        said = get(f"{path}{'&' if '?' in path else '?'}lang=id").get_data(as_text=True)
        assert "Basis data sedang tidak dapat digunakan." in said
    assert get(path).status_code == 200


def test_a_preview_is_not_shown_when_the_connection_was_lost_meanwhile(
    client: FlaskClient, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = get("/pms/registry/case/0241?do=correct").get_data(as_text=True)

    def lost() -> None:
        monkeypatch.undo()
        db.session().rollback()
        raise OperationalError("ROLLBACK", {}, Exception("server closed the connection"))

    monkeypatch.setattr(db.session, "rollback", lost)
    reply = submit(client, page, since="2026-03-01T12:00", note="it was then")
    assert_told_to_come_back(reply)
