"""What tests stand on: FlexMeasures with the plugin, on a migrated database of their own.

Tests share one database and one app, for starting FlexMeasures takes long. Each gets
organisations of its own instead of an empty database, so their order does not matter.
Requests and commands run in their own app context, as in another process: they see what
was committed, and nothing that FlexMeasures keeps for the length of a request leaks.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from support import fuzz, profiles
from support.cluster import migrated_database, own_database
from support.session import Cookie, session_cookie
from werkzeug.test import TestResponse

ROOT = Path(__file__).parent.parent
DATA_DIR = ROOT / ".data" / "test"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""The name of this worker of pytest-xdist; none where one process runs all tests."""

URI_VARIABLE = "SQLALCHEMY_TEST_DATABASE_URI"
PASSWORD = "a-secret-of-the-tests"

profiles.register()


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation with one member, who has no roles.

    :param token: for requests to the API.
    :param cookie: for pages; see :mod:`support.session`.
    """

    id: int
    name: str
    user_id: int
    email: str
    token: str
    cookie: Cookie

    @property
    def headers(self) -> dict[str, str]:
        """The credentials of a request by the member."""
        return {"Authorization": self.token}


class Client(FlaskClient):
    """Requests as of another process. What the test did so far is committed first."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with apart(self.application):
            return super().open(*args, **kwargs)


class Runner(FlaskCliRunner):
    """Commands as of another process. Exceptions reach the test."""

    def invoke(self, *args: Any, **kwargs: Any) -> Result:
        kwargs.setdefault("catch_exceptions", False)
        with apart(self.app):
            return super().invoke(*args, **kwargs)


@contextlib.contextmanager
def apart(flask_app: Flask) -> Iterator[None]:
    """Commit what the test did, run the block in an app context of its own, and look anew."""
    from flexmeasures.data import db

    db.session.commit()
    with flask_app.app_context():
        yield
    db.session.expire_all()


def working_folder() -> Path:
    """Make the folder in which this process alone works."""
    folder = DATA_DIR / "work" / (WORKER or "main")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def application(uri: str) -> Flask:
    """Start FlexMeasures with the plugin. It can be done once in a process."""
    os.environ[URI_VARIABLE] = uri
    with contextlib.chdir(working_folder()):  # FlexMeasures opens a log file where it is started
        from flexmeasures.app import create
        from flexmeasures.utils.config_defaults import TestingConfig

        from flexmeasures_pms import config
        from flexmeasures_pms.ui.files import FOLDER

        # The pages' tests want them to ask no other host for anything.
        TestingConfig.PMS_OFFLINE_ASSETS = (FOLDER / "vendor" / "manifest.json").exists()
        flask_app: Flask = create(env="testing", plugins=["flexmeasures_pms"])
    # Tests of a minute's limits set their own; the others may take as little as they can.
    for what in ("REQUESTS", "SAMPLES", "BYTES"):
        flask_app.config[f"PMS_GATEWAY_{what}_PER_MINUTE"] = 10_000_000_000
    flask_app.config["PMS_ORGANISATION_REQUESTS"] = 1_000_000
    config.init(flask_app)
    flask_app.test_client_class = Client
    flask_app.test_cli_runner_class = Runner
    return flask_app


def migrate(uri: str) -> None:
    """Bring an empty database to the tables of FlexMeasures and of the plugin."""
    import flask_migrate
    from flexmeasures.data import db

    from flexmeasures_pms.migrations import schema

    # FlexMeasures' migrations set up logging for a command line, which would silence the
    # loggers of this process, and write a file where they are run.
    quiet = mock.patch("logging.config.fileConfig")
    with application(uri).app_context(), quiet, contextlib.chdir(working_folder()):
        flask_migrate.upgrade()
        schema.upgrade()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def database_uri() -> Iterator[str]:
    """The URI of a migrated database: of an embedded server unless the environment has one.

    Each worker has its own: a copy of the server, or a database ``..._gw0`` beside the named one.
    """
    if URI_VARIABLE in os.environ:
        with own_database(os.environ[URI_VARIABLE], WORKER) as uri:
            migrate(uri)
            yield uri
        return
    with migrated_database(DATA_DIR, migrate) as uri:
        yield uri


