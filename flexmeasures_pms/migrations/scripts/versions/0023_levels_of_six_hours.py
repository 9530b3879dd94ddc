"""Folded days have a level of six hours as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from flexmeasures_pms.migrations import sample_tables

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_SIX_HOURS = 6 * 3_600_000  # ms
_KEYS = "SELECT DISTINCT subject_id FROM pms_level ORDER BY subject_id"
_HOURS = "SELECT * FROM pms_level WHERE subject_id = :subject AND minutes = 60"
_ADD = """
    INSERT INTO pms_level (subject_id, day, device_id, source_id, minutes, places, begins,
      low, high, total, count, last, newest)
    VALUES (:subject_id, :day, :device_id, :source_id, 360, :places, :begins,
      :low, :high, :total, :count, :last, :newest)"""


def upgrade() -> None:
    connection = op.get_bind()
    sample_tables.replace_functions(connection)
    # No day is folded meanwhile without this level.
    op.execute("LOCK TABLE pms_day IN SHARE ROW EXCLUSIVE MODE")
    for subject in list(connection.scalars(sa.text(_KEYS))):
        days = connection.execute(sa.text(_HOURS), {"subject": subject})
        if found := [_six_hours(day._asdict()) for day in days]:
            connection.execute(sa.text(_ADD), found)


def downgrade() -> None:
    op.execute("DELETE FROM pms_level WHERE minutes = 360")


def _six_hours(day: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of six hours of a day, from that of its hours."""
    begins = np.frombuffer(day["begins"], "<i4")
    spans = begins // _SIX_HOURS
    starts = np.flatnonzero(np.diff(spans, prepend=spans[:1] - 1))
    low, high, total, last = (
        np.frombuffer(day[name], "<f8").reshape(-1, len(begins))
        for name in ("low", "high", "total", "last")
    )
    count, newest = (
        np.frombuffer(day[name], "<i4").reshape(-1, len(begins)) for name in ("count", "newest")
    )
    positions = np.maximum.reduceat(np.where(count > 0, np.arange(len(begins)), 0), starts, axis=1)
    counts = np.add.reduceat(count, starts, axis=1, dtype=np.int32)
    first = spans[starts] * _SIX_HOURS
    found = {
        "begins": first.astype("<i4"),
        "low": np.fmin.reduceat(low, starts, axis=1),
        "high": np.fmax.reduceat(high, starts, axis=1),
        "total": np.add.reduceat(total, starts, axis=1),
        "count": counts,
        "last": np.where(counts, np.take_along_axis(last, positions, axis=1), np.nan),
        "newest": (np.take_along_axis(newest + begins, positions, axis=1) - first).astype("<i4"),
    }
    return {**day, **{name: values.tobytes() for name, values in found.items()}}
