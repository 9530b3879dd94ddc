"""Somebody else at the same database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2


@contextmanager
def elsewhere(uri: str, *statements: str) -> Iterator[Any]:
    """Another connection, which has run some statements and not committed."""
    with closing(psycopg2.connect(uri)) as connection:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield connection
        connection.rollback()
