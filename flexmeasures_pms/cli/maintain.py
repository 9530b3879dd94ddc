"""``flexmeasures pms maintain``, ``pack`` and ``unpack``: what has to be done now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
from flexmeasures.data import db

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    MOMENT,
    PAST_MOMENT,
    account_option,
    json_option,
    one_line_errors,
    organisation,
    progress_bar,
)
from flexmeasures_pms.cli.output import print_json, wrapped
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import MaintenanceError
from flexmeasures_pms.maintenance import run
from flexmeasures_pms.maintenance.run import StepReport
from flexmeasures_pms.maintenance.steps import thinned
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.queries.search import find_one
from flexmeasures_pms.storage.readings import thinning, unpacking
from flexmeasures_pms.storage.readings.unpacking import UnpackedPeriod, subjects

_RUNS = "Maintenance of this database runs already"


@pms_cli.cli.command("maintain")
@click.option(
    "--minutes", type=click.IntRange(1, 1_440), default=10, show_default=True, metavar="N",
    help="After so long nothing more is begun; the rest is done next time.",
)  # fmt: skip
@json_option
@one_line_errors
def maintain(minutes: int, as_json: bool) -> None:
    """Do what has to be done now and then: run it every hour.

    It makes the next tables, thins beliefs that are older than PMS_BELIEF_DAYS, and deletes what
    is not kept any longer. It may be stopped at any time, and goes on the next time. Where a
    worker of the queue `ingestion` runs, that does the same by itself. `flexmeasures monitor
    latest-run --task pms-maintain 120` tells if it has not run.

    With --json, "steps" has what each step did, or "running" is true if another one runs.

    \b
    Example:
      flexmeasures pms maintain
    """
    db.session.rollback()  # a transaction would keep tables from being dropped
    reports: list[StepReport] = []
    with run.alone() as is_alone:
        for report in run.maintain(minutes * 60) if is_alone else ():
            reports.append(report)
            if not as_json:
                click.echo(wrapped(_as_text(report)))
    if as_json:
        print_json({"running": not is_alone, "steps": reports})
    elif not is_alone:
        click.echo(f"{_RUNS}: nothing was done.")
    if failed := [report.step for report in reports if report.error]:
        raise MaintenanceError(f"Not all was done: {', '.join(failed)} failed. Try again.")


def _as_text(report: StepReport) -> str:
    more = "" if report.finished or report.error else "; the rest is done next time"
    return f"{report.step}: {report.error or report.done}{more}"


@pms_cli.cli.command("pack")
@click.option(
    "--before", type=PAST_MOMENT, metavar="TIME",
    help="What was received before; by default PMS_BELIEF_DAYS ago.",
)  # fmt: skip
@one_line_errors
def pack(before: datetime | None) -> None:
    """Thin beliefs now: of each sensor the first of each five minutes is left.

    The plugin's own pages and API show all readings as before; `flexmeasures pms unpack` brings
    them back for FlexMeasures' pages. Weeks are thinned as a whole, an hour after they ended.

    \b
    Example:
      flexmeasures pms pack --before 2026-03-09T00:00:00+07:00
    """
    now = datetime.now(UTC)
    days = settings().belief_days
    if before is None and not days:
        raise click.UsageError("PMS_BELIEF_DAYS is 0, for ever: give --before.")
    before = min(before or now - timedelta(days=days), now - thinning.AFTER)
    weeks = thinning.weeks_to_thin(before)
    db.session.rollback()
    with run.alone() as is_alone, progress_bar("Thinning", weeks) as tell:
        if not is_alone:
            raise MaintenanceError(f"{_RUNS}: try again later.")
        done = thinned(thinning.thin(before, tell=tell))
    click.echo(f"{done.text.capitalize()}.")


@pms_cli.cli.command("unpack")
@click.argument("idents", metavar="[ID]...", nargs=-1)
@click.option("--start", type=MOMENT, required=True, metavar="TIME", help="Begin of the period.")
@click.option("--end", type=MOMENT, required=True, metavar="TIME", help="End, not included.")
@account_option
@one_line_errors
def unpack(idents: tuple[str, ...], start: datetime, end: datetime, account_id: int | None) -> None:
    """Bring a period back as beliefs of each recorded reading, for FlexMeasures' own pages.

    With IDs only what was reported by these devices, or about these cases and cabinets. What is
    there already stays as it is, so the command may be stopped and run again. The beliefs are
    thinned again as if they had been received now. Readings that were not recorded as beliefs
    (PMS_RECORDING, PMS_BELIEFS) stay in the plugin's log alone.

    \b
    Example:
      flexmeasures pms unpack PMS-01-001 --start 2026-03-01T00:00Z --end 2026-03-02T00:00Z
    """
    if start >= end:
        raise click.UsageError("Give an --end that is after the --start.")
    found = [find_one(ident, kinds=list(BY_ASSET_TYPE), account_id=account_id) for ident in idents]
    owners = {one.account_id for one in found} or {organisation(account_id)}
    wanted = UnpackedPeriod(start, end, [one.id for one in found])
    things = [(owner, number) for owner in owners for number in subjects(owner)]
    db.session.rollback()
    added = 0
    with run.alone() as is_alone, progress_bar("Unpacking", len(things)) as tell:
        if not is_alone:
            raise MaintenanceError(f"{_RUNS}: try again later.")
        for owner, number in things:
            added += unpacking.unpack(owner, number, wanted)
            tell(1)
    click.echo(f"Added {counted(added, 'belief')}.")
