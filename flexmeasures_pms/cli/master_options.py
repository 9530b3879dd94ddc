"""Options of the commands about products, parties and batches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import Any

import click

from flexmeasures_pms.cli.common import F, Option
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.kinds import KINDS
from flexmeasures_pms.registry.master.rules import FIRST_DAY, LAST_DAY, read_day
from flexmeasures_pms.registry.master_tables import PARTY_ROLES


class DayParam(click.ParamType[date]):
    """A day such as ``2024-05-31``."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read a day."""
        if isinstance(value, date):
            return value
        try:
            found = read_day(value)
        except RegistryError as error:
            self.fail(str(error), param, ctx)
        if not FIRST_DAY <= found <= LAST_DAY:
            self.fail(f"{found} can't be: use a day from {FIRST_DAY} until {LAST_DAY}.", param, ctx)
        return found


class ParameterParam(click.ParamType[tuple[str, str]]):
    """A parameter of a product, such as ``rated_capacity_Ah=280``."""

    name = "parameter"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Divide name and value."""
        if isinstance(value, tuple):
            return value
        name, sign, text = str(value).partition("=")
        if not sign or not name.strip():
            self.fail(f"'{value}' is not such as rated_capacity_Ah=280.", param, ctx)
        return name.strip(), text


DAY = DayParam()


def unknown_option(*fields: str) -> Option[Any]:
    """Add ``--unknown``, passed as ``unknown``; of products also for parameters.

    :param fields: what can be unknown, as the options spell it.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, unknown: tuple[str, ...], **options: Any) -> None:
            function(*args, unknown=tuple(_FIELDS.get(name, name) for name in unknown), **options)

        text = f"What is unknown after all: {', '.join(fields)}; repeatable."
        return click.option("--unknown", multiple=True, metavar="FIELD", help=text)(run)

    return decorate


# How options spell fields that are called otherwise.
_FIELDS = {
    "made": "made_on",
    "purchased": "purchased_on",
    "warranty-until": "warranty_until",
    "remark": "note",
}


def _options(*options: Callable[[F], F]) -> Option[Any]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_remark = click.option("--remark", metavar="TEXT", help="What else is to be known of it.")
_made = click.option("--made", "made_on", type=DAY, metavar="DAY", help="When it was made.")
_supplier = click.option("--supplier", metavar="NAME", help="The party that it comes from.")
_purchase = click.option("--purchase", metavar="NUMBER", help="The purchase order.")

party_options = _options(
    click.option(
        "--role", "roles", multiple=True, type=click.Choice(PARTY_ROLES),
        help="What it is for the organisation; repeatable.",
    ),
    click.option("--contact", metavar="TEXT", help="Who to speak to."),
    click.option("--email", metavar="ADDRESS"),
    click.option("--phone", metavar="NUMBER"),
    click.option("--address", metavar="TEXT"),
    _remark,
)  # fmt: skip
"""Add the details of a party."""

product_options = _options(
    click.option("--datasheet", metavar="URL", help="Its datasheet on the web."),
    click.option(
        "--parameter", "parameters", multiple=True, type=ParameterParam(), metavar="NAME=VALUE",
        help="Such as rated_capacity_Ah=280; repeatable.",
    ),
    _remark,
)  # fmt: skip
"""Add the details of a product."""

batch_options = _options(_made, _supplier, _purchase, _remark)
"""Add the details of a batch."""

origin_options = _options(
    click.option("--product", metavar="NAME", help="Its vendor, model and revision."),
    click.option("--batch", metavar="LOT", help="The batch that it is of."),
    click.option("--serial", metavar="NUMBER", help="Its serial number."),
    _made,
    _supplier,
    _purchase,
    click.option(
        "--purchased", "purchased_on", type=DAY, metavar="DAY", help="When it was bought."
    ),
    click.option("--warranty-until", type=DAY, metavar="DAY", help="Last day of its warranty."),
)
"""Add where a trackable comes from."""


def product_kind_option(*, required: bool = False) -> Option[Any]:
    """Add ``--kind`` of a product."""
    text = "Which kind of thing it is." if required else "Which kind it is of, if several have it."
    return click.option("--kind", type=click.Choice(list(KINDS)), required=required, help=text)
