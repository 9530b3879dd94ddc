"""Numbers with what they count."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """Return a number with what it counts: ``1 sample``, ``2 samples``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
