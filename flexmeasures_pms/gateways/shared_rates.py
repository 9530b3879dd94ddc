"""The rates of all processes together, in FlexMeasures' Redis: one call for a request.

``limits``, which FlexMeasures uses, counts one kind in a call, and counts what it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app
from redis import RedisError

from flexmeasures_pms.storage.impatient import RedisLine, line

PATIENCE_SECONDS = 0.2
KEY = "pms:rates:"
_EXTENSION = "flexmeasures_pms_rates"

# Checks all kinds, then counts those that are allowed, or that are counted in any case. Each is
# a name, an amount, a limit, and whether it is counted in any case.
_SCRIPT = """
    local left = redis.call('PTTL', KEYS[1])
    if left <= 0 then
      redis.call('DEL', KEYS[1])
      left = tonumber(ARGV[1])
    end
    local exceeded = 0
    for i = 2, #ARGV, 4 do
      local before = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0)
      local amount = tonumber(ARGV[i + 1])
      if exceeded == 0 and amount > 0 and before + amount > tonumber(ARGV[i + 2]) then
        exceeded = (i + 2) / 4
      end
    end
    for i = 2, #ARGV, 4 do
      if exceeded == 0 or ARGV[i + 3] == '1' then
        redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
      end
    end
    redis.call('PEXPIRE', KEYS[1], left)
    return {exceeded, left, unpack(redis.call('HGETALL', KEYS[1]))}"""


@dataclass(frozen=True, slots=True)
class SharedCount:
    """What Redis answered.

    :param exceeded: the kind of which there is not enough left, if any.
    :param left: until the end of the sender's minute [s].
    :param spent: what was counted in it so far, by kind; of all kinds, not only those of the call.
    """

    exceeded: str | None
    left: float
    spent: dict[str, int]


def spend(
    who: str, costs: Mapping[str, tuple[int, int, bool]], minute: float
) -> SharedCount | None:
    """Count what a sender sends, for all processes; None where Redis does not answer.

    :param costs: amount, limit, and whether it is counted if refused, by kind.
    :param minute: how long a minute is [s].
    """
    if not current_app:
        return None
    shared = _line()
    if shared.is_away():
        return None
    values = [part for kind, cost in costs.items() for part in (kind, *map(int, cost))]
    try:
        answer = shared.to([KEY + who], [round(minute * 1000), *values])
    except (RedisError, OSError) as error:
        shared.leave_alone()
        current_app.logger.warning("Rates are counted per process: Redis says: %s", error)
        return None
    exceeded, left, *spent = answer
    kind = [*costs][exceeded - 1] if exceeded else None
    return SharedCount(kind, left / 1000, _by_kind(spent))


def _by_kind(spent: Sequence[bytes | str]) -> dict[str, int]:
    # Whether names come as bytes depends on the options of the host's connections.
    names = (name if isinstance(name, str) else name.decode() for name in spent[::2])
    return dict(zip(names, map(int, spent[1::2]), strict=True))


def _line() -> RedisLine[Any]:
    return line(
        _EXTENSION,
        cast(Any, current_app).redis_connection.connection_pool,
        lambda redis: redis.register_script(_SCRIPT),
        connecting=PATIENCE_SECONDS,
        answer=PATIENCE_SECONDS,
    )
