"""Rows of a query, a few thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def rows(connection: Any, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query."""
    with connection, connection.cursor("rows") as cursor:
        cursor.itersize = 20_000
        cursor.execute(query, values or None)
        yield from cursor
