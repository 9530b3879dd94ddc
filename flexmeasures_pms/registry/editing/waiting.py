"""Telling a person that a change has to wait for another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Timer

LONG_SECONDS = 2.0
"""Time after which a person would like to know why nothing happens."""

_tell: ContextVar[Callable[[], None] | None] = ContextVar("pms_tell_waiting", default=None)


@contextmanager
def notifying(tell: Callable[[], None]) -> Iterator[None]:
    """Have a function called where a change has to wait for long."""
    before = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(before)


@contextmanager
def told_if_long() -> Iterator[None]:
    """Tell it if the block takes long."""
    tell = _tell.get()
    if tell is None:
        yield
        return
    timer = Timer(LONG_SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
