"""Commands that register sites, devices, cabinets and cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Unpack

import click

from flexmeasures_pms.catalogue.asset_types import DEVICE_KINDS, DeviceKind
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    F,
    accepted_ids_option,
    account_option,
    at_option,
    author_options,
    finish,
    one_line_errors,
    organisation,
    parent_asset_option,
)
from flexmeasures_pms.registry.editing import assembled, orders, registration
from flexmeasures_pms.registry.editing.assembled import CabinetParts, CaseParts
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.doubtful import AcceptedIds
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.queries.sites import SiteFacts


def _site_options(function: F) -> F:
    for decorate in (
        parent_asset_option,
        click.option("--timezone", metavar="NAME", help="Such as Asia/Jakarta."),
        click.option("--latitude", type=float, metavar="X", help="Degrees north."),
        click.option("--longitude", type=float, metavar="Y", help="Degrees east."),
    ):
        function = decorate(function)
    return function


def _add_command(kind: DeviceKind) -> None:
    """Add the command that registers devices of a kind."""

    @pms_cli.cli.command(f"register-{kind.name}")
    @click.argument("ident", metavar="ID")
    @account_option
    @_site_options
    @accepted_ids_option
    @author_options()
    @one_line_errors
    def register(
        ident: str,
        account_id: int | None,
        accepted: AcceptedIds,
        who: Author,
        **details: Unpack[registration.Details],
    ) -> None:
        order = Order(who, account_id=organisation(account_id))
        change = orders.register(order, kind.name, ident, **details)
        finish(change, who, accepted=accepted)

    register.help = (
        f"Register {kind.what}.\n\n\b\nExample:\n"
        f"  flexmeasures pms register-{kind.name} {kind.example} --account 1 "
        "--timezone Asia/Jakarta"
    )


for _kind in DEVICE_KINDS:
    _add_command(_kind)


@pms_cli.cli.command("register-site")
@click.argument("ident", metavar="ID")
@account_option
@_site_options
@click.option("--address", metavar="TEXT", help="Where it is, in words.")
@click.option("--contact", metavar="TEXT", help="Whom to call there.")
@accepted_ids_option
@author_options()
@one_line_errors
def register_site(
    ident: str,
    account_id: int | None,
    address: str | None,
    contact: str | None,
    accepted: AcceptedIds,
    who: Author,
    **details: Unpack[registration.Details],
) -> None:
    """Register a site, where PMSes, MPPTs and inverters stand; install puts them there.

    \b
    Examples:
      flexmeasures pms register-site BTS-17 --account 1 --timezone Asia/Jakarta \\
          --latitude -6.2 --longitude 106.8 --address "Jalan Merdeka 1, Bandung"
      flexmeasures pms install PMS-01-001 --into BTS-17
    """
    order = Order(who, account_id=organisation(account_id))
    change = orders.register_site(order, ident, SiteFacts(address, contact), **details)
    finish(change, who, accepted=accepted)


@pms_cli.cli.command("register-cabinet")
@click.argument("ident", metavar="ID")
@click.option("--pms", required=True, metavar="ID", help="The PMS that it belongs to.")
@click.option("--position", type=click.IntRange(1, 4), help="Its position in the PMS.")
@click.option("--ehub", metavar="ID", help="Its EHub.")
@click.option("--busbar", metavar="ID", help="Its busbar.")
@click.option("--docks", type=int, metavar="N", help="Number of docks; by default 12.")
@account_option
@at_option
@accepted_ids_option
@author_options()
@one_line_errors
def register_cabinet(
    ident: str,
    pms: str,
    account_id: int | None,
    at: datetime | None,
    accepted: AcceptedIds,
    who: Author,
    **parts: Any,
) -> None:
    """Register a cabinet of a PMS, with its EHub and busbar.

    \b
    Example:
      flexmeasures pms register-cabinet CAB-01-001 --pms PMS-01-001 --ehub EH-1 --docks 16
    """
    order, cabinet = Order(who, at, account_id), CabinetParts(**parts)
    change = assembled.register_cabinet(order, ident, pms, cabinet)
    finish(change, who, accepted=accepted)


@pms_cli.cli.command("register-case")
@click.argument("ident", metavar="ID")
@click.option("--board", metavar="ID", help="Its acquisition board.")
@click.option("--board-alias", multiple=True, metavar="ID", help="Another spelling; repeatable.")
@click.option("--fet-board", metavar="ID", help="Its FET board.")
@click.option(
    "--cell-block", multiple=True, metavar="ID", help="Repeatable: up to 14, from position 1."
)
@click.option("--cabinet", metavar="ID", help="The cabinet that it is in.")
@click.option("--dock", type=int, metavar="N", help="Its dock, of the cabinet or the rack.")
@account_option
@at_option
@accepted_ids_option
@author_options()
@one_line_errors
def register_case(
    ident: str,
    cabinet: str | None,
    dock: int | None,
    account_id: int | None,
    at: datetime | None,
    accepted: AcceptedIds,
    who: Author,
    **parts: Any,
) -> None:
    """Register a case with the parts in it.

    The dock is given by its number in the cabinet or by that on the rack, as gateways report it.
    A number that could be two docks is refused.

    \b
    Example:
      flexmeasures pms register-case 269 --board 66BFF353734574E43235318 \\
          --cabinet CAB-01-001 --dock 6
    """
    if (cabinet is None) != (dock is None):
        raise click.UsageError("--cabinet and --dock go together: give both or neither.")
    if parts["board_alias"] and parts["board"] is None:
        raise click.UsageError("--board-alias needs --board: it is another spelling of that id.")
    if cabinet is None:
        account_id = organisation(account_id)
    case = CaseParts(parts["board"], parts["board_alias"], parts["fet_board"], parts["cell_block"])
    order = Order(who, at, account_id)
    change = assembled.register_case(order, ident, case, cabinet=cabinet, dock=dock)
    finish(change, who, accepted=accepted)
