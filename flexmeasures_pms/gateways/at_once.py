"""How many requests of one organisation a process works on at once.

One organisation's telemetry must not occupy all threads of a process. What waits occupies one
too, so that only some may, and not for long; who came first goes first, so that a large body is
not kept waiting by small ones. Large bodies are worked on one after the other: to decode one
keeps the other threads of a process from running.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition

from flexmeasures_pms.errors import TooMany

PATIENCE_SECONDS = 5.0
WAITING_EACH = 2
"""How many may wait for each that may be worked on."""
BYTES_EACH = 128 << 10
"""Bodies of this size count as one request; together they may have no more than that."""


@dataclass(slots=True)
class _Busy:
    """What is in progress for one organisation.

    :param size: of the bodies of its requests [bytes].
    :param waiting: who waits, the first one first.
    """

    requests: int = 0
    size: int = 0
    waiting: deque[object] = field(default_factory=deque)

    def has_room(self, size: int, most: int) -> bool:
        """Whether another body may be worked on; one alone always may."""
        fits = self.requests < most and self.size + size <= most * BYTES_EACH
        return fits or not self.requests


_busy: dict[int, _Busy] = {}
_changed = Condition()


@contextmanager
def turn(account_id: int, size: int, most: int) -> Iterator[None]:
    """Work on a request of an organisation, of which the body was read.

    :param size: of the body when it is decoded, as far as it is known [bytes].
    :param most: how many requests of one organisation may be worked on at once.
    :raises TooMany: when enough others wait already, or none of those before it is done soon.
    """
    with _changed:
        busy = _busy.setdefault(account_id, _Busy())
        if busy.waiting or not busy.has_room(size, most):
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
    came = False
    if len(busy.waiting) < WAITING_EACH * most:
        ticket = object()
        busy.waiting.append(ticket)
        try:
            came = _changed.wait_for(
                lambda: busy.waiting[0] is ticket and busy.has_room(size, most), PATIENCE_SECONDS
            )
        finally:
            busy.waiting.remove(ticket)
            _changed.notify_all()
    if not came:
        raise TooMany(
            "Other requests of the organisation are being worked on. Nothing of this one was "
            "stored. Send it again after 1 second.",
            1,
        )
