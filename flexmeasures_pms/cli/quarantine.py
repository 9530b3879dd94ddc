"""``flexmeasures pms quarantine``: list, replay and discard samples."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click
import msgspec
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    author_options,
    json_option,
    one_line_errors,
)
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import UnknownId
from flexmeasures_pms.ingest.limits import quarantine_bounds
from flexmeasures_pms.ingest.quarantine_reasons import reason_of
from flexmeasures_pms.ingest.replay import Replayed, replay
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.editing.changeset import Author
from flexmeasures_pms.storage.intake import quarantine
from flexmeasures_pms.storage.intake.quarantine_room import (
    BoundUse,
    nearly_full,
    waiting_by_device,
)


@pms_cli.cli.group("quarantine")
def quarantine_group() -> None:
    """List, replay or discard samples that could not be stored."""


@quarantine_group.command("list")
@click.option("--discarded", is_flag=True, help="List discarded samples instead.")
@account_option
@json_option
@one_line_errors
def list_(discarded: bool, account_id: int | None, as_json: bool) -> None:
    """List the samples that wait, oldest first, each with what releases it.

    Standard error says which quarantines, or shares of devices, are full by 80 % or more.

    \b
    Example:
      flexmeasures pms quarantine list --account 2
    """
    owners = [account_id] if account_id is not None else quarantine.organisations()
    count = 0
    for owner in owners:
        for row in quarantine.listed(owner, discarded=discarded):
            count += 1
            click.echo(_as_json(row) if as_json else _as_text(row))
    if not as_json:
        click.echo(f"Total: {counted(count, 'sample')}.")
    _say_nearly_full(owners)


def _say_nearly_full(owners: Collection[int]) -> None:
    bounds = quarantine_bounds(settings())
    found = [
        (owner, use)
        for owner, waiting in waiting_by_device(owners).items()
        for use in nearly_full(bounds, waiting)
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


@quarantine_group.command("replay")
@click.option(
    "--id", "ids", type=int, multiple=True, metavar="N", help="Only this one; repeatable."
)
@account_option
@one_line_errors
def replay_(ids: tuple[int, ...], account_id: int | None) -> None:
    """Try to store samples again, all or the named ones.

    \b
    Example:
      flexmeasures pms quarantine replay --id 7 --id 8
    """
    total = Replayed()
    for owner, waiting in _waiting(ids, account_id):
        total += replay(owner, waiting)
    tried = counted(total.released + total.waiting, "sample")
    stored = counted(total.beliefs, "belief")
    click.echo(
        f"Replayed {tried}: {total.released} left quarantine ({stored} stored), "
        f"{total.waiting} still waiting."
    )


@quarantine_group.command("discard")
@click.option("--id", "ids", type=int, multiple=True, required=True, metavar="N")
@account_option
@author_options(note_required=True)
@one_line_errors
def discard(ids: tuple[int, ...], account_id: int | None, who: Author) -> None:
    """Discard samples permanently, with a reason; their text is kept.

    \b
    Example:
      flexmeasures pms quarantine discard --id 7 --note "a pack on the test bench"
    """
    count = 0
    for owner, waiting in _waiting(ids, account_id):
        count += len(quarantine.discard(owner, waiting, author=who.name, note=who.note or ""))
    db.session.commit()
    click.echo(f"Discarded {counted(count, 'sample')}.")


def _waiting(ids: Collection[int], account_id: int | None) -> list[tuple[int, list[int]]]:
    """Return the selected waiting samples, by organisation.

    :raises UnknownId: if no sample with an id waits.
    """
    owners = [account_id] if account_id is not None else quarantine.organisations()
    found = [(owner, quarantine.waiting_ids(owner, ids or None)) for owner in owners]
    known = {entry for _, waiting in found for entry in waiting}
    unknown = sorted(set(ids) - known)
    if unknown:
        named = ", ".join(map(str, unknown))
        raise UnknownId(f"No sample {named} waits: see `flexmeasures pms quarantine list`.")
    return found


def _as_text(row: Row[Any]) -> str:
    when = row.event_time.isoformat(timespec="seconds") if row.event_time else "no time"
    whose = " ".join(name for name in (row.device_id, row.pack_id) if name)
    why = f" (discarded by {row.discarded_by}: {row.note})" if row.discarded_at else ""
    return f"{row.id}  {row.reason}  {row.dataset} {whose}  {when}  {row.message}{why}"


def _as_json(row: Row[Any]) -> bytes:
    hidden = ("digest",)
    shown = {k: v for k, v in row._mapping.items() if k not in hidden}
    reason = reason_of(row.reason)
    return msgspec.json.encode(shown | {"release": reason.release, "advice": reason.advice})
