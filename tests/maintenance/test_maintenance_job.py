"""Where a worker of the queue runs, it maintains by itself, every hour."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flexmeasures.data import db
from flexmeasures.data.models.task_runs import LatestTaskRun

from flexmeasures_pms.maintenance import job, run
from flexmeasures_pms.maintenance.overdue import TASK
from flexmeasures_pms.maintenance.steps import Done, Step


@pytest.fixture
def next_hour(queue: Any) -> Any:
    """Let the jobs that are planned be done, and all that they plan be of later."""

    def pass_on() -> None:
        for mark in queue.redis.keys(f"{job.MARK}*"):
            queue.redis.delete(mark)
        queue.let_time_pass()
        queue.work()

    return pass_on


def last_run() -> datetime:
    db.session.rollback()
    found = db.session.get(LatestTaskRun, TASK)
    return found.datetime if found else datetime.min.replace(tzinfo=UTC)


def test_a_worker_maintains_and_plans_the_next_time(queue: Any, next_hour: Any) -> None:
    began = datetime.now(UTC)
    for _ in range(3):
        job.plan_at_start()
    assert len(queue.planned()) == 2, "now, and in the next hour"
    next_hour()
    assert last_run() > began
    assert len(queue.planned()) == 1
    once = last_run()
    next_hour()
    assert last_run() > once
    assert len(queue.planned()) == 1


def test_the_next_time_is_planned_also_where_it_fails(
    queue: Any, next_hour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_seconds: float) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(run, "maintain", fail)
    job.plan_at_start()
    next_hour()
    assert len(queue.planned()) == 1


def test_what_had_not_enough_time_goes_on_soon(
    queue: Any, next_hour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = Step("much", lambda _now, _goes_on: Done("a part", finished=False))
    monkeypatch.setattr(run, "STEPS", (more,))
    job.plan_at_start()
    next_hour()
    assert len(queue.planned()) == 2, "in a minute, and in an hour"
    next_hour()
    assert len(queue.planned()) == 2


def test_without_redis_it_is_only_said(
    queue: Any, app_context: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    queue.disconnect()
    app_context.logger.addHandler(caplog.handler)
    try:
        job.plan_at_start()
    finally:
        app_context.logger.removeHandler(caplog.handler)
    assert "could not be planned" in caplog.text
