"""Commands that install, remove, swap and move parts, and mend what was recorded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Unpack

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    MOMENT,
    account_option,
    at_option,
    author_options,
    finish,
    kind_option,
    one_line_errors,
    part_kind_option,
)
from flexmeasures_pms.errors import UnknownId
from flexmeasures_pms.registry import changes, correction, moves, registration
from flexmeasures_pms.registry.book import Author
from flexmeasures_pms.registry.kinds import (
    CABINET,
    CASE,
    PART_KINDS,
    PMS,
    interchangeable,
    slot_for,
)
from flexmeasures_pms.registry.ledger import editing
from flexmeasures_pms.registry.search import Found, find_one, search, the_one

ASSEMBLIES = (CASE, CABINET, PMS)


@pms_cli.cli.command("install")
@click.argument("part")
@click.option("--into", required=True, metavar="ASSEMBLY", help="Case, cabinet or PMS.")
@part_kind_option
@click.option("--place", type=int, metavar="N", help="Dock, position, or cell block position.")
@at_option
@account_option
@author_options()
@one_line_errors
def install(
    part: str,
    into: str,
    kind: str | None,
    place: int | None,
    at: datetime | None,
    account_id: int | None,
    who: Author,
) -> None:
    """Install a part in an assembly; it leaves where it was.

    \b
    Examples:
      flexmeasures pms install 66BFF353734574E43235318 --into 269 --at 2026-03-01T12:00:00Z
      flexmeasures pms install BLOCK-7 --into 269 --kind cell-block --place 3
    """
    found, assembly = _part_and_assembly(part, into, kind, account_id)
    with editing(assembly.account_id, who) as book:
        if found is not None:
            entry = book.view.entry(found.id)
        else:
            entry = registration.register(book, str(kind), part)
        moves.install(book, entry, book.view.entry(assembly.id), place, at)
    finish(book.change(), who)


@pms_cli.cli.command("remove")
@click.argument("part")
@kind_option
@at_option
@account_option
@author_options()
@one_line_errors
def remove(
    part: str,
    kind: str | None,
    at: datetime | None,
    account_id: int | None,
    who: Author,
) -> None:
    """Remove a part from where it is.

    \b
    Example:
      flexmeasures pms remove 66BFF353734574E43235318 --note "cold solder joint"
    """
    found = find_one(part, kinds=[kind] if kind else PART_KINDS, account_id=account_id)
    finish(changes.remove(found.account_id, found.id, at=at, author=who), who)


@pms_cli.cli.command("swap")
@click.argument("old")
@click.argument("new")
@part_kind_option
@at_option
@account_option
@author_options()
@one_line_errors
def swap(
    old: str,
    new: str,
    kind: str | None,
    at: datetime | None,
    account_id: int | None,
    who: Author,
) -> None:
    """Let NEW take the place of OLD, which is then installed nowhere.

    An unknown NEW is registered as the same kind as OLD, or as --kind.

    \b
    Example:
      flexmeasures pms swap 66BFF353734574E43235318 66BFF353734574E43235999
    """
    kinds: Collection[str] = interchangeable(kind) if kind else PART_KINDS
    found = search(old, kinds=kinds, account_id=account_id)
    same = [f for f in found if f.kind == kind]
    taken = the_one(old, same or found, kinds, account_id)
    with editing(taken.account_id, who) as book:
        fresh = next(
            filter(None, (book.view.find(k, new) for k in interchangeable(kind or taken.kind))),
            None,
        ) or registration.register(book, kind or taken.kind, new)
        moves.swap(book, book.view.entry(taken.id), fresh, at)
    finish(book.change(), who)


@pms_cli.cli.command("move-case")
@click.argument("case", metavar="ID")
@click.option("--cabinet", required=True, metavar="ID", help="Where it goes.")
@click.option("--dock", required=True, type=int, metavar="N", help="Its dock there, from 1.")
@at_option
@account_option
@author_options()
@one_line_errors
def move_case(
    case: str,
    cabinet: str,
    dock: int,
    at: datetime | None,
    account_id: int | None,
    who: Author,
) -> None:
    """Move a case to a dock of a cabinet.

    \b
    Example:
      flexmeasures pms move-case 269 --cabinet CAB-01-002 --dock 6
    """
    found, rack = _pair(case, [CASE], cabinet, [CABINET], account_id)
    change = changes.move_case(found.account_id, found.id, rack.id, dock, at=at, author=who)
    finish(change, who)


@pms_cli.cli.command("correct")
@click.argument("part")
@click.option("--into", metavar="ASSEMBLY", help="Where it really was.")
@click.option("--place", type=int, metavar="N", help="Dock, position, or cell block position.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Since when it really was there.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Until when it really was there.")
@click.option("--docks", type=int, metavar="N", help="How many docks a cabinet really has.")
@click.option("--timezone", metavar="NAME", help="Time zone of a PMS or device.")
@click.option("--latitude", type=float, metavar="X", help="Degrees north.")
@click.option("--longitude", type=float, metavar="Y", help="Degrees east.")
@kind_option
@account_option
@author_options(note_required=True)
@one_line_errors
def correct(
    part: str,
    into: str | None,
    place: int | None,
    since: datetime | None,
    until: datetime | None,
    kind: str | None,
    account_id: int | None,
    who: Author,
    **details: Unpack[registration.Details],
) -> None:
    """Mend a recorded installation; the neighbouring ones give way.

    Telemetry of the time that changes moves to the case it belongs to. Details of a
    registration, such as the number of docks, are mended too.

    \b
    Example:
      flexmeasures pms correct 66BFF353734574E43235318 --into 270 \\
          --since 2026-03-01T11:00:00+07:00 --note "swapped before lunch"
    """
    given = any(value is not None for value in details.values())
    moved = any(value is not None for value in (into, place, since, until))
    if not given and not moved:
        raise click.UsageError("Say what to correct: --into, --place, --since, --until, --docks…")
    kinds = [kind] if kind else (PART_KINDS if moved else None)
    if into is None:
        found, assembly = find_one(part, kinds=kinds, account_id=account_id), None
    else:
        found, assembly = _pair(part, kinds or PART_KINDS, into, ASSEMBLIES, account_id)
    with editing(found.account_id, who) as book:
        if given:
            registration.amend(book, book.view.entry(found.id), **details)
        if moved:
            target = book.view.entry(assembly.id) if assembly else None
            entry = book.view.entry(found.id)
            correction.correct(book, entry, target, place=place, since=since, until=until)
    finish(book.change(), who)


def _part_and_assembly(
    part: str, into: str, kind: str | None, account_id: int | None
) -> tuple[Found | None, Found]:
    """Return what two ids name; no part where it is to be registered as ``kind``."""
    kinds = [kind] if kind else PART_KINDS
    if search(part, kinds=kinds, account_id=account_id) or kind is None:
        try:
            return _pair(part, kinds, into, ASSEMBLIES, account_id)
        except UnknownId as error:
            # Known, but to another organisation than the assembly's.
            if kind is None or not search(into, kinds=ASSEMBLIES, account_id=account_id):
                hint = " Register it on the fly with --kind." if kind is None else ""
                raise UnknownId(f"{error}{hint}") from error
    assemblies = [k for k in ASSEMBLIES if slot_for(k, str(kind))]
    fitting = search(into, kinds=assemblies, account_id=account_id)
    if fitting:
        return None, the_one(into, fitting, assemblies, account_id)
    return None, find_one(into, kinds=ASSEMBLIES, account_id=account_id)


def _pair(
    part: str,
    part_kinds: Collection[str],
    into: str,
    into_kinds: Collection[str],
    account_id: int | None,
) -> tuple[Found, Found]:
    """Return what two ids name: each helps to tell what the other one means."""
    parts = search(part, kinds=part_kinds, account_id=account_id)
    assemblies = search(into, kinds=into_kinds, account_id=account_id)
    together = [(p, a) for p in parts for a in assemblies if p.account_id == a.account_id]
    fitting = [(p, a) for p, a in together if slot_for(a.kind, p.kind)] or together
    accounts = {p.account_id for p, _ in fitting}
    if parts and assemblies and not together:
        raise UnknownId(f"'{part}' and '{into}' are not registered in one organisation.")
    if len(accounts) == 1:
        (account_id,) = accounts
    return (
        the_one(part, list(dict.fromkeys(p for p, _ in fitting)) or parts, part_kinds, account_id),
        the_one(
            into, list(dict.fromkeys(a for _, a in fitting)) or assemblies, into_kinds, account_id
        ),
    )
