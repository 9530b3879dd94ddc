"""A connection to FlexMeasures' Redis that does not wait as long as FlexMeasures' own."""

from __future__ import annotations

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def impatient(theirs: ConnectionPool, *, connecting: float, answer: float) -> Redis:
    """Return a connection to the same server, which tries once.

    :param theirs: FlexMeasures' own connections.
    :param connecting: how long it waits for a connection [s].
    :param answer: how long it waits for an answer [s].
    """
    limits = {"socket_connect_timeout": connecting, "socket_timeout": answer}
    options = theirs.connection_kwargs | limits | {"retry": Retry(NoBackoff(), 0)}
    return Redis(connection_pool=ConnectionPool(theirs.connection_class, **options))
