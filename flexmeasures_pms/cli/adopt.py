"""The command that takes over what earlier versions stored."""

from __future__ import annotations

from collections.abc import Iterator

import click
from flexmeasures.data import db

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import progress_bar
from flexmeasures_pms.cli.output import wrapped
from flexmeasures_pms.migrations import sample_tables, schema
from flexmeasures_pms.plural import counted
from flexmeasures_pms.storage.adoption.adopt import Adopted, adopt, days, planned


@pms_cli.cli.command("adopt")
def adopt_() -> None:
    """Take over into the log of samples what an earlier version stored, after an upgrade.

    Until that is done no telemetry is accepted. It takes a thing and a day at a time, compares
    each value, and can be interrupted and run again. Beliefs stay as they are; a reading that was
    not written because it repeats one of the quarter of an hour before is written now.

    \b
    Example:
      flexmeasures pms db upgrade
      flexmeasures pms adopt
    """
    # Held until the end: no upgrade, and no second command like this, may run meanwhile.
    with db.engine.begin() as connection:
        schema.take_turns(connection, _say_that_it_waits)
        schema.check_revision(connection)
        if sample_tables.is_adopted(connection):
            click.echo("All is in the log of samples already: nothing to do.")
            return
        found = planned()
        with progress_bar("Adopting", days(found)) as tell:
            done = adopt(found, tell)
    for line in _told(done):
        click.echo(wrapped(line))


def _told(done: Adopted) -> Iterator[str]:
    found = done.compared
    if found.differing:
        which = f"all but {counted(found.differing, 'belief')} of {found.beliefs}"
    else:
        which = f"all of {counted(found.beliefs, 'belief')}"
    yield (
        f"The log has {counted(found.samples, 'sample')} of {counted(done.things, 'thing')} now, "
        f"with the very values of {which}."
    )
    if found.differing:
        yield (
            "Where they differ, the log had the value of another source of the same device "
            "already, and keeps it."
        )
    if done.written:
        yield (
            f"It added {counted(done.written, 'belief')}, of readings that had been left out since "
            "they repeat one of the quarter of an hour before."
        )
    if found.unknown:
        yield (
            f"It found no value of {counted(found.unknown, 'reading')}, since the beliefs that "
            "these repeat were deleted: they are stored when they are sent again."
        )
    if found.strange:
        yield (
            f"It left out {counted(found.strange, 'belief')} of gateways that are not registered."
        )


def _say_that_it_waits() -> None:
    click.echo("An upgrade or another command like this is running: waiting for it.")
