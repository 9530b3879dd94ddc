"""Commands for service, retirement, and what is sent off or back."""

from __future__ import annotations

from datetime import datetime

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    author_options,
    event_options,
    finish,
    kind_option,
    one_line_errors,
    with_packs_option,
)
from flexmeasures_pms.cli.event import business_event
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order

WHEN = event_options(at="When; by default now.")


@pms_cli.cli.command("service")
@click.argument("ident", metavar="ID")
@kind_option
@WHEN
@account_option
@author_options(note_required=True)
@business_event(findings=True)
@one_line_errors
def service(
    ident: str, kind: str | None, at: datetime | None, account_id: int | None, who: Author
) -> None:
    """Record in its history that something was serviced, and what was done.

    \b
    Examples:
      flexmeasures pms service 269 --note "contacts cleaned"
      flexmeasures pms service 269 --note "contacts cleaned" --by "A. Name" \\
          --finding "corrosion at cell 3" --measured "cell 3 mΩ=4.2"
    """
    finish(orders.service(Order(who, at, account_id), ident, kind=kind), who)


@pms_cli.cli.command("retire")
@click.argument("ident", metavar="ID")
@kind_option
@WHEN
@with_packs_option
@account_option
@author_options()
@business_event()
@one_line_errors
def retire(
    ident: str,
    kind: str | None,
    at: datetime | None,
    with_packs: bool,
    account_id: int | None,
    who: Author,
) -> None:
    """Take something out of use, and out of its place; its telemetry and history stay.

    It can't be installed again unless it is revived. What is in it stays in it. A pack that
    reports although it is retired is stored, and is not installed by that.

    \b
    Example:
      flexmeasures pms retire 66BFF353734574E43235318 --note "water damage"
    """
    order = Order(who, at, account_id)
    finish(orders.retire(order, ident, kind=kind, with_packs=with_packs), who)


@pms_cli.cli.command("revive")
@click.argument("ident", metavar="ID")
@kind_option
@account_option
@author_options()
@one_line_errors
def revive(ident: str, kind: str | None, account_id: int | None, who: Author) -> None:
    """Bring something retired back into use, so that it can be installed again.

    \b
    Example:
      flexmeasures pms revive 66BFF353734574E43235318 --note "dried, tested"
    """
    finish(orders.revive(Order(who, None, account_id), ident, kind=kind), who)


@pms_cli.cli.command("ship")
@click.argument("ident", metavar="ID")
@kind_option
@WHEN
@account_option
@author_options()
@business_event()
@one_line_errors
def ship(
    ident: str, kind: str | None, at: datetime | None, account_id: int | None, who: Author
) -> None:
    """Record in its history that something was sent off; no place changes.

    \b
    Example:
      flexmeasures pms ship 269 --document DN-17 --note "to Bali"
    """
    finish(orders.ship(Order(who, at, account_id), ident, kind=kind), who)


@pms_cli.cli.command("return")
@click.argument("ident", metavar="ID")
@kind_option
@WHEN
@account_option
@author_options()
@business_event()
@one_line_errors
def give_back(
    ident: str, kind: str | None, at: datetime | None, account_id: int | None, who: Author
) -> None:
    """Record in its history that something was sent back; remove it from its place first.

    \b
    Example:
      flexmeasures pms return 66BFF353734574E43235318 --cause recall --document RMA-9
    """
    finish(orders.give_back(Order(who, at, account_id), ident, kind=kind), who)
