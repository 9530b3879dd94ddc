"""``flexmeasures pms receipts``: accepted requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import MOMENT, account_option, json_option, one_line_errors
from flexmeasures_pms.config import settings
from flexmeasures_pms.ingest.receipt_record import logged_receipt
from flexmeasures_pms.storage.intake import receipts

_BATCH = 5_000


@pms_cli.cli.group("receipts")
def receipts_group() -> None:
    """List or purge the log of accepted requests."""


@receipts_group.command("list")
@click.option("--since", type=MOMENT, metavar="TIME", help="Received at this time or later.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="Maximum number of lines.",
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
    for row in receipts.listed(account_id, since=since, limit=limit):
        click.echo(msgspec.json.encode(logged_receipt(row)) if as_json else _as_text(row))


@receipts_group.command("purge")
@click.option(
    "--days", type=click.IntRange(min=1), metavar="N",
    help="Minimum age; by default PMS_RECEIPT_DAYS.",
)  # fmt: skip
@one_line_errors
def purge(days: int | None) -> None:
    """Delete old receipts, and the completeness figures that depend on them.

    Requests also do this, step by step. Telemetry is not deleted.

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
    click.echo(f"Purged {total} receipts older than {days} days.")


def _as_text(row: Row[Any]) -> str:
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
    return (
        f"{row.id}  {row.received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  {row.account_id}  "
        f"{row.sender}{key}  {row.dataset}  {row.samples} samples: {row.stored} stored{rest}  "
        f"{row.duration_ms} ms"
    )
