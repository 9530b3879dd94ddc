"""Inputs that nobody wrote: how each was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

Row = tuple[str, str, int]
"""(way in, answer, how often)."""

_tried: Counter[tuple[str, str]] = Counter()


def note(what: str, answer: object) -> None:
    """Note an input and its answer, such as an HTTP status."""
    _tried[what, str(answer)] += 1


def counts() -> list[Row]:
    """Return what this process tried, for another one to :func:`add`."""
    return [(what, answer, count) for (what, answer), count in _tried.items()]


def add(rows: Iterable[Row]) -> None:
    """Count what another process tried, too."""
    for what, answer, count in rows:
        _tried[what, answer] += count


def told() -> Iterator[str]:
    """Yield what was tried and how often each answer came, a line for each way in."""
    for what, answers in groupby(sorted(_tried.items()), key=lambda one: one[0][0]):
        each = [(answer, count) for (_, answer), count in answers]
        shares = ", ".join(f"{answer}: {count:,}" for answer, count in each)
        yield f"{what:<54}{sum(count for _, count in each):>9,}   {shares}"
    if _tried:
        yield f"{'in all':<54}{_tried.total():>9,}"
