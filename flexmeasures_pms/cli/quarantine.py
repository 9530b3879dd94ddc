"""``flexmeasures pms quarantine``: list, group, replay and discard samples."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import click
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.choice import BY, OPTIONS, Choice, choice_options
from flexmeasures_pms.cli.common import (
    LIMIT,
    ROW,
    account_option,
    author_options,
    json_option,
    one_line_errors,
)
from flexmeasures_pms.cli.consent import agree, yes_option
from flexmeasures_pms.cli.output import SiteClock, paragraph, print_json_array
from flexmeasures_pms.config import settings
from flexmeasures_pms.ingest.limits import quarantine_bounds
from flexmeasures_pms.ingest.quarantine_reasons import reason_of
from flexmeasures_pms.ingest.replay import Replayed, replay
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.storage.intake import quarantine, waiting
from flexmeasures_pms.storage.intake.quarantine_room import (
    BoundUse,
    nearly_full,
    waiting_by_device,
)
from flexmeasures_pms.storage.intake.waiting import Group

SHOWN = 50

_discarded_option = click.option(
    "--discarded", is_flag=True, help="Those that were discarded, instead of those that wait."
)
_limit_option = click.option(
    "--limit", type=LIMIT, metavar="N",
    help=f"Maximum number; by default {SHOWN}, and all with --json.",
)  # fmt: skip
_ids_option = click.option(
    "--id", "ids", type=ROW, multiple=True, metavar="N", help="Only this one; repeatable."
)


@pms_cli.cli.group("quarantine")
def quarantine_group() -> None:
    """List, replay or discard samples that could not be stored."""


@quarantine_group.command("list")
@one_line_errors
@choice_options
@_discarded_option
@_limit_option
@account_option
@json_option
def list_(choice: Choice, discarded: bool, limit: int | None, as_json: bool) -> None:
    """List the samples that wait, oldest first, each with its reason.

    Standard error says which quarantines, or shares of devices, are full by 80 % or more.

    \b
    Examples:
      flexmeasures pms quarantine list --account 2
      flexmeasures pms quarantine list --reason unknown_pack --pack 0241 --json
    """
    shown = choice.discarded() if discarded else choice
    most = limit or (None if as_json else SHOWN)
    rows = islice(chain(*(waiting.oldest_first(sought, most) for sought in shown.of)), most)
    if as_json:
        print_json_array(map(_record, rows))
    else:
        _list_as_text(rows, shown.number(), SiteClock())
    _say_nearly_full(choice.owners)


def _list_as_text(rows: Iterator[Row[Any]], number: int, clock: SiteClock) -> None:
    more = number
    for row in rows:
        click.echo(_as_text(row, clock))
        more -= 1
    if more > 0:
        click.echo(f"… and {more:,} more: --limit shows more.")
    click.echo(_total(number))


def _total(number: int) -> str:
    return f"Total: {counted(number, 'sample')}." if number else "There is no such sample."


@quarantine_group.command("groups")
@one_line_errors
@click.option(
    "--by", type=click.Choice(list(BY)), default="reason", show_default=True,
    help="What the samples of a group have in common.",
)  # fmt: skip
@choice_options
@_discarded_option
@_limit_option
@account_option
@json_option
def groups(by: str, choice: Choice, discarded: bool, limit: int | None, as_json: bool) -> None:
    """Count the samples that wait by reason, pack, device, sender or dataset.

    \b
    Examples:
      flexmeasures pms quarantine groups
      flexmeasures pms quarantine groups --by pack --reason unknown_pack --account 2
    """
    shown = choice.discarded() if discarded else choice
    most = limit or (None if as_json else SHOWN)
    found = [
        (sought.account_id, group)
        for sought in shown.of
        for group in waiting.groups(sought, BY[by], limit=most)
    ]
    found = sorted(found, key=lambda pair: -pair[1].samples)[:most]
    if as_json:
        print_json_array(_group_record(by, *pair) for pair in found)
        return
    clock, total = SiteClock(), sum(waiting.number(sought, BY[by]) for sought in shown.of)
    for owner, group in found:
        click.echo(_group_as_text(by, owner, group, clock))
    if len(found) < total:
        click.echo(f"… and {total - len(found):,} more: --limit shows more.")
    click.echo(_total(shown.number()))


@quarantine_group.command("replay")
@one_line_errors
@_ids_option
@choice_options
@_discarded_option
@account_option
def replay_(ids: tuple[int, ...], choice: Choice, discarded: bool) -> None:
    """Try to store samples again, all or the chosen ones.

    With --discarded say which. What can't be stored then stays discarded.

    \b
    Examples:
      flexmeasures pms quarantine replay --id 7 --id 8
      flexmeasures pms quarantine replay --reason unknown_pack --device PMS-01-001
      flexmeasures pms quarantine replay --discarded --reason retracted --device PMS-01-001
    """
    if discarded and not ids and not choice.narrows:
        raise click.UsageError(f"Say which discarded samples: --id, {OPTIONS}.")
    total = Replayed()
    for owner, numbers in (choice.discarded() if discarded else choice).numbers(ids):
        total += replay(owner, numbers, discarded=discarded)
    tried = counted(total.released + total.waiting, "sample")
    stored = counted(total.beliefs, "belief")
    click.echo(
        f"Replayed {tried}: {total.released} left quarantine ({stored} stored), "
        f"{total.waiting} {'still discarded' if discarded else 'still waiting'}."
    )


@quarantine_group.command("discard")
@one_line_errors
@_ids_option
@choice_options
@account_option
@yes_option
@author_options(note_required=True)
def discard(ids: tuple[int, ...], choice: Choice, yes: bool, who: Author) -> None:
    """Discard samples, with a reason; their text is kept.

    It says how many there are and asks, unless each is named with --id.

    \b
    Examples:
      flexmeasures pms quarantine discard --id 7 --note "a pack on the test bench"
      flexmeasures pms quarantine discard --pack BENCH-1 --note "a pack on the test bench"
    """
    if not ids and not choice.narrows:
        raise click.UsageError(f"Say which samples: --id, {OPTIONS}.")
    chosen = list(choice.numbers(ids))
    number = sum(len(numbers) for _, numbers in chosen)
    if number and not ids:
        owners = ", ".join(str(owner) for owner, _ in chosen)
        agree(f"Discard {counted(number, 'sample')} of organisation {owners}", yes=yes)
    count = 0
    for owner, numbers in chosen:
        count += len(quarantine.discard(owner, numbers, author=who.name, note=who.note or ""))
        db.session.commit()
    click.echo(f"Discarded {counted(count, 'sample')}.")


def _as_text(row: Row[Any], clock: SiteClock) -> str:
    whose = " ".join(name for name in (row.device_id, row.pack_id) if name) or "no ids"
    when = clock(row.event_time, row.account_id) if row.event_time else "no time"
    texts = [
        f"{row.id}  {row.reason}  {row.dataset} {whose}",
        f"{when}  from {row.sender}",
        row.message,
    ]
    if row.discarded_at:
        texts.append(f"Discarded by {row.discarded_by}: {row.note}")
    return paragraph(*texts, indent=2)


def _record(row: Row[Any]) -> Mapping[str, Any]:
    shown = {k: v for k, v in row._mapping.items() if k != "digest"}
    reason = reason_of(row.reason)
    return shown | {"release": reason.release, "advice": reason.advice}


def _group_as_text(by: str, owner: int, group: Group, clock: SiteClock) -> str:
    texts = [
        f"{counted(group.samples, 'sample'):>14}  {_common(by, group)}",
        f"organisation {owner}, received {_span(group, owner, clock)}",
    ]
    if by == "reason" and group.value:
        texts.append(reason_of(group.value).advice)
    return paragraph(*texts, indent=16)


def _common(by: str, group: Group) -> str:
    return f"no {by} named" if group.value is None else group.value


def _span(group: Group, owner: int, clock: SiteClock) -> str:
    first, last = clock(group.oldest, owner), clock(group.newest, owner)
    return first if first == last else f"{first} to {last}"


def _group_record(by: str, owner: int, group: Group) -> Mapping[str, Any]:
    return {
        "account_id": owner,
        by: group.value,
        "samples": group.samples,
        "bytes": group.size,
        "oldest": group.oldest,
        "newest": group.newest,
    }


def _say_nearly_full(owners: Collection[int]) -> None:
    bounds = quarantine_bounds(settings())
    found = [
        (owner, use)
        for owner, amounts in waiting_by_device(owners).items()
        for use in nearly_full(bounds, amounts)
    ]
    for owner, use in found:
        click.echo(_use_as_text(owner, use), err=True)
    if found:
        click.echo(
            "Samples that do not fit are refused: they are not kept, and have to be sent again. "
            "Register what is missing, or discard samples.",
            err=True,
        )


def _use_as_text(owner: int, use: BoundUse) -> str:
    what = f"The quarantine of organisation {owner}"
    if not use.whole:
        whose = use.device or "samples without a device id"
        what = f"The share of {whose} in the quarantine of organisation {owner}"
    return f"{what} is {use.percent} % full: {use.used:,} of {use.most:,} {use.unit}."
