"""Inputs that nobody wrote: how many are tried, and how each was answered."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

TIMES = int(os.environ.get("PMS_FUZZ", "1"))
"""How many times as many as in the usual tests: ``make fuzz TIMES=20``."""

_tried: Counter[tuple[str, str]] = Counter()


def examples(usual: int) -> int:
    """Return how many inputs a test tries."""
    return usual * TIMES


def note(what: str, answer: object) -> None:
    """Note an input and its answer, such as an HTTP status."""
    _tried[what, str(answer)] += 1


def told() -> Iterator[str]:
    """Yield what was tried and how often each answer came, a line for each way in."""
    for what, answers in groupby(sorted(_tried.items()), key=lambda one: one[0][0]):
        each = [(answer, count) for (_, answer), count in answers]
        shares = ", ".join(f"{answer}: {count:,}" for answer, count in each)
        yield f"{what:<54}{sum(count for _, count in each):>9,}   {shares}"
    if _tried:
        yield f"{'in all':<54}{_tried.total():>9,}"