@pytest.fixture(scope="session")
def app(database_uri: str) -> Iterator[Flask]:
    """FlexMeasures with the plugin."""
    flask_app = application(database_uri)
    yield flask_app
    with flask_app.app_context():
        from flexmeasures.data import db

        db.engine.dispose()


@pytest.fixture
def app_context(app: Flask) -> Iterator[Flask]:
    """An app context with a database session, rolled back and forgotten after the test."""
    from flexmeasures.data import db

    with app.app_context():
        yield app
        db.session.rollback()
        db.session.remove()


_numbers = count(1)


@cache
def password_hash(password: str) -> str:
    """Hash a password once: doing it well takes longer than most tests."""
    from flask_security.utils import hash_password

    hashed: str = hash_password(password)
    return hashed


@pytest.fixture
def make_organisation(
    app_context: Flask, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Organisation]:
    """Make an organisation with one member: ``make_organisation(roles=["account-admin"])``."""
    from flexmeasures.data import db
    from flexmeasures.data.services import users

    monkeypatch.setattr(users, "hash_password", password_hash)

    def make(*, roles: list[str] | None = None) -> Organisation:
        number = next(_numbers)
        user = users.create_user(
            password=PASSWORD,
            email=f"member-{number}@organisation-{number}.example",
            account_name=f"Organisation {number}",
            user_roles=roles,
        )
        db.session.commit()
        return Organisation(
            id=user.account_id,
            name=user.account.name,
            user_id=user.id,
            email=user.email,
            token=user.get_auth_token(),
            cookie=session_cookie(app_context, user),
        )

    return make


@pytest.fixture
def organisation(make_organisation: Callable[..., Organisation]) -> Organisation:
    """An organisation of this test alone."""
    return make_organisation()


@pytest.fixture
def other_organisation(make_organisation: Callable[..., Organisation]) -> Organisation:
    """A second organisation, which must not see anything of the first."""
    return make_organisation()


@pytest.fixture
def client(app_context: Flask) -> FlaskClient:
    """Send requests to the app."""
    return app_context.test_client()


@pytest.fixture
def runner(app_context: Flask) -> FlaskCliRunner:
    """Run ``flexmeasures`` commands: ``runner.invoke(args=["pms", "tree"])``."""
    return app_context.test_cli_runner()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Redis server of the tests' own, for those that need a real one."""
    from flexmeasures_pms.demo.valkey import valkey

    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def queue(app_context: Flask, valkey_server: Any) -> Iterator[Any]:
    """FlexMeasures' queue ``ingestion`` on a real Redis, and requests that go by way of it."""
    from rq import Queue
    from support import queue as real

    before = app_context.queues["ingestion"]  # type: ignore[attr-defined]
    config = dict(app_context.config)
    found = real.RealQueue(
        app_context, Queue("ingestion", connection=real.connection(valkey_server))
    )
    found.empty()
    found.connect()
    real.set_mode(app_context, "queued")
    yield found
    real.use(app_context, before)
    app_context.config.clear()
    app_context.config.update(config)
    real.set_mode(app_context, "direct")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker of pytest-xdist tried to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["fuzz"] = fuzz.counts()


@pytest.hookimpl(optionalhook=True)  # is pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Choose which process runs which test."""
    from support.scheduling import Scheduler

    return Scheduler(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count what a worker tried. One that crashed hands nothing over."""
    fuzz.add(getattr(node, "workeroutput", {}).get("fuzz", ()))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many inputs that nobody wrote were tried, where that is what was asked for."""
    if config.getoption("hypothesis_profile") == "fuzz":
        terminalreporter.section("inputs, and how they were answered")
        for line in fuzz.told():
            terminalreporter.write_line(line)
