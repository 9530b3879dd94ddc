"""Reproducible random numbers.

Every draw is a hash of (seed, name, index), so that a reading at a moment is always the
same, whatever was simulated before it, in any order, on any machine.
"""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import blake2b

_SCALE = 1 / (1 << 56)


def jitter(seed: int, name: str, index: int) -> bytes:
    """Return 64 uniformly distributed bytes: the sensor noise of one sample."""
    return blake2b(f"{seed}|{name}|{index}".encode()).digest()


@lru_cache(maxsize=1 << 16)
def unit(seed: int, name: str, index: int = 0) -> float:
    """Return a number in [0, 1)."""
    return int.from_bytes(jitter(seed, name, index)[:7], "big") * _SCALE


def between(low: float, high: float, seed: int, name: str, index: int = 0) -> float:
    """Return a number in [low, high)."""
    return low + (high - low) * unit(seed, name, index)


def smooth(seed: int, name: str, seconds: float, period: float) -> float:
    """Return a number in [0, 1) that wanders without jumps.

    :param seconds: Unix time [s].
    :param period: time between two independent values [s].
    """
    place, part = divmod(seconds, period)
    before, after = unit(seed, name, int(place)), unit(seed, name, int(place) + 1)
    return before + (after - before) * (1 - math.cos(math.pi * part / period)) / 2
