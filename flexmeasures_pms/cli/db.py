"""Commands for the plugin's tables."""

from __future__ import annotations

import click
from flexmeasures.data import db
from sqlalchemy.exc import OperationalError, ProgrammingError

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.errors import SchemaError
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
    try:
        with db.engine.connect() as connection:
            before = schema.current(connection)
        after = schema.upgrade()
    except (SchemaError, OperationalError, ProgrammingError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    if before == after:
        click.echo(f"The tables of flexmeasures-pms are at revision {after} already.")
    else:
        click.echo(f"The tables of flexmeasures-pms are at revision {after} now.")


@tables.command("current")
def current() -> None:
    """Print the revision of the plugin's tables; fail if the code needs another.

    \b
    Example:
      flexmeasures pms db current
    """
    try:
        with db.engine.connect() as connection:
            click.echo(schema.current(connection) or "none")
            schema.check(connection)
    except (SchemaError, OperationalError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
