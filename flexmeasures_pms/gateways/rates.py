"""Limit what one sender may send in a minute, so that no sender blocks the others.

Counted in the memory of this process: with several worker processes a sender has the
limit in each of them.
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

    A minute begins with the first request. A request that alone exceeds the limit is accepted
    if it is the first of its minute: otherwise it could never be sent.

    :param who: the sender; each is counted separately.
    :param what: ``requests`` or ``samples``.
    :raises TooMany: beyond the limit; nothing is counted then.
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
