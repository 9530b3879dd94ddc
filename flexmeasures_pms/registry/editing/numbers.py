"""Numbers for new rows, taken before these are written."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from flexmeasures.data import db


def for_trackables(most: int) -> Iterable[int]:
    """Return numbers for new trackables."""
    # The sequence is looked up once, not for each number.
    query = sa.text("""
        WITH s AS MATERIALIZED
            (SELECT pg_get_serial_sequence('pms_trackable', 'id')::regclass AS name)
        SELECT nextval(s.name) FROM s, generate_series(1, :count)""")
    return list(db.session.scalars(query, {"count": most}))


def for_record(table: str) -> int:
    """Return a number for a new party, product or batch."""
    query = sa.text("SELECT nextval(pg_get_serial_sequence(:name, 'id'))")
    number: int = db.session.execute(query, {"name": table}).scalar_one()
    return number
