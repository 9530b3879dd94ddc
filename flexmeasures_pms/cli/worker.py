"""Make a worker of the queue ``ingestion`` process the journal, and maintain, when it starts.

``flexmeasures jobs run-worker`` is FlexMeasures' own command, and has no hook for plugins.
So the command is wrapped: it puts jobs on the queue first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from flask.blueprints import BlueprintSetupState
from flask.cli import with_appcontext

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.errors import QueueAway
from flexmeasures_pms.ingest import journal_queue
from flexmeasures_pms.maintenance import job

_MARK = "looks_at_the_journal"


@pms_cli.record
def _at_registration(state: BlueprintSetupState) -> None:
    jobs = state.app.cli.commands.get("jobs")
    command = jobs.commands.get("run-worker") if isinstance(jobs, click.Group) else None
    if command and command.callback and not hasattr(command.callback, _MARK):
        command.callback = looking_first(command.callback)


def looking_first(start: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command, preceded by jobs that process the journal and maintain."""

    @functools.wraps(start)
    def run(*args: Any, queue: str, **options: Any) -> Any:
        if journal_queue.QUEUE in queue.split("|"):
            _look()
        return start(*args, queue=queue, **options)

    setattr(run, _MARK, True)
    return run


@with_appcontext
def _look() -> None:
    try:
        journal_queue.wake_for_certain()
        job.plan_at_start()
    except QueueAway as error:
        current_app.logger.warning(str(error))
