"""Commands that install, remove, swap and move parts, and correct what was recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    at_option,
    author_options,
    event_options,
    finish,
    kind_option,
    one_line_errors,
    part_kind_option,
    similar_option,
)
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.changeset import Author
from flexmeasures_pms.registry.editing.orders import CorrectedInstallation, Order
from flexmeasures_pms.registry.editing.registration import Details


@pms_cli.cli.command("install")
@click.argument("part")
@click.option("--into", required=True, metavar="ASSEMBLY", help="Case, cabinet or PMS.")
@part_kind_option
@click.option("--place", type=int, metavar="N", help="Dock, position, or cell block position.")
@at_option
@account_option
@similar_option
@author_options()
@one_line_errors
def install(
    part: str,
    into: str,
    kind: str | None,
    place: int | None,
    at: datetime | None,
    account_id: int | None,
    similar_ids: bool,
    who: Author,
) -> None:
    """Install a part in an assembly; it is removed from where it was.

    \b
    Examples:
      flexmeasures pms install 66BFF353734574E43235318 --into 269 --at 2026-03-01T12:00:00Z
      flexmeasures pms install BLOCK-7 --into 269 --kind cell-block --place 3
    """
    order = Order(who, at, account_id)
    change = orders.install(order, part, into, kind=kind, place=place)
    finish(change, who, similar_ids=similar_ids)


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
    finish(orders.remove(Order(who, at, account_id), part, kind=kind), who)


@pms_cli.cli.command("swap")
@click.argument("old")
@click.argument("new")
@part_kind_option
@at_option
@account_option
@similar_option
@author_options()
@one_line_errors
def swap(
    old: str,
    new: str,
    kind: str | None,
    at: datetime | None,
    account_id: int | None,
    similar_ids: bool,
    who: Author,
) -> None:
    """Put NEW in the place of OLD, which is then not installed anywhere.

    An unknown NEW is registered as the same kind as OLD, or as --kind.

    \b
    Example:
      flexmeasures pms swap 66BFF353734574E43235318 66BFF353734574E43235999
    """
    change = orders.swap(Order(who, at, account_id), old, new, kind=kind)
    finish(change, who, similar_ids=similar_ids)


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
    order = Order(who, at, account_id)
    finish(orders.move_case(order, case, cabinet=cabinet, dock=dock), who)


@pms_cli.cli.command("correct")
@click.argument("part")
@click.option("--into", metavar="ASSEMBLY", help="Where it actually was.")
@click.option("--place", type=int, metavar="N", help="Dock, position, or cell block position.")
@event_options(since="When it was actually installed.", until="When it was actually removed.")
@click.option("--docks", type=int, metavar="N", help="Actual number of docks of a cabinet.")
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
    **details: Unpack[Details],
) -> None:
    """Correct a recorded installation; the neighbouring ones give way.

    Telemetry of the changed period moves to the case that it belongs to. Details of a
    registration, such as the number of docks, are corrected too.

    \b
    Example:
      flexmeasures pms correct 66BFF353734574E43235318 --into 270 \\
          --since 2026-03-01T11:00:00+07:00 --note "swapped before lunch"
    """
    corrected = CorrectedInstallation(into, place, since, until)
    if not corrected and all(value is None for value in details.values()):
        raise click.UsageError("Say what to correct: --into, --place, --since, --until, --docks…")
    order = Order(who, account_id=account_id)
    finish(orders.correct(order, part, corrected, details, kind=kind), who)
