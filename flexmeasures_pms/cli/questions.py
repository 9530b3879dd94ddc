"""Commands that answer questions about products, batches and suppliers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    LIMIT,
    MOMENT,
    PAST_MOMENT,
    F,
    account_option,
    json_option,
    kind_option,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.cli.master_options import DAY
from flexmeasures_pms.cli.output import paragraph, print_json, print_json_array
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.kinds import KINDS, words
from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.registry.queries.search import find_one
from flexmeasures_pms.registry.questions import recall_file
from flexmeasures_pms.registry.questions.lifetimes import survival
from flexmeasures_pms.registry.questions.named import subject_named
from flexmeasures_pms.registry.questions.service_log import ServiceEntry, service_log
from flexmeasures_pms.registry.questions.swap_rates import (
    GROUPED_BY,
    GroupedBy,
    SwapRate,
    swap_rates,
)
from flexmeasures_pms.registry.questions.warranty import Warranty, ending
from flexmeasures_pms.registry.questions.where_used import UsedThing, where_used
from flexmeasures_pms.registry.timeline import iso

_YEAR = timedelta(days=365)
_KINDS = click.Choice(list(KINDS))


def _at_option(function: F) -> F:
    text = "As it was at that time; by default now."
    return click.option("--at", type=PAST_MOMENT, metavar="TIME", help=text)(function)


def _of_options(function: F) -> F:
    for name, text in (
        ("serial", "Of this serial number."),
        ("supplier", "From this party, by its name."),
        ("batch", "Of this batch, by its lot."),
        ("product", "Of this product: vendor, model and revision."),
    ):
        function = click.option(f"--{name}", metavar="TEXT", help=text)(function)
    return function


@pms_cli.cli.command("where-used")
@_of_options
@kind_option
@_at_option
@click.option(
    "--as-known-at",
    type=PAST_MOMENT,
    metavar="TIME",
    help="Things and places as known then.",
)
@click.option("--csv", "as_csv", is_flag=True, help="As a CSV file, for a recall.")
@account_option
@json_option
@one_line_errors
def where_used_command(
    kind: str | None,
    at: datetime | None,
    as_known_at: datetime | None,
    as_csv: bool,
    account_id: int | None,
    as_json: bool,
    **of: str | None,
) -> None:
    """List the things of a product, batch or supplier with their places.

    \b
    Examples:
      flexmeasures pms where-used --batch LOT-7 --csv > recall.csv
      flexmeasures pms where-used --supplier "PT Sel Surya" --at 2025-06-01T00:00:00+07:00
    """
    account = organisation(account_id)
    if not any(of.values()):
        raise click.UsageError("Say of what: --product, --batch, --supplier or --serial.")
    subject = subject_named(account, kind=kind, **of)
    found = where_used(subject, at or datetime.now(UTC), as_known_at)
    wanted = (one for one in found if kind in (None, one.kind))
    zone = site_clock(account)
    if as_csv:
        click.echo(recall_file.recall_file(wanted, zone), nl=False)
    elif as_json:
        print_json_array(map(asdict, wanted))
    else:
        _print(wanted, partial(_used, zone=zone), "No such thing is registered.")


@pms_cli.cli.command("swap-rates")
@click.option("--kind", type=_KINDS, required=True, help="Of which kind of thing.")
@click.option(
    "--by", type=click.Choice(GROUPED_BY), default="batch", show_default=True, help="Grouped by."
)
@_of_options
@_at_option
@account_option
@json_option
@one_line_errors
def swap_rates_command(
    kind: str,
    by: GroupedBy,
    at: datetime | None,
    account_id: int | None,
    as_json: bool,
    **of: str | None,
) -> None:
    """Print how often things were swapped, by cause, with a rate for each unit and year.

    The rate counts swaps for a fault and those without a cause; the interval has the true
    rate with 95 %. The highest come first, by the lower end of their interval.

    \b
    Example:
      flexmeasures pms swap-rates --kind acquisition-board --by supplier
    """
    subject = subject_named(organisation(account_id), kind=kind, **of)
    rates = swap_rates(subject, kind, by, at or datetime.now(UTC))
    if as_json:
        print_json(list(map(_rate_record, rates)))
    else:
        _print(iter(rates), _rate, f"Of no {words(kind)} that is installed is its {by} known.")


@pms_cli.cli.command("lifetimes")
@click.option("--kind", type=_KINDS, required=True, help="Of which kind of thing.")
@_of_options
@_at_option
@account_option
@json_option
@one_line_errors
def lifetimes_command(
    kind: str, at: datetime | None, account_id: int | None, as_json: bool, **of: str | None
) -> None:
    """Print what share of parts is still in place after some time (Kaplan and Meier).

    Installations without a known start are left out.

    \b
    Example:
      flexmeasures pms lifetimes --kind acquisition-board --batch LOT-7
    """
    subject = subject_named(organisation(account_id), kind=kind, **of)
    found = survival(subject, kind, at or datetime.now(UTC))
    if as_json:
        print_json(None if found is None else asdict(found))
        return
    if found is None:
        click.echo(f"Of no {words(kind)} of them is known since when it was installed.")
        return
    faults = counted(found.faults, "fault")
    click.echo(f"{counted(found.spells, 'installation')}, {faults}.")
    for day, share, low, high in zip(found.days, found.shares, found.low, found.high, strict=True):
        click.echo(f"after {day:6.0f} days {share:7.1%} left ({low:.1%} to {high:.1%})")


@pms_cli.cli.command("warranty")
@click.option("--from", "first", type=DAY, metavar="DAY", help="Default: today.")
@click.option("--until", type=DAY, metavar="DAY", help="Not included; default: in a year.")
@_of_options
@click.option("--limit", type=LIMIT, default=1000, show_default=True, help="How many at most.")
@account_option
@json_option
@one_line_errors
def warranty_command(
    first: date | None,
    until: date | None,
    limit: int,
    account_id: int | None,
    as_json: bool,
    **of: str | None,
) -> None:
    """List the things in use whose warranty ends in a period, the earliest first.

    \b
    Example:
      flexmeasures pms warranty --from 2027-01-01 --until 2027-04-01
    """
    account = organisation(account_id)
    begin = first or on_clock(datetime.now(UTC), site_clock(account)).date()
    found = ending(subject_named(account, **of), begin, until or begin + _YEAR, limit)
    if as_json:
        print_json_array(map(asdict, found))
    else:
        _print(found, _warranty, "No warranty is known to end in this period.")


@pms_cli.cli.command("service-log")
@click.argument("ident", metavar="ID")
@click.option("--start", type=MOMENT, metavar="TIME", help="Default: a year before the end.")
@click.option("--end", type=MOMENT, metavar="TIME", help="Not included; default: now.")
@click.option("--limit", type=LIMIT, default=200, show_default=True, help="How many at most.")
@kind_option
@account_option
@json_option
@one_line_errors
def service_log_command(
    ident: str,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    kind: str | None,
    account_id: int | None,
    as_json: bool,
) -> None:
    """Print what was done to a site, PMS or cabinet and to what was in it, the newest first.

    \b
    Example:
      flexmeasures pms service-log PMS-01-001
    """
    found = find_one(ident, kinds=[kind] if kind else None, account_id=account_id)
    until = end or datetime.now(UTC)
    log = service_log(found.account_id, found.id, start or until - _YEAR, until, limit)
    if as_json:
        print_json_array(map(asdict, log))
    else:
        zone = site_clock(found.account_id)
        _print(log, partial(_service, zone=zone), "Nothing was recorded in this period.")


def _print(found: Iterator[Any], text: Any, nothing: str) -> None:
    for number, one in enumerate(found):
        click.echo(text(one))
        nothing = "" if number == 0 else nothing
    if nothing:
        click.echo(nothing)


def _used(one: UsedThing, zone: str) -> str:
    product = recall_file.product_of(one)
    origin = ", ".join(filter(None, (product, one.lot and f"batch {one.lot}", one.supplier)))
    parts = (
        one.case and f"case {one.case}",
        f"dock {one.dock}" if one.dock else None,
        one.cabinet and f"cabinet {one.cabinet}",
        one.pms and f"PMS {one.pms}",
        one.site and f"site {one.site}",
    )
    place = ", ".join(filter(None, parts)) or recall_file.state_of(one)
    since = f", since {iso(on_clock(one.since, zone))}" if one.since else ""
    return paragraph(f"{words(one.kind)} {one.ident}: {place}{since}", origin, indent=2)


def _rate(one: SwapRate) -> str:
    causes = (
        ("for a fault", one.faults), ("planned", one.planned), ("in a recall", one.recalls),
        ("for an upgrade", one.upgrades), ("without a cause", one.unknown),
    )  # fmt: skip
    by_cause = ", ".join(f"{n} {name}" for name, n in causes if n)
    counts = f"{counted(one.units, 'unit')}, {one.unit_years:.1f} unit-years, "
    counts += counted(one.swaps, "swap") + (f": {by_cause}" if by_cause else "")
    if one.rate is None:
        return paragraph(one.name, counts, indent=2)
    rate = f"{one.rate.value:.3f} swaps a unit and year ({one.rate.low:.3f} to {one.rate.high:.3f})"
    few = ": a rate of few, which says little" if one.is_of_few else ""
    return paragraph(one.name, counts, rate + few, indent=2)


def _rate_record(one: SwapRate) -> dict[str, Any]:
    rate = None if one.rate is None else asdict(one.rate)
    return {**asdict(one), "unknown": one.unknown, "rate": rate, "is_of_few": one.is_of_few}


def _warranty(one: Warranty) -> str:
    origin = ", ".join(filter(None, (one.product, one.lot and f"batch {one.lot}", one.supplier)))
    return paragraph(f"{one.until}: {words(one.kind)} {one.ident}", origin, indent=2)


def _service(one: ServiceEntry, zone: str) -> str:
    who = one.person or one.author
    document = one.document and f"document {one.document}"
    why = ", ".join(filter(None, (one.cause, one.code, document)))
    title = f"{iso(on_clock(one.at, zone))} {one.verb} {words(one.kind)} {one.ident}, by {who}"
    return paragraph(title, *filter(None, (why, one.note)), indent=2)
