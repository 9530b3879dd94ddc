"""Maintenance by the workers of FlexMeasures' queue ``ingestion``, in short jobs.

Each job plans the next one before it does anything else, so that none is missing after a failure.
A mark in Redis for each hour, or minute, keeps a job from being planned twice.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, cast

from flask import current_app
from flexmeasures.data import db
from redis import RedisError
from rq import Queue

from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.ingest.journal_queue import QUEUE
from flexmeasures_pms.maintenance import run
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.storage.impatient import line

JOB = "flexmeasures_pms.maintenance.job.work"
MARK = "pms:maintain:job"
EVERY = timedelta(hours=1)
SOON = timedelta(minutes=1)
"""When a job goes on that had not enough time: others of the queue have their turn between."""

SECONDS = 20.0
"""How long a job begins anything more: requests in the journal wait for it."""

_LONGEST_SECONDS = 600
_EXTENSION = "flexmeasures_pms_maintenance_queue"


def work() -> None:
    """Run the steps of maintenance: the job."""
    # Jobs run in a fork of the worker: its connections must not be used by both.
    db.session.remove()
    db.engine.dispose(close=False)
    _plan(EVERY)
    try:
        schema.check(db.session.connection())
    except SchemaError as error:
        current_app.logger.warning("Nothing is maintained now: %s", error)
        return
    db.session.rollback()
    with run.alone() as is_alone:
        reports = [*run.maintain(SECONDS)] if is_alone else []
    if any(not report.finished and report.error is None for report in reports):
        _plan(SOON)


def plan_at_start() -> None:
    """Plan the job of this hour, unless there was one, and that of the next."""
    _plan(EVERY, ahead=0)
    _plan(EVERY)


def _plan(step: timedelta, *, ahead: int = 1) -> None:
    """Plan a job at the beginning of a coming hour or minute, if none is planned there.

    :param ahead: 0 for now.
    """
    seconds, now = step.total_seconds(), time.time()
    slot = int(now // seconds) + ahead
    wait = timedelta(seconds=max(0.0, slot * seconds - now))
    try:
        queue = _queue()
        mark = f"{MARK}:{seconds:.0f}:{slot}"
        if queue.connection.set(mark, 1, nx=True, ex=wait + step):
            try:
                queue.enqueue_in(wait, JOB, job_timeout=_LONGEST_SECONDS, result_ttl=0)
            except (RedisError, OSError):
                queue.connection.delete(mark)
                raise
    except (RedisError, OSError) as error:
        current_app.logger.warning("The next maintenance could not be planned: %s", error)


def _queue() -> Queue:
    found = line(
        _EXTENSION,
        cast(Any, current_app).queues[QUEUE].connection.connection_pool,
        lambda redis: Queue(QUEUE, connection=redis),
        connecting=0.5,
        answer=1.0,
    )
    return found.to
