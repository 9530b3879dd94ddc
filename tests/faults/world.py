"""The real thing to be broken: gunicorn, PostgreSQL and Redis, each a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from faults.server import ACCOUNTS, FOLDER_VARIABLE
from redis import Redis
from support.cluster import migrated_folder
from support.starter import forked

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.postgres import Postgres, postgres, postgres_home
from flexmeasures_pms.demo.process import Server
from flexmeasures_pms.demo.servers import Servers
from flexmeasures_pms.demo.settings import environment, write_config
from flexmeasures_pms.demo.valkey import Valkey, free_port, valkey
from flexmeasures_pms.demo.web import HOST, answers

TESTS = Path(__file__).resolve().parent.parent
LOG = "flexmeasures.log"
WORKERS = 2
QUEUE_WORKERS = 2
AUTHORS = 6  # who type commands: three in each organisation
GUNICORN = (
    *("gunicorn", "faults.server:application()", "--preload", "--workers", str(WORKERS)),
    *("--threads", "8", "--timeout", "60", "--graceful-timeout", "5", "--log-level", "warning"),
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
# Gateways in a hurry: not what the limits are made for. Nobody looks at pages.
UNLIMITED: dict[str, object] = {
    "PMS_OFFLINE_ASSETS": False,
    "PMS_GATEWAY_REQUESTS_PER_MINUTE": 1_000_000,
    "PMS_GATEWAY_SAMPLES_PER_MINUTE": 100_000_000,
    "PMS_GATEWAY_BYTES_PER_MINUTE": 1_000_000_000_000,
    "PMS_ORGANISATION_REQUESTS": 1_000,
}

_BUSY = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND pid <> pg_backend_pid() AND state <> 'idle'"
)


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
        everyone = []
        with suppress(psutil.NoSuchProcess):  # it may have ended by itself
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

    :param accounts: id and credentials of each organisation.
    :param workers: of the queue; none where requests are processed directly.
    :param authors: who run commands.
    :param logs: PostgreSQL's, of its earlier lives and of this one.
    """

    port: int
    postgres: Service
    redis: Service
    web: Service
    accounts: list[dict[str, Any]]
    workers: list[Service]
    authors: Service
    authors_port: int
    logs: tuple[Path, Path]

    @property
    def uri(self) -> str:
        """Where the database is."""
        uri: str = self.postgres.found.uri()
        return uri

    def kill_child(self, service: Service, number: int) -> None:
        """End one of a server's processes at once, which the first one makes up for.

        Gunicorn starts another worker; PostgreSQL drops all connections and recovers; the
        job of a queue worker is lost, and nobody does it again.
        """
        with suppress(psutil.NoSuchProcess):
            children = service.process().children()
            if children:
                children[number % len(children)].kill()

    def empty_redis(self) -> None:
        """Let Redis forget everything, as one does that is started anew."""
        server = self.redis.found
        with closing(Redis(server.host, server.port, password=server.password)) as connection:
            connection.flushall()

    def restart(self, service: Service, *, after: float) -> None:
        """Kill a server, and start it again some seconds later."""
        service.kill()
        time.sleep(after)
        service.start()

    def deadlocks(self) -> int:
        """How often PostgreSQL had to end a deadlock."""
        texts = (log.read_text(errors="replace") for log in self.logs)
        return sum(text.count("ERROR:  deadlock detected") for text in texts)

    def settle(self, seconds: float = 60) -> None:
        """Wait until the server answers and no request is being worked on any more.

        Where requests are queued, this is also where the workers have stored them all: as
        long as they get on with it, there is time.
        """
        deadline = time.monotonic() + seconds
        calm, fewest = 0, sys.maxsize
        while calm < 3:
            waiting = self._count("SELECT count(*) FROM pms_journal WHERE state <> 'failed'")
            rests = answers(self.port) and self._count(_BUSY) == 0 and waiting == 0
            calm = calm + 1 if rests else 0
            if waiting is not None and waiting < fewest:
                fewest, deadline = waiting, time.monotonic() + seconds
            if time.monotonic() > deadline:
                raise TimeoutError("The servers did not come to rest.")
            time.sleep(0.1)

    def _count(self, query: str) -> int | None:
        try:
            with closing(psycopg2.connect(self.uri)) as connection, connection.cursor() as cursor:
                cursor.execute(query)
                return int(cursor.fetchone()[0])
        except psycopg2.OperationalError:
            return None


