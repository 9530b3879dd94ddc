"""``flexmeasures pms recording``: which readings of an asset are written."""

from __future__ import annotations

import click
from flexmeasures.data import db

from flexmeasures_pms.beliefs import recordings
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.catalogue.recording import parse, written
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import account_option, one_line_errors
from flexmeasures_pms.registry.queries.search import Found, find_one

ident_argument = click.argument("ident", metavar="ID")
kind_option = click.option(
    "--kind",
    type=click.Choice(list(BY_ASSET_TYPE)),
    help="Which kind the id is of, if several have this id.",
)


def _asset(ident: str, kind: str | None, account_id: int | None) -> Found:
    kinds = [kind] if kind else list(BY_ASSET_TYPE)
    return find_one(ident, kinds=kinds, account_id=account_id)


@pms_cli.cli.group("recording")
def recording_group() -> None:
    """Show or choose how the quantities of one asset are recorded."""


@recording_group.command("show")
@ident_argument
@kind_option
@account_option
@one_line_errors
def show(ident: str, kind: str | None, account_id: int | None) -> None:
    """Show how each quantity of an asset is recorded, and who chose that.

    \b
    Example:
      flexmeasures pms recording show 269
    """
    found = _asset(ident, kind, account_id)
    for line in recordings.explained(found.id, found.kind):
        click.echo(f"{line.quantity:<24}{written(line.deadband):<16}{line.chosen_by}")


@recording_group.command("set")
@ident_argument
@click.argument("quantity")
@click.argument("policy")
@kind_option
@account_option
@one_line_errors
def choose(
    ident: str, quantity: str, policy: str, kind: str | None, account_id: int | None
) -> None:
    """Choose how a quantity of one asset is recorded from now on.

    POLICY is 'every', 'change', or 'change' and a deadband in the quantity's unit: a reading
    within the deadband of the last written one is not written.

    \b
    Example:
      flexmeasures pms recording set 269 "cell voltage" "change 0.002"
    """
    found = _asset(ident, kind, account_id)
    deadband = parse(policy)
    recordings.choose(found.id, found.kind, quantity, deadband)
    db.session.commit()
    click.echo(f"From now on {quantity} of {found.kind} {found.ident}: {written(deadband)}.")


@recording_group.command("reset")
@ident_argument
@click.argument("quantity")
@kind_option
@account_option
@one_line_errors
def reset(ident: str, quantity: str, kind: str | None, account_id: int | None) -> None:
    """Record a quantity of one asset by the default policy again.

    \b
    Example:
      flexmeasures pms recording reset 269 "cell voltage"
    """
    found = _asset(ident, kind, account_id)
    now = recordings.reset(found.id, found.kind, quantity)
    db.session.commit()
    click.echo(f"From now on {quantity} of {found.kind} {found.ident}: {written(now)}.")
