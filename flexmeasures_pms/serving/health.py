"""Whether telemetry can be stored now, and what will soon need the host.

Three states: what has failed makes the plugin unavailable, because each POST would be refused;
a warning needs somebody, but other telemetry is still stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal, cast

import sqlalchemy as sa
from flask import Flask, current_app
from flexmeasures.data import db
from flexmeasures.data.models.user import Account
from msgspec import Struct
from redis import Redis, RedisError
from rq import Queue, Worker
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.ingest.journal_queue import QUEUE
from flexmeasures_pms.ingest.limits import quarantine_bounds
from flexmeasures_pms.maintenance.overdue import maintenance_state
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.plural import counted
from flexmeasures_pms.serving.once_in_a_while import OnceInAWhile
from flexmeasures_pms.storage.engine import own_engine
from flexmeasures_pms.storage.impatient import line
from flexmeasures_pms.storage.intake import journal
from flexmeasures_pms.storage.intake.quarantine_room import (
    NEARLY,
    nearly_full,
    waiting_by_device,
)
from flexmeasures_pms.storage.session import cause

KEPT_SECONDS, DETAILS_SECONDS = 5.0, 30.0
"""How long a process keeps what it has found: the short answer, and the details."""
PATIENCE_SECONDS = 5.0
CONNECTING = {"connect_timeout": 2, "tcp_user_timeout": 3_000}
_LIMITS = "SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '1s'"
OLD_SECONDS = 300
"""From which age on a request that waits in the journal is a warning [s]."""
_MOST_NAMED = 5
_REDIS_SECONDS = 0.5
_NO_ROOM = re.compile("too many (clients|connections)|connection slots|no more connections")
"""What PostgreSQL or PgBouncer says then; the driver tells no code of a refused connection."""
_EXTENSION = "flexmeasures_pms_health"
_FAILED = "flexmeasures_pms_failed"

CheckState = Literal["ok", "warning", "failed"]
HealthStatus = Literal["ok", "unavailable"]


class HealthCheck(Struct, frozen=True):
    """What was found of one thing that telemetry needs.

    :param name: what was looked at: database, tables, journal, quarantine, maintenance or redis.
    :param message: what was found, and what to do about it.
    """

    name: str
    state: CheckState
    message: str


class Health(Struct, frozen=True):
    """Whether telemetry can be stored."""

    status: HealthStatus


class HealthDetails(Struct, frozen=True):
    """Whether telemetry can be stored, and what was found.

    :param checked_at: when this process looked; it does so at most every 30 seconds.
    """

    status: HealthStatus
    checked_at: datetime
    checks: list[HealthCheck]


def health() -> Health:
    """Return whether telemetry can be stored: the database answers, and has our tables."""
    found = _kept("short", KEPT_SECONDS).get(_look)
    return Health(_status(found) if found is not None else "unavailable")


def health_details() -> HealthDetails:
    """Return what was found, also of the journal, the quarantine, maintenance and Redis.

    :raises StorageBusy: if the database does not answer.
    """
    found = _kept("details", DETAILS_SECONDS).get(_look_closely)
    return found or HealthDetails("unavailable", datetime.now(UTC), [])


def _kept(name: str, seconds: float) -> OnceInAWhile[Any]:
    kept: dict[str, OnceInAWhile[Any]] = current_app.extensions.setdefault(_EXTENSION, {})
    return kept.setdefault(name, OnceInAWhile(seconds, PATIENCE_SECONDS))


def _status(checks: Iterable[HealthCheck]) -> HealthStatus:
    return "unavailable" if any(check.state == "failed" for check in checks) else "ok"


def _look() -> list[HealthCheck]:
    """Look at the database and the tables, within a few seconds."""
    found = _of_database(cast(Any, current_app)._get_current_object())
    failed = [check.message for check in found if check.state == "failed"]
    if failed != current_app.extensions.get(_FAILED, []):
        # In production FlexMeasures writes nothing below an error, unless it is told to.
        current_app.logger.error("Health: %s", " ".join(failed) or "telemetry is stored again.")
    current_app.extensions[_FAILED] = failed
    return found


def _look_closely() -> HealthDetails:
    checks = _look()
    if _status(checks) == "ok":
        now = datetime.now(UTC)
        checks += [_of_journal(now), _of_quarantine(), _of_maintenance(now)]
    checks.append(_of_redis())
    return HealthDetails(_status(checks), datetime.now(UTC), checks)


def _of_database(app: Flask) -> list[HealthCheck]:
    """Look with a connection of our own, or where PostgreSQL has no room for it, with another.

    Requests are served with the pool's connections, which are open already.
    """
    found = _seen_by(own_engine(app, **CONNECTING))
    if not _NO_ROOM.search(found[0].message) or found[0].state != "failed":
        return found
    crowded = HealthCheck("database", "warning", f"{found[0].message}. Requests use what is open.")
    pool: Any = db.engine.pool
    if pool.checkedin() > 0:
        database, *others = _seen_by(db.engine)
        return [database if database.state == "failed" else crowded, *others]
    # All are in use: taking one would wait for requests. Without any, each request is refused.
    return [crowded] if pool.checkedout() > 0 else found


def _seen_by(engine: sa.Engine) -> list[HealthCheck]:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(_LIMITS)
            if connection.scalar(sa.text("SHOW transaction_read_only")) == "on":
                return [HealthCheck("database", "failed", "The database is read-only.")]
            version = connection.scalar(sa.text("SHOW server_version"))
            found = [HealthCheck("database", "ok", f"PostgreSQL {version} answers.")]
            schema.check(connection)
    except SchemaError as error:
        return [*found, HealthCheck("tables", "failed", str(error))]
    except SQLAlchemyError as error:
        said = " ".join(str(cause(error)).split())
        return [HealthCheck("database", "failed", f"The database does not answer: {said}")]
    return [*found, HealthCheck("tables", "ok", f"They are at revision {schema.head()}.")]


def _of_journal(now: datetime) -> HealthCheck:
    rows = journal.summary(None)
    failed = sum(row.requests for row in rows if row.state == "failed")
    waiting = [row for row in rows if row.state != "failed"]
    age = max((round((now - row.since).total_seconds()) for row in waiting), default=0)
    message = f"{counted(sum(row.requests for row in waiting), 'request')} waiting"
    message += f", the oldest for {age} s; {failed} failed." if waiting else f", {failed} failed."
    in_all: dict[int, int] = {}
    for row in rows:
        in_all[row.account_id] = in_all.get(row.account_id, 0) + row.requests
    most = settings().max_journal
    full = [account for account, number in in_all.items() if number * 100 >= NEARLY * most]
    if full:
        message += f" It is at least {NEARLY} % full for {_organisations(full)}."
    if not (failed or full or age >= OLD_SECONDS):
        return HealthCheck("journal", "ok", message)
    return HealthCheck("journal", "warning", f"{message} See `flexmeasures pms journal`.")


def _of_quarantine() -> HealthCheck:
    bounds = quarantine_bounds(settings())
    waiting = waiting_by_device(db.session.scalars(sa.select(Account.id)).all())
    full = [account for account, of_device in waiting.items() if nearly_full(bounds, of_device)]
    if not full:
        return HealthCheck("quarantine", "ok", f"No limit is used by {NEARLY} % or more.")
    message = f"A limit is used by {NEARLY} % or more for {_organisations(full)}."
    return HealthCheck(
        "quarantine", "warning", f"{message} See `flexmeasures pms quarantine list`."
    )


def _of_maintenance(now: datetime) -> HealthCheck:
    found = maintenance_state(db.session.connection(), now)
    return HealthCheck("maintenance", "warning" if found.overdue else "ok", found.message)


def _organisations(ids: list[int]) -> str:
    named = ", ".join(map(str, sorted(ids)[:_MOST_NAMED]))
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    return f"{'organisation' if len(ids) == 1 else 'organisations'} {named}{more}"


def _of_redis() -> HealthCheck:
    """Look at Redis: without it telemetry is still stored, or kept in the journal."""
    queued = settings().ingest_mode == "queued"
    try:
        redis = _redis()
        redis.ping()
        if queued and not _workers(redis):
            message = f"No worker takes jobs: run `flexmeasures jobs run-worker --queue {QUEUE}`."
            return HealthCheck("redis", "warning", message)
    except (RedisError, OSError) as error:
        lacking = "nobody wakes workers" if queued else "each process counts rates for itself"
        return HealthCheck("redis", "warning", f"It does not answer, so {lacking}: {error}")
    return HealthCheck("redis", "ok", "It answers.")


def _redis() -> Redis:
    theirs = cast(Any, current_app).redis_connection.connection_pool
    same: Callable[[Redis], Redis] = lambda redis: redis  # noqa: E731
    seconds = _REDIS_SECONDS
    return line(f"{_EXTENSION}_redis", theirs, same, connecting=seconds, answer=seconds).to


def _workers(redis: Redis) -> int:
    return Worker.count(queue=Queue(QUEUE, connection=redis))
