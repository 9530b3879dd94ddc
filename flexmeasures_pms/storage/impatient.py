"""A connection to FlexMeasures' Redis that does not wait as long as FlexMeasures' own.

Redis may be slow or down, and requests do without it: after it did not answer, a process leaves
it alone for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import current_app
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")

PAUSE_SECONDS = 5.0
"""How long Redis is left alone after it did not answer."""


@dataclass
class RedisLine(Generic[T]):
    """A process's connection for one purpose.

    :param theirs: FlexMeasures' own connections, the model for this one.
    :param to: what speaks through it.
    :param away_until: until then Redis is not tried again.
    """

    theirs: ConnectionPool
    to: T
    away_until: float = 0.0

    def is_away(self) -> bool:
        """Whether Redis did not answer a short time ago."""
        return time.monotonic() < self.away_until

    def leave_alone(self) -> None:
        """Do not try Redis again for a while."""
        self.away_until = time.monotonic() + PAUSE_SECONDS


def line(
    extension: str,
    theirs: ConnectionPool,
    make: Callable[[Redis], T],
    *,
    connecting: float,
    answer: float,
) -> RedisLine[T]:
    """Return this process's connection for a purpose, which tries once.

    :param extension: the application's extension that it is kept as.
    :param theirs: FlexMeasures' own connections, to the same server.
    :param make: makes what speaks through it.
    :param connecting: how long it waits for a connection [s].
    :param answer: how long it waits for an answer [s].
    """
    found: RedisLine[T] | None = current_app.extensions.get(extension)
    if found is None or found.theirs is not theirs:
        limits = {"socket_connect_timeout": connecting, "socket_timeout": answer}
        options = theirs.connection_kwargs | limits | {"retry": Retry(NoBackoff(), 0)}
        pool = ConnectionPool(theirs.connection_class, **options)
        found = current_app.extensions[extension] = RedisLine(
            theirs, make(Redis(connection_pool=pool))
        )
    return found
