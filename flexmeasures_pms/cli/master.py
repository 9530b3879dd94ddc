"""Commands that register and correct products, parties and batches, and where things come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    author_options,
    event_options,
    finish,
    kind_option,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.cli.master_options import (
    batch_options,
    origin_options,
    party_options,
    product_kind_option,
    product_options,
    unknown_option,
)
from flexmeasures_pms.registry.editing import master_orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.products import ProductName


def _details(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of a record as orders have them."""
    details = {name: value for name, value in options.items() if name != "remark"}
    if "remark" in options:
        details["note"] = options["remark"]
    if "parameters" in details:
        details["parameters"] = dict(details["parameters"])
    return details


@pms_cli.cli.command("register-party")
@click.argument("name")
@party_options
@account_option
@author_options()
@one_line_errors
def register_party(name: str, account_id: int | None, who: Author, **options: Any) -> None:
    """Register a supplier, customer, partner or service company.

    One that is registered already gets the details that it lacks.

    \b
    Example:
      flexmeasures pms register-party "PT Sel Surya" --role supplier \\
          --email sales@selsurya.example --account 1
    """
    order = Order(who, account_id=organisation(account_id))
    finish(master_orders.register_party(order, name, **_details(options)), who)


@pms_cli.cli.command("register-product")
@click.argument("vendor")
@click.argument("model")
@click.argument("revision", required=False, default="")
@product_kind_option(required=True)
@product_options
@account_option
@author_options()
@one_line_errors
def register_product(
    vendor: str,
    model: str,
    revision: str,
    kind: str,
    account_id: int | None,
    who: Author,
    **options: Any,
) -> None:
    """Register what a vendor makes: a type of case, board or cell block.

    One that is registered already gets the details that it lacks. Names of parameters have
    their unit at the end.

    \b
    Example:
      flexmeasures pms register-product ACME LF280K v3 --kind cell-block \\
          --parameter rated_capacity_Ah=280 --parameter chemistry=LFP --account 1
    """
    order = Order(who, account_id=organisation(account_id))
    change = master_orders.register_product(
        order, kind, vendor, model, revision, **_details(options)
    )
    finish(change, who)


@pms_cli.cli.command("register-batch")
@click.argument("lot")
@click.option("--product", required=True, metavar="NAME", help="Its vendor, model and revision.")
@product_kind_option()
@batch_options
@account_option
@author_options()
@one_line_errors
def register_batch(
    lot: str, product: str, kind: str | None, account_id: int | None, who: Author, **options: Any
) -> None:
    """Register a batch: things of one product that were made together.

    What is said of a batch holds for all that is of it. One that is registered already gets the
    details that it lacks.

    \b
    Example:
      flexmeasures pms register-batch L2407 --product "ACME LF280K v3" --made 2024-07-01 \\
          --supplier "PT Sel Surya" --account 1
    """
    order = Order(who, account_id=organisation(account_id))
    change = master_orders.register_batch(order, product, lot, kind=kind, **_details(options))
    finish(change, who)


@pms_cli.cli.command("procure")
@click.argument("ident", metavar="ID")
@kind_option
@origin_options
@event_options(at="When it was procured, for its history.")
@account_option
@author_options()
@one_line_errors
def procure(
    ident: str,
    kind: str | None,
    at: datetime | None,
    account_id: int | None,
    who: Author,
    **details: Any,
) -> None:
    """Record where something comes from: product, batch, serial number, purchase, warranty.

    Adds what is not known yet. A batch of a known product is registered if it is new. What its
    batch says of all things of it need not be said again.

    \b
    Example:
      flexmeasures pms procure 269 --product "ACME P48" --serial 00341 \\
          --supplier "PT Sel Surya" --purchased 2024-08-12 --warranty-until 2034-08-12
    """
    if not any(details.values()):
        raise click.UsageError("Say where it comes from: --product, --batch, --serial, …")
    change = master_orders.procure(Order(who, at, account_id), ident, kind=kind, **details)
    finish(change, who)


