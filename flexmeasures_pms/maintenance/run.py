"""All steps of maintenance, one after the other, by one process at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
from flask import current_app
from flexmeasures.data import db
from flexmeasures.data.models.task_runs import LatestTaskRun
from sqlalchemy import func, select

from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.maintenance.overdue import TASK
from flexmeasures_pms.maintenance.steps import STEPS, Done, Step
from flexmeasures_pms.storage.engine import own_engine
from flexmeasures_pms.storage.session import abandon, cause

_LOCK = func.hashtext("pms_maintain")


class StepReport(msgspec.Struct, frozen=True):
    """What a step did.

    :param finished: whether nothing is left for the next time.
    :param error: why it failed, if it did.
    """

    step: str
    done: str
    finished: bool
    error: str | None = None


@contextmanager
def alone() -> Iterator[bool]:
    """Keep other maintenance of this database away; yields whether none runs.

    It ends with the process, however that ends. The lock is a transaction's, since a pooler may
    give the session to others.
    """
    with own_engine(current_app).connect() as connection:
        yield bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


def maintain(seconds: float) -> Iterator[StepReport]:
    """Run all steps, and record that for FlexMeasures' monitoring; yields what each did.

    To be called while :func:`alone`. A step that fails does not keep others from running.

    :param seconds: after which no step begins anything more. Each has an equal share of what
        those before it leave.
    """
    end, steps = time.monotonic() + seconds, STEPS
    succeeded = True
    for position, step in enumerate(steps):
        left = max(0.0, end - time.monotonic())
        report = _run(step, time.monotonic() + left / (len(steps) - position))
        succeeded = succeeded and report.error is None
        yield report
    LatestTaskRun.record_run(TASK, succeeded)
    db.session.commit()


def _run(step: Step, until: float) -> StepReport:
    try:
        done = step.run(datetime.now(UTC), lambda: time.monotonic() < until)
        db.session.commit()
    except PmsError as error:
        abandon()
        return StepReport(step.name, "failed", False, str(error))
    except Exception as error:
        abandon()
        current_app.logger.exception("The step %s of maintenance failed.", step.name)
        return StepReport(step.name, "failed", False, _words(error))
    return _report(step, done)


def _report(step: Step, done: Done) -> StepReport:
    return StepReport(step.name, done.text, done.finished)


def _words(error: Exception) -> str:
    lines = str(cause(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
