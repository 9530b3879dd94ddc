"""The connection to PostgreSQL is lost in the middle of a form or command, wherever that may be."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from conftest import Organisation
from flask.testing import FlaskClient, FlaskCliRunner
from flexmeasures.data import db
from sqlalchemy import Connection, event
from support import stored
from support.forms import forms
from support.session import log_in
from support.site import Site
from support.telemetry import NOON, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.storage.readings import beliefs

STEPS = ("before_cursor_execute", "commit", "rollback")
END = "END"
COMMAND = ("correct", "PMS-1-A", "--kind", "cabinet", "--note", "counted", "--docks")


@dataclass
class Cutter:
    """Ends the connection before one of the steps of a block: a statement, commit or rollback.

    :param at: the number of the step, from 1; 0 for none.
    :param away: whether the server takes no new connections from then on.
    :param seen: the steps so far.
    """

    uri: str
    at: int
    away: bool
    seen: list[str] = field(default_factory=list)

    def step(self, connection: Connection, *more: Any) -> None:
        """Note a step, and cut the connection before it when it is time."""
        self.seen.append(more[1] if more else END)
        if len(self.seen) == self.at:
            pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
            self.tell(f"ALLOW_CONNECTIONS {not self.away}")
            with closing(psycopg2.connect(self.uri, dbname="postgres")) as other:
                other.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    def tell(self, what: str) -> None:
        """Change the database for all its users."""
        with closing(psycopg2.connect(self.uri, dbname="postgres")) as other:
            other.autocommit = True
            other.cursor().execute(f'ALTER DATABASE "{db.engine.url.database}" {what}')


@contextmanager
def cut(uri: str, at: int, *, away: bool) -> Iterator[Cutter]:
    cutter = Cutter(uri, at, away)
    for name in STEPS:
        event.listen(db.engine, name, cutter.step)
    try:
        yield cutter
    finally:
        for name in STEPS:
            event.remove(db.engine, name, cutter.step)
        cutter.tell("ALLOW_CONNECTIONS true")
        db.session.remove()
        db.engine.dispose()


def around_ends(seen: list[str]) -> list[int]:
    """Return the steps that end a transaction, and those just before and after them."""
    ends = [number for number, step in enumerate(seen, start=1) if step == END]
    beside = {number + apart for number in ends for apart in (-1, 0, 1)}
    return sorted(number for number in beside if 0 < number <= len(seen))


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    site.pms()
    return site


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.usefixtures("site")
def test_a_form_is_answered_wherever_the_connection_is_lost(
    client: FlaskClient, organisation: Organisation, database_uri: str, away: bool
) -> None:
    log_in(client, organisation)
    form = forms(client.get("/pms/registry/cabinet/PMS-1-A?do=correct").get_data(as_text=True))[0]

    def send(docks: int) -> TestResponse:
        filled = {"docks": str(docks), "note": "counted", "request_id": str(uuid.uuid4())}
        return client.post(form.action, data=form.fields | filled)

    assert send(8).status_code == 303
    with cut(database_uri, 0, away=False) as whole:
        assert send(9).status_code == 303
    codes = []
    for docks, number in enumerate(around_ends(whole.seen), start=10):
        with cut(database_uri, number, away=away):
            reply = send(docks)
        codes.append(reply.status_code)
        if reply.status_code != 303:
            assert reply.status_code == 503, whole.seen[number - 1]
            assert int(reply.headers["Retry-After"]) > 0
    assert codes[0] == 503
    assert codes[-1] == 303, "all is done when the last transaction ends"
    assert codes == sorted(codes, reverse=True), "what is committed is done"


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.usefixtures("site")
def test_a_command_says_in_one_line_that_the_connection_is_lost(
    runner: FlaskCliRunner, organisation: Organisation, database_uri: str, away: bool
) -> None:
    def run(docks: int) -> tuple[int, str]:
        words = ["pms", *COMMAND, str(docks), "--account", str(organisation.id)]
        done = runner.invoke(args=words)
        return done.exit_code, done.output

    assert run(8)[0] == 0
    with cut(database_uri, 0, away=False) as whole:
        assert run(9)[0] == 0
    codes = []
    for docks, number in enumerate(around_ends(whole.seen), start=10):
        with cut(database_uri, number, away=away):
            code, printed = run(docks)
        codes.append(code)
        if code:
            assert printed.startswith("Error: The database is not available: "), printed
            assert len(printed.splitlines()) == 1
    assert codes == sorted(codes, reverse=True), "what is committed is done"
    assert codes[-1] == 0


@pytest.fixture
def lost_in_copy(
    site: Site,
    client: FlaskClient,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], None]:
    """A sample waits whose beliefs can not be copied; returns what checks that it waits."""
    client.post(
        "/pms/api/v1/devices/dataset/pms",
        data=request({"pms_id": "PMS-1"}, pack_sample("0241")),
        headers=organisation.headers,
        content_type="application/json",
    )
    monkeypatch.setattr(beliefs, "_COPY", "SELECT pg_terminate_backend(pg_backend_pid())")

    def check() -> None:
        assert len(stored.waiting(site.account_id)) == 1
        monkeypatch.undo()
        site.case("0242")
        assert stored.times(site.account_id, "case:0241") in (set(), {NOON})

    return check


def test_a_form_is_done_when_the_driver_loses_the_connection_in_what_follows(
    client: FlaskClient, organisation: Organisation, lost_in_copy: Callable[[], None]
) -> None:
    log_in(client, organisation)
    form = forms(client.get("/pms/registry/register?kind=case").get_data(as_text=True))[0]
    reply = client.post(
        form.action, data=form.fields | {"ident": "0241", "cabinet": "PMS-1-A", "dock": "1"}
    )
    assert reply.status_code == 303, reply.get_data(as_text=True)
    lost_in_copy()


def test_a_command_is_done_when_the_driver_loses_the_connection_in_what_follows(
    runner: FlaskCliRunner, organisation: Organisation, lost_in_copy: Callable[[], None]
) -> None:
    words = ["pms", "register-case", "0241", "--account", str(organisation.id)]
    done = runner.invoke(args=words)
    assert done.exit_code == 0, done.output
    assert "waiting samples follow later" in done.output
    lost_in_copy()


def test_a_replay_says_in_one_line_that_the_driver_lost_the_connection(
    site: Site,
    runner: FlaskCliRunner,
    organisation: Organisation,
    lost_in_copy: Callable[[], None],
) -> None:
    site.case("0241")
    done = runner.invoke(args=["pms", "quarantine", "replay", "--account", str(organisation.id)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: The database is not available: ")
    lost_in_copy()
