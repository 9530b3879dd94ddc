"""FlexMeasures' queue on a real Redis, and a worker that runs until it is empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from conftest import apart
from flask import Flask
from flexmeasures.data import db
from redis import Redis
from rq import Queue, SimpleWorker
from rq.scheduler import RQScheduler

from flexmeasures_pms import config
from flexmeasures_pms.demo.valkey import Valkey, free_port
from flexmeasures_pms.ingest import journal_queue
from flexmeasures_pms.storage.tables import journal, journal_lane


@dataclass(frozen=True)
class RealQueue:
    """The queue ``ingestion`` of an app, with its server."""

    app: Flask
    queue: Queue

    @property
    def redis(self) -> Any:
        """A connection of the test's own."""
        return self.queue.connection

    def jobs(self) -> int:
        """How many jobs wait."""
        return int(self.queue.count)

    def work(self) -> None:
        """Do the jobs that wait, as a worker in a process of its own would."""
        with apart(self.app):
            worker = SimpleWorker([self.queue], connection=self.queue.connection)
            worker.work(burst=True, logging_level="WARNING")

    def planned(self) -> list[str]:
        """The jobs that are planned for later, and that exist."""
        ids = self.queue.scheduled_job_registry.get_job_ids()
        return [name for name in ids if self.queue.fetch_job(name)]

    def let_time_pass(self) -> None:
        """Let RQ's scheduler find that all planned jobs are due."""
        for mark in self.redis.keys(f"{journal_queue.MARK}*"):
            self.queue.connection.delete(mark)
        registry = self.queue.scheduled_job_registry
        for name in registry.get_job_ids():
            self.queue.connection.zadd(registry.key, {name: 0})
        scheduler: Any = RQScheduler([self.queue], connection=self.queue.connection)
        scheduler.acquire_locks()
        scheduler.enqueue_scheduled_jobs()
        scheduler.release_locks()

    def empty(self) -> None:
        """Lose everything, as Redis does that keeps nothing and is started again."""
        self.queue.connection.flushall()

    def disconnect(self) -> None:
        """Let the app look for Redis where there is none."""
        use(self.app, Queue(journal_queue.QUEUE, connection=Redis("127.0.0.1", free_port())))

    def connect(self) -> None:
        """Let the app find Redis again."""
        use(self.app, self.queue)


def connection(server: Valkey) -> Any:
    """Connect to a server."""
    return Redis(server.host, server.port, password=server.password)


def use(app: Flask, queue: Queue) -> None:
    """Give the app another queue."""
    cast(Any, app).queues[journal_queue.QUEUE] = queue


def set_mode(app: Flask, mode: str, **settings: object) -> None:
    """Change the way of requests, and other settings of the plugin."""
    app.config.update(PMS_INGEST_MODE=mode, **settings)
    config.init(app)


def entries(account_id: int) -> list[Any]:
    """The requests of an organisation in the journal."""
    query = sa.select(journal).where(journal.c.account_id == account_id).order_by(journal.c.id)
    return list(db.session.execute(query))


def lanes_of(journal_id: int) -> list[int]:
    """The lanes that a request of the journal waits in."""
    query = sa.select(journal_lane.c.lane).where(journal_lane.c.journal_id == journal_id)
    return list(db.session.scalars(query))
