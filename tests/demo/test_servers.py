import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.cluster import copy_cluster

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.postgres import postgres, postgres_home
from flexmeasures_pms.demo.servers import Servers, servers

HOLD = """
import sys, time
from pathlib import Path
from flexmeasures_pms.demo.servers import servers, stopping_on_signals
with stopping_on_signals(), servers(Path(sys.argv[1]), environ={}):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def new_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of a server that has only been made: making them takes seconds."""
    folder = tmp_path_factory.mktemp("new cluster")
    with postgres(folder) as server:
        pass
    yield server.folder
    shutil.rmtree(postgres_home(folder), ignore_errors=True)


@pytest.fixture
def data_dir(tmp_path: Path, new_cluster: Path) -> Iterator[Path]:
    """A folder whose PostgreSQL has been made, and not been used."""
    folder = tmp_path / "data dir"
    copy_cluster(new_cluster, postgres_home(folder) / "postgres")
    yield folder
    shutil.rmtree(postgres_home(folder), ignore_errors=True)


@pytest.fixture
def holder(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the servers running."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.stdout.close()
    process.terminate()  # not kill: it would leave its servers running
    process.wait(30)


def server_processes(uri_or_dir: str) -> list[psutil.Process]:
    # By `attrs`: then a process that ends meanwhile is passed over instead of an error.
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if (process.info["name"] or "").startswith("postgres")
        and uri_or_dir in " ".join(process.info["cmdline"] or ())
    ]


def remember(found: Servers, note: str) -> None:
    with psycopg2.connect(found.database_uri) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        cursor.execute("INSERT INTO note VALUES (%s)", (note,))
    connection.close()


def notes(found: Servers) -> list[str]:
    with psycopg2.connect(found.database_uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT text FROM note")
        rows = cursor.fetchall()
    connection.close()
    return [text for (text,) in rows]


def test_data_are_there_at_the_next_start_and_nothing_runs_in_between(data_dir: Path) -> None:
    with servers(data_dir, environ={}) as found:
        remember(found, "first")
        sockets = found.database_uri.partition("host=")[2]
        assert server_processes(sockets)
    assert server_processes(sockets) == []
    with servers(data_dir, environ={}) as found:
        assert notes(found) == ["first"]


def test_the_server_has_the_extensions_that_the_tables_need(data_dir: Path) -> None:
    with servers(data_dir, environ={}) as found:
        connection = psycopg2.connect(found.database_uri)
        with connection, connection.cursor() as cursor:
            for name in ("cube", "earthdistance", "btree_gist"):
                cursor.execute(f"CREATE EXTENSION {name}")
        connection.close()


def test_redis_answers_only_who_knows_its_password(data_dir: Path) -> None:
    with servers(data_dir, environ={}) as found:
        client = redis.Redis(found.redis_host, found.redis_port, password=found.redis_password)
        assert client.set("key", "value")
        client.close()
        once = Retry(NoBackoff(), 0)
        stranger = redis.Redis(found.redis_host, found.redis_port, retry=once)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        stranger.close()


def test_a_killed_run_leaves_nothing_in_the_way_of_the_next(
    data_dir: Path, holder: "subprocess.Popen[str]"
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with servers(data_dir, environ={}) as found:
        remember(found, "after the crash")
        assert notes(found) == ["after the crash"]


def test_a_stale_pid_file_that_names_another_program_is_no_obstacle(data_dir: Path) -> None:
    with servers(data_dir, environ={}):
        folder = postgres_home(data_dir) / "postgres"
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n")
    (data_dir / "valkey.json").write_text(f'{{"pid": {os.getpid()}, "created": 1.0}}')
    with servers(data_dir, environ={}) as found:
        remember(found, "started")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_command_stops_its_servers(
    data_dir: Path, holder: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    children = psutil.Process(holder.pid).children()
    assert len(children) == 2
    holder.send_signal(number)
    holder.wait(30)
    assert not any(child.is_running() for child in children)


@pytest.mark.usefixtures("holder")
def test_a_folder_in_use_is_refused_with_advice(data_dir: Path) -> None:
    with pytest.raises(ServerError, match="in use by another run"), servers(data_dir, environ={}):
        pass


def test_a_host_that_names_its_own_servers_gets_no_others(data_dir: Path) -> None:
    environ = {
        "SQLALCHEMY_DATABASE_URI": "postgresql://me@db.example/flexmeasures",
        "FLEXMEASURES_REDIS_URL": "redis.example",
        "FLEXMEASURES_REDIS_PORT": "6380",
        "FLEXMEASURES_REDIS_PASSWORD": "secret",
    }
    before = psutil.Process().children()  # other tests may have servers of their own
    with servers(data_dir, environ=environ) as found:
        assert found.database_uri == environ["SQLALCHEMY_DATABASE_URI"]
        assert (found.redis_host, found.redis_port) == ("redis.example", 6380)
        assert found.redis_password == "secret"
        assert psutil.Process().children() == before
