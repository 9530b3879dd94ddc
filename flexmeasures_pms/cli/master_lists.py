"""Commands that list products, parties and batches."""

from __future__ import annotations

from collections.abc import Iterable

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import account_option, json_option, one_line_errors, organisation
from flexmeasures_pms.cli.output import paragraph, print_json
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.kinds import words
from flexmeasures_pms.registry.master import queries
from flexmeasures_pms.registry.master.records import Recorded, party_record, product_record
from flexmeasures_pms.registry.master.rules import WORDS

_IN_TITLE = ("name", "kind", "roles", "lot", "product", "vendor", "model", "revision", "things")


@pms_cli.cli.command("parties")
@account_option
@json_option
@one_line_errors
def parties(account_id: int | None, as_json: bool) -> None:
    """List suppliers, customers, partners and service companies.

    \b
    Example:
      flexmeasures pms parties --account 1
    """
    found = [{"id": p.id, **party_record(p)} for p in queries.parties(organisation(account_id))]
    _print(found, as_json, "No party is registered.")


@pms_cli.cli.command("products")
@account_option
@json_option
@one_line_errors
def products(account_id: int | None, as_json: bool) -> None:
    """List products with their parameters.

    \b
    Example:
      flexmeasures pms products --json
    """
    found = [{"id": p.id, **product_record(p)} for p in queries.products(organisation(account_id))]
    _print(found, as_json, "No product is registered.")


@pms_cli.cli.command("batches")
@account_option
@json_option
@one_line_errors
def batches(account_id: int | None, as_json: bool) -> None:
    """List batches with how many things are of each.

    \b
    Example:
      flexmeasures pms batches --account 1
    """
    found = [listed.as_json() for listed in queries.batches(organisation(account_id))]
    _print(found, as_json, "No batch is registered.")


def _print(records: list[Recorded], as_json: bool, nothing: str) -> None:
    if as_json:
        print_json(records)
        return
    for record in records:
        click.echo(paragraph(_title(record), *_lines(record), indent=2))
    if not records:
        click.echo(nothing)


def _title(record: Recorded) -> str:
    if "lot" in record:
        of = f"{record['lot']}: {words(record['kind'])} {record['product']}"
        return f"{of}, {counted(record['things'], 'thing')}"
    if "kind" in record:
        return f"{record['name']}: {words(record['kind'])}"
    return ": ".join(filter(None, (record["name"], ", ".join(record["roles"]))))


def _lines(record: Recorded) -> Iterable[str]:
    parameters = record.get("parameters", {})
    if parameters:
        yield ", ".join(f"{name} {value}" for name, value in parameters.items())
    for field, value in record.items():
        if field not in ("id", "parameters", *_IN_TITLE):
            yield f"{WORDS[field]}: {value}"
