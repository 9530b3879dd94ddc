"""Commands for the plugin's tables."""

from __future__ import annotations

import click
from flexmeasures.data import db

from flexmeasures_pms.beliefs import removal
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.consent import agree, yes_option
from flexmeasures_pms.migrations import downgrade as downgrading
from flexmeasures_pms.migrations import sample_tables, schema
from flexmeasures_pms.plural import counted

_SAMPLE_BYTES = 500
"""Of a hot sample of a pack, with its index (docs/recording.md)."""


@pms_cli.cli.group("db")
def tables() -> None:
    """Upgrade, check, downgrade and remove the plugin's tables."""


@tables.command("upgrade")
def upgrade() -> None:
    """Create or upgrade the plugin's tables. FlexMeasures' own tables are not changed.

    \b
    Example:
      flexmeasures db upgrade
      flexmeasures pms db upgrade
    """
    done = schema.upgrade(_say_that_it_waits)
    if done.before == done.after:
        click.echo(
            f"The tables of flexmeasures-pms are at revision {done.after} already: nothing to do."
        )
    else:
        click.echo(f"The tables of flexmeasures-pms are at revision {done.after} now.")
    with db.engine.connect() as connection:
        if not sample_tables.is_adopted(connection):
            click.echo(
                f"Now run `{schema.ADOPT}`: until then no telemetry is accepted, for the log of "
                "samples lacks what was stored before."
            )


@tables.command("current")
def current() -> None:
    """Print the revision of the plugin's tables; fail if the code needs another.

    \b
    Example:
      flexmeasures pms db current
    """
    with db.engine.connect() as connection:
        click.echo(schema.current(connection) or "none")
        schema.check(connection)


@tables.command("downgrade")
@click.argument("revision")
@yes_option
def downgrade(revision: str, yes: bool) -> None:
    """Bring the plugin's tables back to REVISION, for an earlier version of the plugin.

    It lists which rows are lost, and which folded days become samples again, and asks if there are
    any. `none` drops all tables. Stop the web processes and workers first, and install the earlier
    version of the plugin afterwards.

    \b
    Example:
      flexmeasures pms db downgrade 0012
    """
    planned = downgrading.losses(revision, _say_that_it_waits)
    if planned is None:
        click.echo(f"The tables of flexmeasures-pms are at revision {revision}: nothing to do.")
        return
    if planned.lost:
        click.echo(f"From revision {planned.before} back to {revision} these are lost:")
        _list(planned)
    _say_what_is_thawed(planned)
    if planned.lost or any(planned.thawed):
        agree("Go on", yes=yes, err=False)
    downgrading.downgrade(planned, _say_that_it_waits)
    click.echo(f"The tables of flexmeasures-pms are at revision {revision} now.")


@tables.command("remove")
@click.option(
    "--with-assets",
    is_flag=True,
    help="Also the assets that the plugin made, with their sensors and all their telemetry.",
)
@yes_option
def remove(with_assets: bool, yes: bool) -> None:
    """Remove the plugin's tables from the database, for good.

    It lists what is lost, and asks. Without --with-assets the telemetry stays: cases, cabinets and
    devices remain assets of FlexMeasures, and nothing tells any more which of them are the
    plugin's. Stop the web processes and workers first, and make a backup.

    \b
    Example:
      flexmeasures pms db remove --with-assets
    """
    planned = downgrading.losses(downgrading.NOTHING, _say_that_it_waits)
    made = removal.made()
    if planned is None:
        # An earlier removal may have been cut off here.
        downgrading.forget_revisions()
        click.echo("There are no tables of flexmeasures-pms: nothing to do.")
        return
    click.echo("These tables are dropped with their rows:")
    _list(planned)
    _list_assets(made, with_assets=with_assets)
    agree("Go on", yes=yes, err=False)
    if with_assets:
        removal.remove(made.sources)
    downgrading.downgrade(planned, _say_that_it_waits)
    downgrading.forget_revisions()
    click.echo(
        "The tables of flexmeasures-pms are removed. Now remove it from FLEXMEASURES_PLUGINS."
    )


def _say_what_is_thawed(planned: downgrading.Losses) -> None:
    days, samples = planned.thawed
    if days:
        click.echo(
            f"{counted(days, 'folded day')} of things {'becomes' if days == 1 else 'become'} "
            f"{counted(samples, 'sample')} again, which the earlier version can fold: about "
            f"{samples * _SAMPLE_BYTES / 1e9:,.1f} GB until then. Nothing of them is lost."
        )


def _list(planned: downgrading.Losses) -> None:
    for loss in planned.lost:
        if loss.column is None:
            click.echo(f"  table {loss.table}: {counted(loss.rows, 'row')}")
        else:
            click.echo(f"  column {loss.column} of {loss.table}: {counted(loss.rows, 'value')}")
    if not planned.lost:
        click.echo("  none has rows")


def _list_assets(made: removal.Made, *, with_assets: bool) -> None:
    if not made:
        return
    words = (
        f"{counted(made.assets, 'asset')} with {counted(made.sensors, 'sensor')} and their "
        f"telemetry, and {counted(len(made.sources), 'data source')}"
    )
    if with_assets:
        click.echo(f"Also removed from FlexMeasures: {words}.")
    else:
        click.echo(f"Kept in FlexMeasures: {words} (--with-assets removes them).")


def _say_that_it_waits() -> None:
    click.echo("Another upgrade of these tables is running: waiting for it.")
