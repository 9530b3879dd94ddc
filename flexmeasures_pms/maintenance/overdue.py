"""Whether maintenance runs: without it nothing is thinned or folded, and the disk fills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

TASK = "pms-maintain"
"""Its name for ``flexmeasures monitor latest-run``."""

OVERDUE = timedelta(hours=25)
"""After so long a run is missing, also for a host that runs it once a day."""
UNFOLDED = timedelta(days=1)
"""From which age on samples say that it should have run before."""

COMMAND = "flexmeasures pms maintain"
_ADVICE = f"Run `{COMMAND}` each hour: see docs/hosting.md#regularly."

_LAST = sa.text("SELECT datetime, status FROM latest_task_run WHERE name = :task")
_HAS_OLD = sa.text("""
    SELECT EXISTS (
      SELECT FROM pms_trackable t
      CROSS JOIN LATERAL (
        SELECT FROM pms_sample WHERE subject_id = t.id AND event_time < :before
        ORDER BY event_time LIMIT 1
      ) s)""")


class MaintenanceState(NamedTuple):
    """When maintenance ran last.

    :param ran: whether it ever did.
    :param overdue: whether somebody has to see to it.
    :param message: what was found, and what to do about it.
    """

    ran: bool
    overdue: bool
    message: str


def maintenance_state(connection: sa.Connection, now: datetime) -> MaintenanceState:
    """Return when maintenance ran last, and whether it is overdue.

    :param connection: to a database with FlexMeasures' tables and the plugin's.
    """
    last = connection.execute(_LAST, {"task": TASK}).one_or_none()
    if last is None:
        return _never(connection, now)
    time, age = last.datetime.astimezone(UTC), now - last.datetime
    when = f"{time:%Y-%m-%d %H:%M} UTC"
    if age > OVERDUE:
        hours = age // timedelta(hours=1)
        failed = "" if last.status else " and failed"
        said = f"It ended last {hours} hours ago, {when}{failed}. {_ADVICE}"
        return MaintenanceState(True, True, said)
    if not last.status:
        said = f"Its last run, {when}, failed. Run `{COMMAND}` to see which step failed, and why."
        return MaintenanceState(True, True, said)
    return MaintenanceState(True, False, f"It ran last {when}.")


def _never(connection: sa.Connection, now: datetime) -> MaintenanceState:
    if connection.scalar(_HAS_OLD, {"before": now - UNFOLDED}):
        said = f"It never ran, and the log has samples of more than a day ago. {_ADVICE}"
        return MaintenanceState(False, True, said)
    return MaintenanceState(False, False, f"It has not run yet. {_ADVICE}")
