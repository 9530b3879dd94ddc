"""The platform of the benchmarks: FlexMeasures with the plugin, on separate servers and data."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from benchmarks.memory import family, peak_of
from flexmeasures_pms.demo.prepare import migrate, register_site
from flexmeasures_pms.demo.process import Server, running
from flexmeasures_pms.demo.servers import servers, stopping_on_signals
from flexmeasures_pms.demo.settings import CONFIG_FILE, environment, write_config
from flexmeasures_pms.demo.valkey import free_port
from flexmeasures_pms.demo.web import HOST, answers
from flexmeasures_pms.simulator import Layout

EMAIL = "bench@pms-bench.example"
EVERY = "*: every"
RECORDING, MODE = "PMS_BENCH_RECORDING", "PMS_BENCH_MODE"
BELIEFS = "PMS_BENCH_BELIEFS"
_CONFIG = f"""
import os
PMS_RECORDING = os.environ.get({RECORDING!r}, {EVERY!r})
PMS_INGEST_MODE = os.environ.get({MODE!r}, "direct")
PMS_BELIEFS = os.environ.get({BELIEFS!r}, "recorded")
PMS_GATEWAY_REQUESTS_PER_MINUTE = 1_000_000
PMS_GATEWAY_SAMPLES_PER_MINUTE = 100_000_000
PMS_GATEWAY_BYTES_PER_MINUTE = 1_000_000_000_000
PMS_ORGANISATION_REQUESTS = 1_000
"""


# What is copied into FlexMeasures' own table as the limit is under the gateways' sources.
_PLAIN = "ALTER TABLE timed_belief DISABLE TRIGGER pms_belief_added"


@dataclass(frozen=True, slots=True)
class Platform:
    """A FlexMeasures to measure.

    :param app: in this process.
    :param token: of a member of the organisation.
    :param key: of a gateway for the whole organisation.
    :param peaks: the most memory [MB] that a process of each web server has used.
    """

    app: Flask
    account_id: int
    token: str
    key: str
    data_dir: Path
    peaks: list[int] = field(default_factory=list)

    @property
    def database_uri(self) -> str:
        """Where its data are."""
        return str(self.app.config["SQLALCHEMY_DATABASE_URI"])

    @contextmanager
    def web(
        self,
        workers: int,
        recording: str = EVERY,
        threads: int = 1,
        mode: str = "direct",
        beliefs: str = "recorded",
    ) -> Iterator[str]:
        """Serve it by gunicorn for the time of the block, and yield the address.

        :param threads: of each worker process.
        :param mode: what a request waits for, as in the settings.
        :param beliefs: which are written, as in the settings.
        :param recording: the host's policies; what is compared with a COPY of all readings
            writes all of them.
        """
        port = free_port()
        command = ("-m", "gunicorn", "benchmarks.platform:application()")
        options = ("--bind", f"{HOST}:{port}", "--workers", str(workers), "--preload")
        others = ("--threads", str(threads), "--timeout", "120", "--log-level", "warning")
        server = Server(
            [sys.executable, *command, *options, *others],
            record=self.data_dir / "web.json",
            log=self.data_dir / "web.log",
            ready=lambda: answers(port),
            seconds=120,
            environment={**os.environ, RECORDING: recording, MODE: mode, BELIEFS: beliefs},
        )
        with running(server) as process:
            yield f"http://{HOST}:{port}"
            self.peaks.append(peak_of(family(process.pid)))


def application() -> Flask:
    """Make the application. Gunicorn calls this."""
    from flexmeasures.app import create
    from flexmeasures.data import db

    app: Flask = create()
    with app.app_context():
        # Workers are forked from here: they must not share a connection.
        db.engine.dispose()
    return app


@contextmanager
def platform_under_test(
    layout: Layout, options: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """Provide FlexMeasures with a registered site for the time of the block.

    :param options: settings of PostgreSQL.
    """
    with tempfile.TemporaryDirectory(prefix="pms-bench-") as folder, stopping_on_signals():
        data_dir = Path(folder)
        data_dir.chmod(0o755)
        with servers(data_dir, options=options) as found:
            home = write_config(data_dir, found)
            with (home / CONFIG_FILE).open("a") as config:
                config.write(_CONFIG)
            os.environ.update(environment(data_dir, found))
            yield _prepared(layout, data_dir)


def _prepared(layout: Layout, data_dir: Path) -> Platform:
    from flexmeasures.data import db
    from flexmeasures.data.services.users import create_user

    from flexmeasures_pms.gateways import manage
    from flexmeasures_pms.registry.editing.change import Author

    app = application()
    with app.app_context(), redirect_stdout(StringIO()):
        migrate()
        db.session.execute(text(_PLAIN))
        user = create_user(
            email=EMAIL,
            password="not-a-secret-here",  # noqa: S106 - of a server that lives for minutes
            account_name="Bench",
            check_email_deliverability=False,
        )
        db.session.commit()
        register_site(app, layout, user.account_id)
        much = (10**9, 10**9)  # what is measured is how fast it stores, not how it refuses
        key = manage.add(
            user.account_id,
            "bench",
            devices=None,
            expires_at=None,
            rates=much,
            author=Author("bench"),
        )
        db.session.commit()
        found = Platform(app, user.account_id, user.get_auth_token(), key.text, data_dir)
        db.session.remove()
    return found
