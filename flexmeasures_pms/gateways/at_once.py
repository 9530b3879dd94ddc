"""How many requests of one organisation a process works on at once.

One organisation's requests must not occupy all threads of a process. What waits occupies one
too, so that only one may, and not for long. Large bodies are worked on one after the other: to
decode one keeps the other threads of a process from running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from flexmeasures_pms.errors import TooMany

PATIENCE_SECONDS = 1.0
BYTES_EACH = 128 << 10
"""Bodies of this size count as one request; together they may have no more than that."""


@dataclass(slots=True)
class _Busy:
    """What is in progress for one organisation.

    :param size: of the bodies of its requests [bytes].
    """

    requests: int = 0
    size: int = 0
    waiting: bool = False

    def has_room(self, size: int, most: int) -> bool:
        """Whether another body may be worked on; one alone always may."""
        fits = self.requests < most and self.size + size <= most * BYTES_EACH
        return fits or not self.requests


_busy: dict[int, _Busy] = {}
_changed = Condition()


@contextmanager
def turn(account_id: int, size: int, most: int) -> Iterator[None]:
    """Work on a request of an organisation.

    :param size: of the request's body, as far as it is known [bytes].
    :param most: how many requests of one organisation may be worked on at once.
    :raises TooMany: when there are as many already, and none of them is done soon.
    """
    with _changed:
        busy = _busy.setdefault(account_id, _Busy())
        if not busy.has_room(size, most):
            _wait(busy, size, most)
        busy.requests += 1
        busy.size += size
    try:
        yield
    finally:
        with _changed:
            busy.requests -= 1
            busy.size -= size
            if not busy.requests and not busy.waiting:
                del _busy[account_id]
            _changed.notify_all()


def _wait(busy: _Busy, size: int, most: int) -> None:
    if not busy.waiting:
        busy.waiting = True
        try:
            if _changed.wait_for(lambda: busy.has_room(size, most), PATIENCE_SECONDS):
                return
        finally:
            busy.waiting = False
    raise TooMany(
        "Other requests of the organisation are being worked on. Nothing of this one was stored. "
        "Send it again after 1 second.",
        1,
    )
