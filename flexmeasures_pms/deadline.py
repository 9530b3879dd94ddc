"""Until when a request may go on: beyond that it is given up, and costs nothing more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flexmeasures_pms.errors import StorageBusy

_end: ContextVar[float | None] = ContextVar("flexmeasures_pms_deadline", default=None)


def begin(seconds: float) -> None:
    """Give what follows some seconds, in this thread."""
    _end.set(time.monotonic() + seconds)


def forget() -> None:
    """Let what follows take any time."""
    _end.set(None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give a block some seconds."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def is_set() -> bool:
    """Whether there is a deadline."""
    return _end.get() is not None


def at_most(limit: float) -> float:
    """Return a limit of a wait [s], cut to what is left; more than 0.

    :raises StorageBusy: if nothing is left.
    """
    check()
    end = _end.get()
    return limit if end is None else max(0.001, min(limit, end - time.monotonic()))


def check() -> None:
    """Give up if the time is over: to be called between steps and in loops.

    :raises StorageBusy: with what to do.
    """
    end = _end.get()
    if end is not None and time.monotonic() >= end:
        raise StorageBusy(
            "The request took too long and was given up: nothing of it was stored. Send it again "
            "later, in smaller parts."
        )
