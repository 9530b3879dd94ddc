"""How long requests wait for the database; tests/faults has what happens then."""

from __future__ import annotations

from flask import Flask
from flexmeasures.data import db
from support.changed import changed_settings

from flexmeasures_pms import config
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
