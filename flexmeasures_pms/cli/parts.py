"""Commands that install, remove, swap and move parts, and correct what was recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    accepted_ids_option,
    account_option,
    at_option,
    author_options,
    event_options,
    finish,
    kind_option,
    one_line_errors,
    parent_asset_option,
    part_kind_option,
    with_packs_option,
)
from flexmeasures_pms.cli.event import business_event
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.doubtful import AcceptedIds
from flexmeasures_pms.registry.editing.naming import ASSEMBLIES
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.orders import CorrectedInstallation
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.queries.sites import NO_FACTS, SiteFacts

_place_option = click.option(
    "--place", type=int, metavar="N",
    help="Dock, of the cabinet or the rack; position; or cell block position.",
)  # fmt: skip
_into_kind_option = click.option(
    "--into-kind", type=click.Choice(ASSEMBLIES), help="Which kind ASSEMBLY is, if several have it."
)


def _as_order(function: Callable[..., None]) -> Callable[..., None]:
    """Pass author, time and organisation as an order, the first argument."""

    @functools.wraps(function)
    def run(
        *, who: Author, account_id: int | None, at: datetime | None = None, **options: Any
    ) -> None:
        function(Order(who, at, account_id), **options)

    return run


def _assemblies(kind: str | None) -> Sequence[str]:
    return ASSEMBLIES if kind is None else (kind,)


@pms_cli.cli.command("install")
@click.argument("part")
@click.option("--into", required=True, metavar="ASSEMBLY", help="Case, cabinet, PMS or site.")
@_into_kind_option
@part_kind_option
@_place_option
@at_option
@with_packs_option
@account_option
@accepted_ids_option
@author_options()
@business_event()
@one_line_errors
@_as_order
def install(
    order: Order,
    part: str,
    into: str,
    into_kind: str | None,
    kind: str | None,
    place: int | None,
    with_packs: bool,
    accepted: AcceptedIds,
) -> None:
    """Install a part in an assembly; it is removed from where it was.

    A dock of a cabinet has two numbers: the cabinet's own, and that on the rack, which counts on
    from cabinet to cabinet and is what gateways report. Give either. A number that could be two
    docks is refused; with a PMS as ASSEMBLY it is always that on the rack.

    \b
    Examples:
      flexmeasures pms install 66BFF353734574E43235318 --into 269 --at 2026-03-01T12:00:00Z
      flexmeasures pms install BLOCK-7 --into 269 --kind cell-block --place 3
      flexmeasures pms install PMS-01-001 --into BTS-17
    """
    change = orders.install(
        order, part, into,
        kind=kind, into_kinds=_assemblies(into_kind), place=place, with_packs=with_packs,
    )  # fmt: skip
    finish(change, order.author, accepted=accepted)


@pms_cli.cli.command("remove")
@click.argument("part")
@kind_option
@at_option
@with_packs_option
@account_option
@author_options()
@business_event()
@one_line_errors
@_as_order
def remove(
    order: Order,
    part: str,
    kind: str | None,
    with_packs: bool,
) -> None:
    """Remove a part from where it is.

    \b
    Example:
      flexmeasures pms remove 66BFF353734574E43235318 --note "cold solder joint"
    """
    finish(orders.remove(order, part, kind=kind, with_packs=with_packs), order.author)


@pms_cli.cli.command("swap")
@click.argument("old")
@click.argument("new")
@part_kind_option
@at_option
@click.option("--register", "new_too", is_flag=True, help="NEW may be a new case or cabinet.")
@with_packs_option
@account_option
@accepted_ids_option
@author_options()
@business_event()
@one_line_errors
@_as_order
def swap(
    order: Order,
    old: str,
    new: str,
    kind: str | None,
    new_too: bool,
    with_packs: bool,
    accepted: AcceptedIds,
) -> None:
    """Put NEW in the place of OLD, which is then not installed anywhere.

    An unknown NEW is registered as the same kind as OLD, or as --kind: a case or cabinet only
    with --register. A NEW that is installed elsewhere leaves that place.

    \b
    Examples:
      flexmeasures pms swap 66BFF353734574E43235318 66BFF353734574E43235999
      flexmeasures pms swap B269 B300 --cause fault --code OV-3 --by "A. Name" \\
          --document WO-1234
    """
    change = orders.swap(order, old, new, kind=kind, new_too=new_too, with_packs=with_packs)
    finish(change, order.author, accepted=accepted)


@pms_cli.cli.command("move-case")
@click.argument("case", metavar="ID")
@click.option("--cabinet", required=True, metavar="ID", help="Where it goes.")
@click.option(
    "--dock", required=True, type=int, metavar="N", help="Its dock, of the cabinet or the rack."
)
@at_option
@account_option
@author_options()
@business_event()
@one_line_errors
@_as_order
def move_case(
    order: Order,
    case: str,
    cabinet: str,
    dock: int,
) -> None:
    """Move a case to a dock of a cabinet.

    The dock is given by its number in the cabinet or by that on the rack, as gateways report it.
    A number that could be two docks is refused.

    \b
    Example:
      flexmeasures pms move-case 269 --cabinet CAB-01-002 --dock 6
    """
    finish(orders.move_case(order, case, cabinet=cabinet, dock=dock), order.author)


@pms_cli.cli.command("correct")
@click.argument("part")
@click.option("--into", metavar="ASSEMBLY", help="Where it actually was.")
@_into_kind_option
@_place_option
@event_options(since="When it was actually installed.", until="When it was actually removed.")
@click.option("--docks", type=int, metavar="N", help="Actual number of docks of a cabinet.")
@parent_asset_option
@click.option("--timezone", metavar="NAME", help="Time zone of a site, PMS or device.")
@click.option("--latitude", type=float, metavar="X", help="Degrees north.")
@click.option("--longitude", type=float, metavar="Y", help="Degrees east.")
@click.option("--address", metavar="TEXT", help="Address of a site.")
@click.option("--contact", metavar="TEXT", help="Whom to call at a site.")
@kind_option
@with_packs_option
@account_option
@author_options(note_required=True)
@business_event(cause=False)
@one_line_errors
@_as_order
def correct(
    order: Order,
    part: str,
    into: str | None,
    into_kind: str | None,
    kind: str | None,
    with_packs: bool,
    **options: Any,
) -> None:
    """Correct a recorded installation; the neighbouring ones give way.

    Telemetry of the changed period moves to the case that it belongs to. Details of a
    registration, such as the number of docks, are corrected too.

    \b
    Example:
      flexmeasures pms correct 66BFF353734574E43235318 --into 270 \\
          --since 2026-03-01T11:00:00+07:00 --note "swapped before lunch"
    """
    stay = {name: options.pop(name) for name in ("place", "since", "until")}
    facts = SiteFacts(options.pop("address"), options.pop("contact"))
    corrected, details = CorrectedInstallation(into, **stay), cast(Details, options)
    given = any(value is not None for value in details.values())
    if not corrected and not given and facts == NO_FACTS:
        raise click.UsageError("Say what to correct: --into, --place, --since, --until, --docks…")
    change = orders.correct(
        order, part, corrected, details,
        facts=facts, kind=kind, into_kinds=_assemblies(into_kind), with_packs=with_packs,
    )  # fmt: skip
    finish(change, order.author)
