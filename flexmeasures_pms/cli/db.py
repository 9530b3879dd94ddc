"""Commands for the plugin's tables."""

from __future__ import annotations

import click
from flexmeasures.data import db

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.migrations import schema


@pms_cli.cli.group("db")
def tables() -> None:
    """Upgrade and check the plugin's tables."""


@tables.command("upgrade")
def upgrade() -> None:
    """Create or upgrade the plugin's tables. FlexMeasures' own tables are not changed.

    \b
    Example:
      flexmeasures db upgrade
      flexmeasures pms db upgrade
    """
    done = schema.upgrade(
        lambda: click.echo("Another upgrade of these tables is running: waiting for it.")
    )
    if done.before == done.after:
        click.echo(
            f"The tables of flexmeasures-pms are at revision {done.after} already: nothing to do."
        )
    else:
        click.echo(f"The tables of flexmeasures-pms are at revision {done.after} now.")


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
