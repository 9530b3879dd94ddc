"""Do something costly at most once in some seconds, however many ask for its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class OnceInAWhile(Generic[T]):
    """A result that is kept for some seconds.

    Meanwhile, and as long as one thread makes it anew, others get the one before.

    :param seconds: how long a result is kept.
    :param patience: how long others wait for the first one [s].
    """

    def __init__(self, seconds: float, patience: float) -> None:
        self._seconds = seconds
        self._patience = patience
        self._lock = Lock()
        self._found: tuple[float, T] | None = None

    def get(self, make: Callable[[], T]) -> T | None:
        """Return the result, or None if the first one takes too long."""
        found = self._found
        if found is not None and self._is_fresh(found[0]):
            return found[1]
        if not self._lock.acquire(timeout=self._patience if found is None else 0):
            return None if found is None else found[1]
        try:
            if self._found is not found:
                return self._found[1] if self._found else None
            self._found = time.monotonic(), make()
            return self._found[1]
        finally:
            self._lock.release()

    def _is_fresh(self, made: float) -> bool:
        return time.monotonic() - made < self._seconds
