"""Limit what one sender may send in a minute, so that no sender blocks the others.

Counted in FlexMeasures' Redis for all processes together. Where it does not answer, each process
counts alone, from what it was told last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import NamedTuple

from flexmeasures_pms.errors import TooMany
from flexmeasures_pms.gateways import shared_rates

MINUTE = 60.0
WORK = frozenset({"requests", "bytes"})
"""Kinds that are counted of refused requests too: they were received and decoded."""


class Cost(NamedTuple):
    """What a request costs of one kind.

    :param amount: how much it sends.
    :param per_minute: how much its sender may send in a minute.
    """

    amount: int
    per_minute: int

    @property
    def counted(self) -> int:
        """What is counted: otherwise more than a minute's could never be sent."""
        return min(self.amount, self.per_minute)


Costs = Mapping[str, Cost]
"""What a request costs, by kind: ``requests``, ``samples`` or ``bytes``."""


@dataclass(slots=True)
class _Window:
    """A sender's minute.

    :param until: its end, by a clock that nobody can set [s].
    :param spent: how much was counted in it, by kind.
    """

    until: float
    spent: dict[str, int] = field(default_factory=dict)

    def exceeded(self, costs: Costs) -> str | None:
        """Return a kind of which there is not enough left."""
        for kind, cost in costs.items():
            if cost.amount and self.spent.get(kind, 0) + cost.counted > cost.per_minute:
                return kind
        return None


# Who is a registered gateway or a user: there are not many.
_windows: dict[str, _Window] = {}
_lock = Lock()


def spend(who: str, costs: Costs) -> None:
    """Count what a sender sends against its limits.

    A minute begins with the first request. A request that alone exceeds a limit is accepted
    if it is the first of its minute.

    :param who: the sender; each is counted separately.
    :raises TooMany: beyond a limit; then only what cost work already is counted.
    """
    counted = {k: (cost.counted, cost.per_minute, k in WORK) for k, cost in costs.items()}
    told = shared_rates.spend(who, counted, MINUTE)
    with _lock:
        if told is None:
            window = _window(who)
            kind = window.exceeded(costs)
            for name, cost in costs.items():
                if kind is None or name in WORK:
                    window.spent[name] = window.spent.get(name, 0) + cost.counted
        else:
            kind = told.exceeded
            window = _windows[who] = _Window(monotonic() + told.left, told.spent)
        left = window.until - monotonic()
    if kind is not None:
        raise _too_many(kind, costs[kind], left)


def foresee(who: str, costs: Costs) -> None:
    """Refuse what is beyond a limit already, before work is done for it; nothing is counted.

    :raises TooMany: beyond a limit, as far as this process knows.
    """
    with _lock:
        window = _window(who)
        kind, left = window.exceeded(costs), window.until - monotonic()
    if kind is not None:
        raise _too_many(kind, costs[kind], left)


def _window(who: str) -> _Window:
    now = monotonic()
    window = _windows.get(who)
    if window is None or window.until <= now:
        window = _windows[who] = _Window(now + MINUTE)
    return window


def _too_many(kind: str, cost: Cost, left: float) -> TooMany:
    seconds = max(1, math.ceil(left))
    return TooMany(
        f"That would be more than {cost.per_minute} {kind} in a minute. Nothing of it was stored. "
        f"Send it again after {seconds} seconds.",
        seconds,
    )


def forget() -> None:
    """Forget all that was counted in this process."""
    with _lock:
        _windows.clear()
