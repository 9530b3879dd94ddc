"""Commands for service and retirement."""

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
)
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.changeset import Author
from flexmeasures_pms.registry.editing.orders import Order

WHEN = event_options(at="When; by default now.")


@pms_cli.cli.command("service")
@click.argument("ident", metavar="ID")
@kind_option
@WHEN
@account_option
@author_options(note_required=True)
@one_line_errors
def service(
    ident: str, kind: str | None, at: datetime | None, account_id: int | None, who: Author
) -> None:
    """Record in its history that something was serviced, and what was done.

    \b
    Example:
      flexmeasures pms service 269 --note "contacts cleaned"
    """
    finish(orders.service(Order(who, at, account_id), ident, kind=kind), who)


@pms_cli.cli.command("retire")
@click.argument("ident", metavar="ID")
@kind_option
@WHEN
@account_option
@author_options()
@one_line_errors
def retire(
    ident: str, kind: str | None, at: datetime | None, account_id: int | None, who: Author
) -> None:
    """Retire something permanently; its telemetry and history stay.

    \b
    Example:
      flexmeasures pms retire 66BFF353734574E43235318 --note "water damage"
    """
    finish(orders.retire(Order(who, at, account_id), ident, kind=kind), who)