@pms_cli.cli.command("correct-party")
@click.argument("party", metavar="NAME")
@click.option("--name", metavar="NAME", help="What it is actually called.")
@party_options
@unknown_option("roles", "contact", "email", "phone", "address", "remark")
@account_option
@author_options(note_required=True)
@one_line_errors
def correct_party(
    party: str,
    name: str | None,
    unknown: tuple[str, ...],
    account_id: int | None,
    who: Author,
    **options: Any,
) -> None:
    """Correct what is registered of a party. Roles replace all that it had.

    \b
    Example:
      flexmeasures pms correct-party "PT Sel Surya" --phone "+62 21 555" --note "moved"
    """
    order = Order(who, account_id=organisation(account_id))
    change = master_orders.correct_party(
        order, party, name=name, unknown=unknown, **_details(options)
    )
    finish(change, who)


@pms_cli.cli.command("correct-product")
@click.argument("product", metavar="NAME")
@product_kind_option()
@click.option("--vendor", metavar="TEXT", help="Its actual vendor.")
@click.option("--model", metavar="TEXT", help="Its actual model.")
@click.option("--revision", metavar="TEXT", help="Its actual revision.")
@product_options
@unknown_option("revision", "datasheet", "remark", "or the name of a parameter")
@account_option
@author_options(note_required=True)
@one_line_errors
def correct_product(
    product: str,
    kind: str | None,
    vendor: str | None,
    model: str | None,
    revision: str | None,
    unknown: tuple[str, ...],
    account_id: int | None,
    who: Author,
    **options: Any,
) -> None:
    """Correct what is registered of a product, given by vendor, model and revision.

    \b
    Example:
      flexmeasures pms correct-product "ACME LF280K v3" --parameter rated_capacity_Ah=282 \\
          --note "datasheet of May"
    """
    order = Order(who, account_id=organisation(account_id))
    name = ProductName(vendor=vendor, model=model, revision=revision)
    change = master_orders.correct_product(
        order, product, kind=kind, name=name, unknown=unknown, **_details(options)
    )
    finish(change, who)


@pms_cli.cli.command("correct-batch")
@click.argument("lot")
@click.option("--product", required=True, metavar="NAME", help="The product that it is of.")
@product_kind_option()
@click.option("--lot", "new_lot", metavar="TEXT", help="Its actual lot.")
@click.option("--other-product", "new_product", metavar="NAME", help="Its actual product.")
@batch_options
@unknown_option("made", "supplier", "purchase", "remark")
@account_option
@author_options(note_required=True)
@one_line_errors
def correct_batch(
    lot: str,
    product: str,
    account_id: int | None,
    who: Author,
    **options: Any,
) -> None:
    """Correct what is registered of a batch, and so of all that is of it.

    \b
    Example:
      flexmeasures pms correct-batch L2407 --product "ACME LF280K v3" --made 2024-07-03 \\
          --note "as on the label"
    """
    order = Order(who, account_id=organisation(account_id))
    change = master_orders.correct_batch(order, product, lot, **_details(options))
    finish(change, who)


@pms_cli.cli.command("correct-origin")
@click.argument("ident", metavar="ID")
@kind_option
@origin_options
@unknown_option(
    "product", "batch", "serial", "made", "supplier", "purchase", "purchased", "warranty-until"
)
@account_option
@author_options(note_required=True)
@one_line_errors
def correct_origin(
    ident: str,
    kind: str | None,
    unknown: tuple[str, ...],
    account_id: int | None,
    who: Author,
    **details: Any,
) -> None:
    """Correct where something comes from, as `procure` recorded it.

    \b
    Example:
      flexmeasures pms correct-origin 269 --serial 00314 --note "digits swapped"
    """
    order = Order(who, account_id=account_id)
    change = master_orders.correct_origin(order, ident, kind=kind, unknown=unknown, **details)
    finish(change, who)
