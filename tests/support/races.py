"""Two at once, in an order that the test decides: by locks in the database, never by time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, TypeVar

import psycopg2
import sqlalchemy as sa
from flask import Flask
from flexmeasures.data import db
from support.elsewhere import elsewhere

T = TypeVar("T")

_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


class Race:
    """People who do something at once, each with a connection of their own."""

    def __init__(self, app: Flask, uri: str, pool: ThreadPoolExecutor) -> None:
        self._app, self._uri, self._pool = app, uri, pool

    def start(self, action: Callable[[], T]) -> Future[T]:
        """Let somebody begin with something."""

        def run() -> T:
            with self._app.app_context():
                try:
                    return action()
                finally:
                    db.session.remove()

        return self._pool.submit(run)

    def do(self, action: Callable[[], T]) -> T:
        """Let somebody do something to its end."""
        return self.start(action).result(60)

    def wait_until_waiting(self, people: int = 1) -> None:
        """Return as soon as some people wait for locks in the database."""
        deadline = time.monotonic() + 30
        with closing(psycopg2.connect(self._uri)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                found = -1
                while found < people:
                    assert time.monotonic() < deadline, f"{found} of {people} wait"
                    cursor.execute(_WAITING)
                    (found,) = cursor.fetchone()

    @contextmanager
    def held(self, trackable_id: int) -> Iterator[None]:
        """Keep the latest readings of a thing locked: who stores any waits at this point."""
        lock = f"SELECT FROM pms_latest WHERE trackable_id = {trackable_id} FOR UPDATE"
        with elsewhere(self._uri, lock):
            yield


@contextmanager
def race(app: Flask, uri: str) -> Iterator[Race]:
    """Let people do something at once; who waits for locks does so for a minute."""
    with ThreadPoolExecutor(4) as pool:
        yield Race(app, uri, pool)


@contextmanager
def before_each(
    part: str, act: Callable[[], object], account_id: int | None = None
) -> Iterator[list[str]]:
    """Do something before each statement with some words, once at a time; gather them.

    :param account_id: only where the statement's ``account`` is this: a worker also does what
        other tests have left in the journal.
    """
    seen: list[str] = []
    busy = threading.Lock()

    def look(*args: Any) -> None:
        if part not in args[2] or account_id not in (None, dict(args[3]).get("account")):
            return
        if busy.acquire(blocking=False):
            try:
                seen.append(args[2])
                act()
            finally:
                busy.release()

    sa.event.listen(db.engine, "before_cursor_execute", look)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", look)
