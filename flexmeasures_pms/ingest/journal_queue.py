"""Wake the workers with a job on FlexMeasures' queue ``ingestion``.

The job names no request: it processes what waits. So if a job is lost or Redis is emptied,
no request is lost, and the next job processes it. Redis may be slow or down: a request waits
for it at most one second, and the next ones do not try again for a while.
"""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import Any, cast

from flask import current_app
from redis import RedisError
from rq import Queue

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import QueueAway
from flexmeasures_pms.storage.impatient import RedisLine, line

QUEUE = "ingestion"
JOB = "flexmeasures_pms.ingest.journal_worker.work"

# One job that has not begun yet is enough: it will see everything committed before it. The
# mark is deleted when the job begins; if the job is lost, it expires.
MARK = "pms:journal:job-waits"
MARK_SECONDS = 5

BUDGET_SECONDS = 60.0
"""How long a job begins further requests; then another one continues."""
TIMES_PATIENT = 5
"""How often ``PMS_REQUEST_TIMEOUT`` an attempt to store a queued request may take: it was
acknowledged, and nobody waits for a reply."""
_MARGIN_SECONDS = 60.0

_EXTENSION = "flexmeasures_pms_queue"


def wake() -> None:
    """Wake a worker, if Redis can be reached and no job waits."""
    ours = _line()
    if ours.is_away():
        return
    try:
        if ours.to.connection.set(MARK, 1, nx=True, ex=MARK_SECONDS):
            _enqueue(ours.to)
    except (RedisError, OSError) as error:
        ours.leave_alone()
        current_app.logger.warning(
            "Workers could not be woken for a request in the journal: %s", error
        )


def wake_for_certain() -> None:
    """Wake a worker.

    :raises QueueAway: when Redis can't be reached.
    """
    try:
        queue = _line().to
        queue.connection.set(MARK, 1, ex=MARK_SECONDS)
        _enqueue(queue)
    except (RedisError, OSError) as error:
        raise QueueAway(
            f"Redis can't be reached: {error}. Requests in the journal are safe, and wait."
        ) from error


def wake_later(delay: timedelta) -> None:
    """Wake a worker after a time, if one runs with RQ's scheduler.

    One wake-up at the end of each few seconds is enough.
    """
    now = time.time()
    slot = int(now + delay.total_seconds()) // MARK_SECONDS + 1
    wait = timedelta(seconds=slot * MARK_SECONDS - now)
    try:
        queue = _line().to
        if queue.connection.set(f"{MARK}:{slot}", 1, nx=True, ex=wait):
            queue.enqueue_in(wait, JOB, **_options())
    except (RedisError, OSError) as error:
        current_app.logger.warning("A later wake-up of a worker could not be planned: %s", error)


def job_begins() -> None:
    """Delete the mark: requests that are committed from now on need another job."""
    try:
        _line().to.connection.delete(MARK)
    except (RedisError, OSError) as error:
        current_app.logger.warning("The mark of a waiting job could not be deleted: %s", error)


def _enqueue(queue: Queue) -> None:
    queue.enqueue(JOB, **_options())


def attempt_seconds() -> float:
    """Return how long one attempt to store a queued request may take."""
    return TIMES_PATIENT * settings().request_timeout


def _options() -> dict[str, int]:
    # RQ must not end a request that was begun in time: that would count as its own fault.
    longest = BUDGET_SECONDS + attempt_seconds() + settings().statement_timeout + _MARGIN_SECONDS
    return {"job_timeout": math.ceil(longest), "failure_ttl": 3600, "result_ttl": 0}


def _line() -> RedisLine[Queue]:
    """Return the connection to the queue, which does not wait as long as FlexMeasures' own."""
    return line(
        _EXTENSION,
        cast(Any, current_app).queues[QUEUE].connection.connection_pool,
        lambda redis: Queue(QUEUE, connection=redis),
        connecting=0.5,
        answer=1.0,
    )
