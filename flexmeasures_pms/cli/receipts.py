"""``flexmeasures pms receipts``: accepted requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    LIMIT,
    MOMENT,
    account_option,
    check_organisation,
    json_option,
    one_line_errors,
)
from flexmeasures_pms.cli.output import SiteClock, paragraph, print_json_array
from flexmeasures_pms.config import settings
from flexmeasures_pms.ingest.receipt_record import logged_receipt
from flexmeasures_pms.plural import counted
from flexmeasures_pms.storage.intake import receipts

_BATCH = 5_000


@pms_cli.cli.group("receipts")
def receipts_group() -> None:
    """List or purge the log of accepted requests."""


@receipts_group.command("list")
@click.option("--since", type=MOMENT, metavar="TIME", help="Received at this time or later.")
@click.option(
    "--limit", type=LIMIT, default=20, show_default=True, metavar="N",
    help="Maximum number of receipts.",
)  # fmt: skip
@account_option
@json_option
@one_line_errors
def list_(since: datetime | None, limit: int, account_id: int | None, as_json: bool) -> None:
    """List accepted requests, newest first.

    \b
    Example:
      flexmeasures pms receipts list --account 2 --since 2026-03-01T00:00:00+07:00
    """
    check_organisation(account_id)
    rows = receipts.listed(account_id, since=since, limit=limit + 1)
    if as_json:
        print_json_array(map(logged_receipt, rows[:limit]))
        return
    clock = SiteClock()
    for row in rows[:limit]:
        click.echo(_as_text(row, clock))
    if len(rows) > limit:
        click.echo("… and older ones: --limit shows more.")
    if not rows:
        click.echo("No request was accepted in this time." if since else "No request was accepted.")


@receipts_group.command("purge")
@click.option(
    "--days", type=click.IntRange(1, 36_500), metavar="N",
    help="Minimum age; by default PMS_RECEIPT_DAYS.",
)  # fmt: skip
@one_line_errors
def purge(days: int | None) -> None:
    """Delete old receipts, and the completeness figures that depend on them.

    `flexmeasures pms maintain` does this too. Telemetry is not deleted.

    \b
    Example:
      flexmeasures pms receipts purge
    """
    days = days or settings().receipt_days
    before = datetime.now(UTC) - timedelta(days=days)
    total = 0
    while gone := receipts.purge(before, _BATCH):
        db.session.commit()
        total += gone
    click.echo(f"Purged {counted(total, 'receipt')} older than {counted(days, 'day')}.")


def _as_text(row: Row[Any], clock: SiteClock) -> str:
    key = f" (key {row.key_id})" if row.key_id else ""
    rest = "".join(
        f", {row._mapping[name]} {words}"
        for name, words in (
            ("duplicate", "duplicate"),
            ("quarantined", "in quarantine"),
            ("no_answer", "without answer"),
            ("refused", "refused"),
            ("late", "late"),
        )
        if row._mapping[name]
    )
    return paragraph(
        f"{row.id}  {clock(row.received_at, row.account_id)}  {row.account_id}  "
        f"{row.sender}{key}  {row.dataset}",
        f"{counted(row.samples, 'sample')}: {row.stored} stored{rest}, in {row.duration_ms} ms",
        indent=2,
    )
