"""``flexmeasures pms completeness``: the share of the expected samples that arrived."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

import click

from flexmeasures_pms.catalogue.asset_types import DATASETS, device_labels
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    MOMENT,
    account_option,
    json_option,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.cli.output import SiteClock, print_json_array
from flexmeasures_pms.errors import AmbiguousId, RegistryError, UnknownId
from flexmeasures_pms.ingest.completeness import Completeness, period
from flexmeasures_pms.ingest.completeness import completeness as hours_of
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.kinds import words
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.loading.rows import of_kinds
from flexmeasures_pms.registry.queries.search import search

_NAMED = 4
"""How many silent cases are named: their line fits 80 columns."""


@pms_cli.cli.command("completeness")
@click.argument("ident", metavar="[ID]", required=False)
@click.option(
    "--since", type=MOMENT, metavar="TIME", help="Start of the period; by default 24 hours ago."
)
@click.option("--until", type=MOMENT, metavar="TIME", help="End of the period; by default now.")
@account_option
@json_option
@one_line_errors
def completeness(
    ident: str | None,
    since: datetime | None,
    until: datetime | None,
    account_id: int | None,
    as_json: bool,
) -> None:
    """Show for each device and hour how much of its telemetry arrived.

    Of each case that was installed in the hour, for as long as it was, so many samples
    are expected as were observed in the day before: no configuration is needed. Cases
    of which nothing came are named. The figures reach back as far as receipts are kept.

    \b
    Example:
      flexmeasures pms completeness PMS-01-001 --since 2026-03-01T00:00:00+07:00
    """
    owner, devices = _devices(ident, account_id)
    now = datetime.now(UTC)
    asked = period(since, until, now)
    if asked is None:
        raise RegistryError("Give a time with --since that is before the one of --until, and now.")
    hours = hours_of(owner, devices, *asked, now)
    if as_json:
        print_json_array(hours)
        return
    if not devices:
        click.echo(f"No {device_labels()} is registered.")
        return
    clock = SiteClock()
    for (kind, device), of_device in groupby(hours, key=attrgetter("kind", "device")):
        click.echo(f"{words(kind)} {device}")
        for hour in of_device:
            click.echo(f"  {clock(hour.hour, owner)}  {_as_text(hour)}")
            if hour.samples and hour.missing:
                click.echo(f"      {_missing(hour)}")


def _devices(ident: str | None, account_id: int | None) -> tuple[int, list[Entry]]:
    """Return an organisation, and its devices or those that an id names."""
    if ident is None:
        owner = organisation(account_id)
        return owner, of_kinds(owner, DATASETS)
    named = search(ident, kinds=DATASETS, account_id=account_id)
    if not named:
        raise UnknownId(f"No {device_labels()} '{ident}' is registered.")
    owners = sorted({device.account_id for device in named})
    if len(owners) > 1:
        listed = ", ".join(map(str, owners))
        raise AmbiguousId(
            f"'{ident}' is registered in organisations {listed}: say which with --account."
        )
    directory = load_directory(owners[0])
    return owners[0], [directory.entry(device.id) for device in named]


def _missing(hour: Completeness) -> str:
    """Return which cases nothing came of."""
    named = ", ".join(hour.missing[:_NAMED])
    more = len(hour.missing) - _NAMED
    return f"nothing from {named}" + (f" and {more} more: see --json" if more > 0 else "")


def _as_text(hour: Completeness) -> str:
    refused = f"; {hour.refused} refused" if hour.refused else ""
    if hour.expected is None:
        came = "stored" if hour.refused else "arrived"
        return f"{hour.share:4.0%}  nothing {came}, nor in the day before{refused}"
    packs = f" of {hour.packs} packs" if hour.kind == "pms" and hour.packs else ""
    text = f"{hour.samples} samples{packs}, {hour.expected} expected, each {hour.cadence:g} s"
    return f"{hour.share:4.0%}  {text}{refused}"
