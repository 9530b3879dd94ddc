"""PostgreSQL and Redis, and what is in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flexmeasures
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures_pms.check.configuration import Configuration
from flexmeasures_pms.check.findings import CheckResult, FindingState, one_line
from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.maintenance.overdue import maintenance_state
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.storage.engine import own_engine

_URI = "SQLALCHEMY_DATABASE_URI"
_SECONDS = 5
_EXTENSION = sa.text("""
    SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'btree_gist') AS there,
      EXISTS (SELECT FROM pg_available_extensions WHERE name = 'btree_gist') AS available,
      has_database_privilege(current_database(), 'CREATE') AS allowed,
      current_database() AS database, current_user AS role""")

_BELIEFS = sa.text("""
    SELECT array(
        SELECT t.oid::regclass::text FROM pg_class t
        LEFT JOIN pg_inherits i ON i.inhrelid = t.oid AND i.inhparent = c.oid
        WHERE (t.oid = c.oid OR i.inhrelid IS NOT NULL) AND NOT pg_has_role(t.relowner, 'USAGE')
        ORDER BY t.oid
      ) AS others,
      has_schema_privilege(current_schema(), 'CREATE') AS makes,
      current_schema() AS schema, current_user AS role
    FROM pg_class c WHERE c.oid = 'timed_belief'::regclass""")


def database(found: Configuration) -> Iterator[CheckResult]:
    """Yield what was found of the database; if it can't be reached, nothing of what is in it."""
    if not found.app.config.get(_URI):
        said = f'Write {_URI} = "postgresql://user:password@host/database" into {found.path}.'
        yield CheckResult("fix", "database", said)
        return
    try:
        with own_engine(found.app, connect_timeout=_SECONDS).connect() as connection:
            connection.exec_driver_sql(f"SET statement_timeout = '{_SECONDS}s'")
            yield from _inside(connection)
    except (SQLAlchemyError, ImportError) as error:
        cause = getattr(error, "orig", None) or error
        said = f"{_URI} in {found.path} leads to no database: {one_line(cause)}"
        yield CheckResult("fix", "database", said)


def _inside(connection: sa.Connection) -> Iterator[CheckResult]:
    version = connection.scalar(sa.text("SHOW server_version"))
    yield CheckResult("ok", "database", f"PostgreSQL {version} answers.")
    yield _extension(connection)
    own = _flexmeasures_tables(connection)
    yield own
    tables = _tables(connection)
    yield tables
    if own.state == "ok":
        yield _belief_tables(connection)
        yield from _people(connection)
        if tables.state == "ok":
            yield _maintenance(connection)


def _tables(connection: sa.Connection) -> CheckResult:
    try:
        schema.check(connection)
    except SchemaError as error:
        return CheckResult("fix", "tables", str(error))
    return CheckResult("ok", "tables", f"They are at revision {schema.head()}.")


def _maintenance(connection: sa.Connection) -> CheckResult:
    found = maintenance_state(connection, datetime.now(UTC))
    state: FindingState = "fix" if found.overdue else "ok" if found.ran else "note"
    return CheckResult(state, "maintenance", found.message)


def _extension(connection: sa.Connection) -> CheckResult:
    row = connection.execute(_EXTENSION).one()
    if row.there:
        return CheckResult("ok", "extension", "btree_gist is there.")
    if not row.available:
        said = "PostgreSQL does not offer btree_gist: install its contrib modules."
        return CheckResult("fix", "extension", said)
    if not row.allowed:
        grant = f'GRANT CREATE ON DATABASE "{row.database}" TO "{row.role}"'
        said = f"{row.role} may not create btree_gist: as the database's owner, run {grant};"
        return CheckResult("fix", "extension", said)
    return CheckResult("ok", "extension", f"btree_gist will be made by `{schema.UPGRADE}`.")


def _flexmeasures_tables(connection: sa.Connection) -> CheckResult:
    config = Config()
    folder = Path(flexmeasures.__file__).parent / "data" / "migrations"
    config.set_main_option("script_location", str(folder))
    heads = set(ScriptDirectory.from_config(config).get_heads())
    current = set(MigrationContext.configure(connection).get_current_heads())
    if heads == current:
        return CheckResult(
            "ok", "FlexMeasures' tables", f"They are at revision {', '.join(heads)}."
        )
    state = f"are at {', '.join(current)}, needed {', '.join(heads)}" if current else "are missing"
    return CheckResult(
        "fix", "FlexMeasures' tables", f"They {state}: run `flexmeasures db upgrade`."
    )


def _belief_tables(connection: sa.Connection) -> CheckResult:
    row = connection.execute(_BELIEFS).one()
    if row.makes and not row.others:
        return CheckResult("ok", "tables of beliefs", f"{row.role} may make one for each week.")
    owner = "".join(f' ALTER TABLE {name} OWNER TO "{row.role}";' for name in row.others)
    grant = "" if row.makes else f' GRANT CREATE ON SCHEMA "{row.schema}" TO "{row.role}";'
    said = f"{row.role} can't make or write one for each week: as a superuser, run{owner}{grant}"
    return CheckResult("fix", "tables of beliefs", said)


def _people(connection: sa.Connection) -> Iterator[CheckResult]:
    account = connection.scalar(sa.text("SELECT min(id) FROM account"))
    if account is None:
        said = 'There is none: run `flexmeasures add account --name "My company"`.'
        yield CheckResult("fix", "organisation", said)
    else:
        yield CheckResult("ok", "organisation", "There is at least one.")
    if connection.scalar(sa.text("SELECT min(id) FROM fm_user")) is None:
        add = "flexmeasures add user --username me --email me@example.com --roles admin"
        said = f"There is none: run `{add} --account {account or 1}`."
        yield CheckResult("fix", "user", said)
    else:
        yield CheckResult("ok", "user", "There is at least one.")


def redis(found: Configuration) -> CheckResult:
    """Return what was found of Redis."""
    config: dict[str, Any] = found.app.config
    queued = config.get("PMS_INGEST_MODE") == "queued"
    try:
        Redis(
            config.get("FLEXMEASURES_REDIS_URL") or "localhost",
            port=config.get("FLEXMEASURES_REDIS_PORT") or 6379,
            db=config.get("FLEXMEASURES_REDIS_DB_NR") or 0,
            password=config.get("FLEXMEASURES_REDIS_PASSWORD"),
            socket_connect_timeout=_SECONDS,
            socket_timeout=_SECONDS,
            retry=Retry(NoBackoff(), 0),  # redis-py would try for many seconds more
        ).ping()
    except (RedisError, OSError, ValueError) as error:
        needs = "queued requests need it" if queued else "FlexMeasures' jobs need it"
        said = f"It does not answer, and {needs}: set FLEXMEASURES_REDIS_URL and …_PORT"
        said = f"{said}, and …_PASSWORD: {one_line(error)}"
        return CheckResult("fix" if queued else "note", "Redis", said)
    return CheckResult("ok", "Redis", "It answers.")
