"""What is recorded of the last run of maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from flexmeasures.data import db
from flexmeasures.data.models.task_runs import LatestTaskRun
from sqlalchemy import delete

from flexmeasures_pms.maintenance.overdue import TASK


@contextmanager
def maintained(hours: float | None, succeeded: bool | None = True) -> Iterator[None]:
    """Let maintenance have run last so many hours ago, or never, for the time of the block."""
    _forget()
    if hours is not None:
        time = datetime.now(UTC) - timedelta(hours=hours)
        db.session.add(LatestTaskRun(name=TASK, datetime=time, status=succeeded))
        db.session.commit()
    yield
    _forget()


def _forget() -> None:
    db.session.execute(delete(LatestTaskRun).where(LatestTaskRun.name == TASK))
    db.session.commit()
