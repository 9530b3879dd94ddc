"""``flexmeasures pms journal`` and ``requeue``: requests that wait for a worker, or failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    ROW,
    account_option,
    check_organisation,
    json_option,
    one_line_errors,
)
from flexmeasures_pms.cli.output import SiteClock, paragraph, print_json
from flexmeasures_pms.ingest import journal_queue, journal_worker
from flexmeasures_pms.ingest.receipt_record import journaled_request
from flexmeasures_pms.plural import counted
from flexmeasures_pms.storage.intake import journal


@pms_cli.cli.command("journal")
@click.option(
    "--limit", type=click.IntRange(0, 1_000_000), default=20, show_default=True, metavar="N",
    help="Maximum number of failed requests to list.",
)  # fmt: skip
@account_option
@json_option
@one_line_errors
def journal_(limit: int, account_id: int | None, as_json: bool) -> None:
    """Show how many requests wait for a worker, and list failed ones with their errors.

    With --json, "requests" has the numbers by organisation and state, "failed" the list.

    \b
    Example:
      flexmeasures pms journal --account 2
    """
    check_organisation(account_id)
    rows = journal.summary(account_id)
    failed = journal.listed(account_id, state="failed", limit=limit)
    if as_json:
        requests = [dict(row._mapping) for row in rows]
        print_json({"requests": requests, "failed": [*map(journaled_request, failed)]})
        return
    clock = SiteClock()
    for row in rows:
        click.echo(_summary(row, clock))
    for row in failed:
        click.echo(_failure(row, clock))
    more = sum(row.requests for row in rows if row.state == "failed") - len(failed)
    if more > 0:
        click.echo(f"… and {counted(more, 'more failed request')}: --limit shows more.")
    if not rows:
        click.echo("The journal is empty: all accepted requests are stored.")


@pms_cli.cli.command("requeue")
@click.option("--failed", is_flag=True, help="Also retry failed requests.")
@click.option(
    "--receipt", "ids", type=ROW, multiple=True, metavar="ID",
    help="Retry only these failed requests; repeatable.",
)  # fmt: skip
@click.option(
    "--here", is_flag=True, help="Store all now, in this process, without Redis and workers."
)
@account_option
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
@one_line_errors
def requeue(
    failed: bool, ids: tuple[int, ...], here: bool, account_id: int | None, dry_run: bool
) -> None:
    """Make the workers process what waits in the journal.

    They do this with each new request, and when a worker starts. This command is for a Redis
    that was down or emptied while no request arrived: run it every minute if requests must
    not wait longer.

    \b
    Example:
      flexmeasures pms requeue --failed
    """
    check_organisation(account_id)
    if failed or ids:
        again = journal.requeue(account_id, list(ids) or None)
        click.echo(f"{_would(dry_run)} again: {counted(len(again), 'failed request')}.")
    waiting = sum(row.requests for row in journal.summary(account_id) if row.state != "failed")
    if dry_run:
        db.session.rollback()
        click.echo(f"Waiting for a worker: {counted(waiting, 'request')}.")
        return
    db.session.commit()
    if here:
        click.echo(f"Processed {counted(_drain(), 'request')}.")
    elif waiting:
        journal_queue.wake_for_certain()
        click.echo(f"Woke the workers for {counted(waiting, 'waiting request')}.")
    else:
        click.echo("Nothing waits for a worker.")


def _would(dry_run: bool) -> str:
    return "Would be tried" if dry_run else "To be tried"


def _drain() -> int:
    """Process due requests until none is left."""
    total = 0
    while stored := journal_worker.drain(journal_queue.BUDGET_SECONDS).stored:
        total += stored
    return total


def _summary(row: Row[Any], clock: SiteClock) -> str:
    age = datetime.now(UTC) - row.since
    return paragraph(
        f"Organisation {row.account_id}: {counted(row.requests, 'request')} {row.state}, "
        f"{counted(row.samples, 'sample')}, the oldest since {clock(row.since, row.account_id)} "
        f"({age.total_seconds():.0f} s)",
        indent=2,
    )


def _failure(row: Row[Any], clock: SiteClock) -> str:
    return paragraph(
        f"{row.id}  {clock(row.received_at, row.account_id)}  {row.account_id}  {row.sender}  "
        f"{row.dataset}",
        f"{counted(row.samples, 'sample')}, {counted(row.attempts, 'attempt')}: {row.last_error}",
        indent=2,
    )
