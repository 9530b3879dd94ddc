"""The real thing to be broken: gunicorn, PostgreSQL and Redis, each a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from faults.server import ACCOUNTS, FOLDER_VARIABLE
from support.cluster import migrated_folder

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.postgres import postgres, postgres_home
from flexmeasures_pms.demo.process import Server, running
from flexmeasures_pms.demo.servers import Servers
from flexmeasures_pms.demo.settings import environment, write_config
from flexmeasures_pms.demo.valkey import Valkey, free_port, valkey
from flexmeasures_pms.demo.web import HOST, answers

TESTS = Path(__file__).resolve().parent.parent
LOG = "flexmeasures.log"
WORKERS = 2
GUNICORN = (
    *("-m", "gunicorn", "faults.server:application()", "--preload", "--workers", str(WORKERS)),
    *("--threads", "4", "--timeout", "60", "--graceful-timeout", "5", "--log-level", "warning"),
    "--no-control-socket",
)
# A killed server has to keep what it committed, as it would on a host: what the other
# tests do without is on here, except for the wait for the disk, which a SIGKILL spares.
# What is committed without waiting stays in memory for long, so that it is missed.
POSTGRES = {
    "fsync": "off",
    "synchronous_commit": "on",
    "wal_writer_delay": "10s",
    "max_connections": "60",
}
# Gateways in a hurry: not what the limits are made for.
UNLIMITED: dict[str, object] = {
    "PMS_GATEWAY_REQUESTS_PER_MINUTE": 1_000_000,
    "PMS_GATEWAY_SAMPLES_PER_MINUTE": 100_000_000,
}


class Service:
    """A server that can be killed, and started again with the same data."""

    def __init__(self, name: str, start: Callable[[], AbstractContextManager[Any]], record: Path):
        self.name = name
        self._start = start
        self._record = record
        self._stack = ExitStack()
        self.found: Any = None

    def start(self, seconds: float = 60) -> Any:
        """Start, however often it takes."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.found = self._stack.enter_context(self._start())
                return self.found
            except ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def process(self) -> psutil.Process:
        """The server's first process."""
        return psutil.Process(json.loads(self._record.read_text())["pid"])

    def kill(self) -> None:
        """End the server and its children at once, as a power cut would."""
        first = self.process()
        everyone = [first, *first.children(recursive=True)]
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everyone[1:], timeout=10)
        self._stack.close()

    def stop(self) -> None:
        """End the server in order."""
        self._stack.close()


@dataclass
class World:
    """Everything that runs.

    :param accounts: id and token of each organisation.
    """

    port: int
    postgres: Service
    redis: Service
    web: Service
    accounts: list[dict[str, Any]]

    @property
    def uri(self) -> str:
        """Where the database is."""
        uri: str = self.postgres.found.uri()
        return uri

    def workers(self) -> list[psutil.Process]:
        """The web workers that live."""
        return self.web.process().children()

    def kill_worker(self, number: int) -> None:
        """End a web worker at once; gunicorn starts another."""
        workers = self.workers()
        with suppress(psutil.NoSuchProcess):
            if workers:
                workers[number % len(workers)].kill()

    def kill_backend(self, number: int) -> None:
        """End one of PostgreSQL's processes at once: it drops all connections and recovers."""
        backends = self.postgres.process().children()
        with suppress(psutil.NoSuchProcess):
            if backends:
                backends[number % len(backends)].kill()

    def restart(self, service: Service, *, after: float) -> None:
        """Kill a server, and start it again some seconds later."""
        service.kill()
        time.sleep(after)
        service.start()

    def settle(self, seconds: float = 60) -> None:
        """Wait until the server answers and no request is being worked on any more."""
        deadline = time.monotonic() + seconds
        calm = 0
        while calm < 3:
            calm = calm + 1 if answers(self.port) and not self._busy() else 0
            if time.monotonic() > deadline:
                raise TimeoutError("The servers did not come to rest.")
            time.sleep(0.1)

    def _busy(self) -> bool:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        try:
            with closing(psycopg2.connect(self.uri)) as connection, connection.cursor() as cursor:
                cursor.execute(query)
                return bool(cursor.fetchone()[0])
        except psycopg2.OperationalError:
            return True


@contextmanager
def world(data_dir: Path, settings: dict[str, object] | None = None) -> Iterator[World]:
    """Run all servers for the time of the block.

    :param settings: of FlexMeasures and the plugin, beside those of the demo and UNLIMITED.
    """
    with ExitStack() as stack:
        run = stack.enter_context(migrated_folder(data_dir, _migrate))
        stack.callback(_keep_log, run / LOG, data_dir / f"faults-{LOG}")
        database = Service(
            "PostgreSQL", lambda: postgres(run, POSTGRES), postgres_home(run) / "postgres.json"
        )
        first: list[Valkey] = []
        redis = Service("Redis", lambda: valkey(run, *first), run / "valkey.json")
        stack.callback(database.stop)
        database.start()
        stack.callback(redis.stop)
        first.append(redis.start())
        servers = _configure(run, database.found.uri(), first[0], UNLIMITED | (settings or {}))
        port = free_port()
        web = Service("web", lambda: _web(run, servers, port), run / "web.json")
        stack.callback(web.stop)
        web.start(0)
        accounts = json.loads((run / ACCOUNTS).read_text())
        yield World(port, database, redis, web, accounts)


def _keep_log(log: Path, copy: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.copyfile(log, copy)


def _configure(run: Path, uri: str, redis: Valkey, settings: dict[str, object]) -> Servers:
    servers = Servers(uri, redis.host, redis.port, redis.password)
    config = write_config(run, servers) / ".flexmeasures.cfg"
    with config.open("a") as file:
        file.writelines(f"{name} = {value!r}\n" for name, value in settings.items())
    return servers


def _environment(run: Path, servers: Servers) -> dict[str, str]:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    ours = {FOLDER_VARIABLE: str(run), "PYTHONPATH": paths.rstrip(os.pathsep)}
    return {**os.environ, **environment(run, servers), **ours}


def _web(run: Path, servers: Servers, port: int) -> AbstractContextManager[Any]:
    server = Server(
        [sys.executable, *GUNICORN, "--bind", f"{HOST}:{port}"],
        record=run / "web.json",
        log=run / "web.log",
        ready=lambda: answers(port),
        seconds=300,
        cwd=run,
        environment=_environment(run, servers),
    )
    return running(server)


def _migrate(uri: str) -> None:
    """Migrate an empty database in a process of its own."""
    config = {"SQLALCHEMY_DATABASE_URI": uri, "SECRET_KEY": "x", "FLEXMEASURES_ENV": "production"}
    run = Path(uri.partition("host=")[2]).parent
    with ExitStack() as stack:
        redis = stack.enter_context(valkey(run))
        servers = _configure(run, uri, redis, {})
        subprocess.run(
            [sys.executable, "-m", "faults.server"],
            check=True,
            cwd=run,
            env={**_environment(run, servers), **config},
        )
