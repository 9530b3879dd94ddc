"""Limit what one sender may send in a minute, so that no sender blocks the others.

Counted in the memory of this process: with several worker processes a sender has the
limit in each of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from flexmeasures_pms.errors import TooMany

MINUTE = 60.0


@dataclass(slots=True)
class _Window:
    """A sender's minute.

    :param until: its end, by a clock that nobody can set [s].
    :param spent: how much was counted in it.
    """

    until: float
    spent: int = 0


# By who and what. Who is a registered gateway or a user: there are not many.
_windows: dict[tuple[str, str], _Window] = {}
_lock = Lock()


def spend(who: str, what: str, amount: int, per_minute: int) -> None:
    """Count what a sender sends against its limit.

    A minute begins with the first request. A request that alone exceeds the limit is accepted
    if it is the first of its minute: otherwise it could never be sent.

    :param who: the sender; each is counted separately.
    :param what: ``requests`` or ``samples``.
    :raises TooMany: beyond the limit; nothing is counted then.
    """
    cost = min(amount, per_minute)
    with _lock:
        now = monotonic()
        window = _windows.get((who, what))
        if window is None or window.until <= now:
            window = _windows[who, what] = _Window(now + MINUTE)
        left = window.until - now
        if window.spent + cost <= per_minute:
            window.spent += cost
            return
    seconds = max(1, math.ceil(left))
    raise TooMany(
        f"That would be more than {per_minute} {what} in a minute. Nothing of it was stored. Send "
        f"it again after {seconds} seconds.",
        seconds,
    )


def forget() -> None:
    """Forget all that was counted."""
    with _lock:
        _windows.clear()