def together(*steps: Callable[[], object]) -> None:
    """Start or stop several services at once."""
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result()


@contextmanager
def world(
    data_dir: Path, settings: dict[str, object] | None = None, *, queued: bool = False
) -> Iterator[World]:
    """Run all servers for the time of the block.

    :param settings: of FlexMeasures and the plugin, beside those of the demo and UNLIMITED.
    :param queued: whether requests are kept for workers, which run then, too.
    """
    with ExitStack() as stack:
        run = stack.enter_context(migrated_folder(data_dir, _migrate))
        for name in (LOG, "web.log"):
            stack.callback(_keep_log, run / name, data_dir / f"faults-{name}")
        log = run / "postgres-all.log"
        log.touch()
        database = Service(
            "PostgreSQL", lambda: _postgres(run, log), postgres_home(run) / "postgres.json"
        )
        first: list[Valkey] = []
        redis = Service("Redis", lambda: valkey(run, *first), run / "valkey.json")
        stack.callback(database.stop)
        database.start()
        stack.callback(redis.stop)
        first.append(redis.start())
        mode: dict[str, object] = {"PMS_INGEST_MODE": "queued" if queued else "direct"}
        servers = _configure(
            run, database.found.uri(), first[0], UNLIMITED | mode | (settings or {})
        )
        port = free_port()
        web = Service("web", lambda: _web(run, servers, port), run / "web.json")
        authors_port = free_port()
        record = run / "authors.json"
        authors = Service("authors", lambda: _authors(run, servers, authors_port), record)
        workers = [_queue_worker(run, servers, n) for n in range(QUEUE_WORKERS if queued else 0)]
        services = [web, authors, *workers]
        stack.callback(together, *(service.stop for service in services))
        together(*(service.start for service in services))
        accounts = json.loads((run / ACCOUNTS).read_text())
        logs = log, postgres_home(run) / "postgres.log"
        yield World(port, database, redis, web, accounts, workers, authors, authors_port, logs)


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
        [*GUNICORN, "--bind", f"{HOST}:{port}"],
        record=run / "web.json",
        log=run / "web.log",
        ready=lambda: answers(port),
        seconds=300,
        cwd=run,
        environment=_environment(run, servers),
    )
    return forked(server)


@contextmanager
def _postgres(run: Path, log: Path) -> Iterator[Postgres]:
    """Run PostgreSQL, and keep its log when it ends: each start begins another."""
    try:
        with postgres(run, POSTGRES) as server:
            yield server
    finally:
        with log.open("a") as everything, suppress(FileNotFoundError):
            everything.write((postgres_home(run) / "postgres.log").read_text(errors="replace"))


def _authors(run: Path, servers: Servers, port: int) -> AbstractContextManager[Any]:
    server = Server(
        ["faults.authors", str(port), str(AUTHORS)],
        record=run / "authors.json",
        log=run / "authors.log",
        ready=lambda: _listens(port),
        seconds=300,
        cwd=run,
        environment=_environment(run, servers),
    )
    return forked(server)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def _queue_worker(run: Path, servers: Servers, number: int) -> Service:
    """FlexMeasures' own command, as a host runs it."""
    name = f"queue-{number}"
    log, record = run / f"{name}.log", run / f"{name}.json"
    program = Path(sys.executable).with_name("flexmeasures")
    server = Server(
        [str(program), "jobs", "run-worker", "--queue", "ingestion", "--name", name],
        record=record,
        log=log,
        ready=lambda: "RQ embedded scheduler" in log.read_text(errors="replace"),
        seconds=300,
        cwd=run,
        environment=_environment(run, servers),
    )
    return Service(name, lambda: forked(server), record)


def _migrate(uri: str) -> None:
    """Migrate an empty database in a process of its own."""
    config = {"SQLALCHEMY_DATABASE_URI": uri, "SECRET_KEY": "x", "FLEXMEASURES_ENV": "production"}
    run = Path(uri.partition("host=")[2]).parent
    with ExitStack() as stack:
        redis = stack.enter_context(valkey(run))
        servers = _configure(run, uri, redis, UNLIMITED)
        subprocess.run(
            [sys.executable, "-m", "faults.server"],
            check=True,
            cwd=run,
            env={**_environment(run, servers), **config},
        )
