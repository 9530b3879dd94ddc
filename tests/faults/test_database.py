"""PostgreSQL slow, read-only or full: 503 within a bounded time, nothing half-written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import stored
from support.elsewhere import elsewhere
from support.site import Site
from support.telemetry import pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.storage.readings.belief_tables import make, table_of

URL = "/pms/api/v1/devices/dataset/pms"
# The server of the tests gives up on a lock after 30 seconds: that would be too late.
BOUND = 15
# One sample for the beliefs, one for the quarantine: of neither may a trace be left.
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241"), pack_sample("0999"))


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    site.pms()
    site.case("0241", "PMS-1-A", 1)
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Callable[[], TestResponse]:
    return lambda: client.post(
        URL, data=BODY, headers=organisation.headers, content_type="application/json"
    )


def committed(uri: str, *statements: str) -> None:
    with elsewhere(uri, *statements) as connection:
        connection.commit()


def assert_told_to_come_back(reply: TestResponse, account_id: int) -> None:
    assert reply.status_code == 503, reply.get_data(as_text=True)
    assert reply.get_json()["status"] == "UNAVAILABLE"
    assert int(reply.headers["Retry-After"]) > 0
    assert stored.belief_count(account_id) == 0
    assert stored.waiting(account_id) == []


def assert_recovered(reply: TestResponse, account_id: int) -> None:
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert stored.belief_count(account_id) == 42
    assert len(stored.waiting(account_id)) == 1


@pytest.mark.usefixtures("short_lock_timeout")
@pytest.mark.parametrize(
    "lock",
    [
        "LOCK timed_belief IN ACCESS EXCLUSIVE MODE",
        "LOCK pms_quarantine IN ACCESS EXCLUSIVE MODE",
        "LOCK pms_registry_version IN ACCESS EXCLUSIVE MODE",
        "LOCK generic_asset IN ACCESS EXCLUSIVE MODE",
        "LOCK data_source IN ACCESS EXCLUSIVE MODE",
        # FlexMeasures' own, before the view is reached.
        "LOCK fm_user IN ACCESS EXCLUSIVE MODE",
        "SELECT id FROM fm_user FOR UPDATE",
    ],
)
def test_a_lock_that_someone_holds_is_not_waited_for_long(
    site: Site, post: Callable[[], TestResponse], database_uri: str, lock: str
) -> None:
    with elsewhere(database_uri, lock):
        begin = time.monotonic()
        reply = post()
        assert time.monotonic() - begin < BOUND
    assert_told_to_come_back(reply, site.account_id)
    assert_recovered(post(), site.account_id)


@contextmanager
def trigger(uri: str, table: str, body: str, *, when: str = "INSERT") -> Iterator[None]:
    """Something that happens to each row of a table; beliefs are in that of this week."""
    if table == "beliefs":
        table = table_of(datetime.now(UTC))
        make(table)
    committed(
        uri,
        f"CREATE FUNCTION pms_fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} "
        "RETURN NEW; END $$",
        f"CREATE TRIGGER pms_fault BEFORE {when} ON {table} FOR EACH ROW "
        "EXECUTE FUNCTION pms_fault()",
    )
    try:
        yield
    finally:
        committed(uri, "DROP FUNCTION pms_fault CASCADE")


@pytest.mark.usefixtures("short_statement_timeout")
@pytest.mark.parametrize("table", ["beliefs", "pms_quarantine"])
def test_a_statement_that_takes_too_long_is_given_up(
    site: Site, post: Callable[[], TestResponse], database_uri: str, table: str
) -> None:
    with trigger(database_uri, table, "PERFORM pg_sleep(5);"):
        reply = post()
    assert_told_to_come_back(reply, site.account_id)
    assert_recovered(post(), site.account_id)


@pytest.mark.parametrize("table", ["beliefs", "pms_quarantine", "data_source"])
@pytest.mark.parametrize("code", ["disk_full", "insufficient_resources", "53300", "58030"])
def test_a_full_or_failing_disk_is_no_loss(
    site: Site, post: Callable[[], TestResponse], database_uri: str, table: str, code: str
) -> None:
    state = code if code.isdigit() else ""
    raised = f"RAISE SQLSTATE '{state}';" if state else f"RAISE {code};"
    with trigger(database_uri, table, raised):
        reply = post()
    assert_told_to_come_back(reply, site.account_id)
    assert_recovered(post(), site.account_id)


@pytest.mark.parametrize("table", ["beliefs", "pms_quarantine", "data_source"])
def test_a_connection_that_dies_in_the_middle_is_no_loss(
    site: Site, post: Callable[[], TestResponse], database_uri: str, table: str
) -> None:
    with trigger(database_uri, table, "PERFORM pg_terminate_backend(pg_backend_pid());"):
        reply = post()
    assert_told_to_come_back(reply, site.account_id)
    assert_recovered(post(), site.account_id)


def anew() -> None:
    """Let the next query have a connection of its own."""
    db.session.remove()
    db.engine.dispose()


def test_a_read_only_database_is_no_loss(
    site: Site, post: Callable[[], TestResponse], database_uri: str
) -> None:
    assert post().status_code == 200
    name = db.engine.url.database
    committed(database_uri, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    anew()
    try:
        again = post()
    finally:
        committed(
            database_uri + "&options=-c%20default_transaction_read_only%3Doff",
            f'ALTER DATABASE "{name}" RESET default_transaction_read_only',
        )
        anew()
    assert again.status_code == 503, again.get_data(as_text=True)
    assert int(again.headers["Retry-After"]) > 0
    assert_recovered(post(), site.account_id)
