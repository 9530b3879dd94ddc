"""How long requests wait for the database; tests/faults has what happens then."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Organisation
from flask import Flask
from flask.testing import FlaskClient
from flexmeasures.data import db
from support import stored
from support.changed import changed_settings
from support.session import log_in
from support.telemetry import pack_sample, request

from flexmeasures_pms import config, deadline
from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.serving.timeouts import CONNECTING

URL = "/pms/api/v1/devices/dataset/pms"


def test_a_database_that_never_answers_is_not_waited_for_long(app_context: Flask) -> None:
    with db.engine.connect() as connection:
        dsn = connection.connection.dbapi_connection.dsn
    found = dict(part.split("=", 1) for part in dsn.split())
    assert {name: int(found[name]) for name in CONNECTING} == CONNECTING


def test_the_bounds_hold_for_requests_of_the_plugin_only(app_context: Flask) -> None:
    def timeout() -> str:
        db.session.rollback()
        return str(db.session.execute(db.text("SHOW lock_timeout")).scalar())

    outside = timeout()
    with app_context.test_request_context(URL, method="POST"):
        assert timeout() == "5s"
    assert timeout() == outside


def test_the_bounds_of_pages_are_those_of_the_settings(app_context: Flask) -> None:
    def timeouts() -> list[str]:
        db.session.rollback()
        names = ("lock_timeout", "statement_timeout")
        return [str(db.session.execute(db.text(f"SHOW {name}")).scalar()) for name in names]

    outside = timeouts()
    with app_context.test_request_context("/pms"):
        found = config.settings()
        assert timeouts() == [f"{found.lock_timeout:.0f}s", f"{found.statement_timeout:.0f}s"]
    with app_context.test_request_context("/dashboard"):
        assert timeouts() == outside


def test_a_limit_may_be_part_of_a_second(app_context: Flask) -> None:
    with changed_settings(app_context, lock_timeout=0.25, statement_timeout=1.5):
        db.session.rollback()
        with app_context.test_request_context("/pms"):
            assert db.session.execute(db.text("SHOW lock_timeout")).scalar() == "250ms"
            assert db.session.execute(db.text("SHOW statement_timeout")).scalar() == "1500ms"


def test_the_waits_are_cut_to_what_is_left_until_the_deadline(app_context: Flask) -> None:
    with app_context.test_request_context("/pms"), deadline.within(3):
        db.session.rollback()
        shown = str(db.session.execute(db.text("SHOW statement_timeout")).scalar())
        assert shown.endswith("ms")
        assert 1000 < int(shown.removesuffix("ms")) <= 3000
    with deadline.within(0), pytest.raises(StorageBusy, match="took too long"):
        db.session.execute(db.text("SELECT 1"))
    db.session.rollback()


@pytest.mark.parametrize(
    ("method", "url"),
    [("POST", URL), ("GET", "/pms/api/v1/fleet"), ("GET", "/pms"), ("GET", "/pms/registry")],
)
def test_a_request_beyond_its_deadline_is_refused_and_stores_nothing(
    client: FlaskClient, organisation: Organisation, method: str, url: str
) -> None:
    if url in ("/pms", "/pms/registry"):
        log_in(client, organisation)
    body = request({"pms_id": "PMS-1"}, pack_sample("0241"))
    options: dict[str, Any] = {}
    if method == "POST":
        options = {"data": body, "content_type": "application/json"}
    with changed_settings(client.application, request_timeout=0.000_001):
        reply = client.open(url, method=method, headers=organisation.headers, **options)
    assert reply.status_code == 503
    assert reply.headers["Retry-After"]
    assert stored.waiting(organisation.id) == []
    if method == "POST":
        again = client.open(url, method=method, headers=organisation.headers, **options)
        assert again.status_code == 200


@pytest.mark.parametrize("status", [503, 500])
def test_a_page_whose_time_ends_in_the_middle_says_so(
    client: FlaskClient, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    log_in(client, organisation)
    app = client.application

    def overrun(**_: Any) -> str:
        deadline.begin(0)
        if status == 500:
            raise ValueError("an unforeseen error")
        return str(db.session.execute(db.text("SELECT 1")).scalar())

    with app.test_request_context("/pms/registry") as context:
        endpoint = context.request.endpoint
    monkeypatch.setitem(app.view_functions, str(endpoint), overrun)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    reply = client.get("/pms/registry")
    shown = reply.get_data(as_text=True)
    assert reply.status_code == status
    assert ("Temporarily unavailable" if status == 503 else "Request failed") in shown
    assert "pms/" in shown  # the page, in its frame
    assert bool(reply.headers.get("Retry-After")) == (status == 503)


def test_a_request_that_waits_for_a_lock_is_refused_at_its_deadline(
    client: FlaskClient, organisation: Organisation
) -> None:
    body = request({"pms_id": "PMS-1"}, pack_sample("0241"))
    with (
        db.engine.connect() as other,
        changed_settings(
            client.application, request_timeout=1.5, lock_timeout=600, statement_timeout=600
        ),
    ):
        other.execute(db.text("LOCK TABLE pms_quarantine IN ACCESS EXCLUSIVE MODE"))
        reply = client.post(
            URL, data=body, headers=organisation.headers, content_type="application/json"
        )
        assert reply.status_code == 503
        assert reply.headers["Retry-After"]
