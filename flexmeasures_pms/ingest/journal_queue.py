"""Telling the workers that something waits: by a job on FlexMeasures' queue ``ingestion``.

The job names no request: it processes whatever waits. So a job that is lost, or a Redis
that was emptied, loses nothing, and the next job makes up for it. Redis may be slow or
away: whoever has a request in hand waits for it a second at most, and then not again
for a while.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask import current_app
from redis import ConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue

from flexmeasures_pms.errors import QueueAway

QUEUE = "ingestion"
JOB = "flexmeasures_pms.ingest.journal_worker.work"

# One job that has not begun yet is enough: it will see all that was committed before. The
# mark goes when the job begins; should the job be lost, it goes by itself.
MARK = "pms:journal:job-waits"
MARK_SECONDS = 5

IMPATIENT = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0}
PAUSE_SECONDS = 5.0
_OPTIONS: dict[str, int] = {"job_timeout": 180, "failure_ttl": 3600, "result_ttl": 0}

_EXTENSION = "flexmeasures_pms_queue"


@dataclass
class _Line:
    """This process's connection to FlexMeasures' queue.

    :param theirs: FlexMeasures' own connections, which this one is made after.
    :param away_until: before which Redis is not tried again.
    """

    theirs: ConnectionPool
    queue: Queue
    away_until: float = 0.0


def wake() -> None:
    """Have a worker look at the journal, if Redis can be reached and no job waits to do so."""
    line = _line()
    if time.monotonic() < line.away_until:
        return
    try:
        if line.queue.connection.set(MARK, 1, nx=True, ex=MARK_SECONDS):
            _enqueue(line.queue)
    except (RedisError, OSError) as error:
        line.away_until = time.monotonic() + PAUSE_SECONDS
        current_app.logger.warning(
            "Workers could not be told that a request waits in the journal: %s", error
        )


def wake_for_certain() -> None:
    """Have a worker look at the journal.

    :raises QueueAway: when Redis can't be reached.
    """
    try:
        queue = _line().queue
        queue.connection.set(MARK, 1, ex=MARK_SECONDS)
        _enqueue(queue)
    except (RedisError, OSError) as error:
        raise QueueAway(
            f"Redis can't be reached: {error}. What is in the journal is safe, and waits."
        ) from error


def wake_later(delay: timedelta) -> None:
    """Have a worker look at the journal after a time, if one runs with RQ's scheduler.

    One look at the end of each few seconds is enough for all who asked for one in them.
    """
    now = time.time()
    slot = int(now + delay.total_seconds()) // MARK_SECONDS + 1
    wait = timedelta(seconds=slot * MARK_SECONDS - now)
    try:
        queue = _line().queue
        if queue.connection.set(f"{MARK}:{slot}", 1, nx=True, ex=wait):
            queue.enqueue_in(wait, JOB, **_OPTIONS)
    except (RedisError, OSError) as error:
        current_app.logger.warning("A look at the journal could not be planned: %s", error)


def job_begins() -> None:
    """Take the mark away: what is committed from now on needs a job of its own."""
    try:
        _line().queue.connection.delete(MARK)
    except (RedisError, OSError) as error:
        current_app.logger.warning("The mark of a job that waits stays for a while: %s", error)


def _enqueue(queue: Queue) -> None:
    queue.enqueue(JOB, **_OPTIONS)


def _line() -> _Line:
    """Return the connection to the queue, which does not wait as long as FlexMeasures' own."""
    theirs = cast(Any, current_app).queues[QUEUE].connection.connection_pool
    line: _Line | None = current_app.extensions.get(_EXTENSION)
    if line is None or line.theirs is not theirs:
        options = theirs.connection_kwargs | IMPATIENT | {"retry": Retry(NoBackoff(), 0)}
        pool = ConnectionPool(connection_class=theirs.connection_class, **options)
        line = _Line(theirs, Queue(QUEUE, connection=Redis(connection_pool=pool)))
        current_app.extensions[_EXTENSION] = line
    return line
