"""How much one sender may send in a minute, so that nobody takes the server for themselves.

Counted in this process's memory: with several worker processes a sender has as much of
each as its requests come to it.
"""

from __future__ import annotations

import math
import time
from functools import cache

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from flexmeasures_pms.errors import TooMany


@cache
def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


def spend(who: str, what: str, amount: int, per_minute: int) -> None:
    """Count what a sender sends against its limit.

    A minute begins with the first request. What alone is beyond the limit may be sent when
    nothing else was in the minute: it has to come through at some time.

    :param who: the sender: each has a count of its own.
    :param what: ``requests`` or ``samples``.
    :raises TooMany: when it is too much; then nothing is counted.
    """
    limiter, item = _limiter(), RateLimitItemPerMinute(per_minute)
    cost = min(amount, per_minute)
    if limiter.test(item, what, who, cost=cost):
        limiter.hit(item, what, who, cost=cost)
        return
    left = limiter.get_window_stats(item, what, who).reset_time - time.time()
    seconds = max(1, math.ceil(left))
    raise TooMany(
        f"That would be more than {per_minute} {what} in a minute. Nothing of it was stored. Send "
        f"it again after {seconds} seconds.",
        seconds,
    )
