"""What the database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db


@contextmanager
def statements() -> Iterator[list[str]]:
    """Gather the statements that are sent to the database."""
    sent: list[str] = []

    def gather(*args: Any) -> None:
        sent.append(args[2])

    sa.event.listen(db.engine, "before_cursor_execute", gather)
    try:
        yield sent
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", gather)
