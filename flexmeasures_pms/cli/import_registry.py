"""The command that imports a registry file, and the one that makes assets which lack."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psycopg2
from flexmeasures.data import db
from sqlalchemy.exc import DBAPIError

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    Option,
    account_option,
    author_options,
    one_line_errors,
    organisation,
    progress_bar,
)
from flexmeasures_pms.cli.consent import agree
from flexmeasures_pms.cli.import_text import (
    counts,
    fault_line,
    problem_lines,
    refusal,
    summary_lines,
)
from flexmeasures_pms.cli.output import wrapped
from flexmeasures_pms.cli.text import in_zone
from flexmeasures_pms.entry import Interrupted
from flexmeasures_pms.errors import RegistryError, StorageBusy
from flexmeasures_pms.ingest.follow_up import complete
from flexmeasures_pms.ingest.registry_file import LinesDone, write_rows
from flexmeasures_pms.registry.editing import pending
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.registry.importing.importer import (
    Imported,
    OutdatedCheck,
    import_file,
    of_file,
)
from flexmeasures_pms.registry.importing.importer_csv import read_rows
from flexmeasures_pms.registry.importing.rows import ImportRules
from flexmeasures_pms.registry.kinds import CABINET, PMS
from flexmeasures_pms.registry.messages.message import Message, Renderer
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.registry.queries.search import search
from flexmeasures_pms.storage.session import abandon


def _allow(what: str, text: str) -> Option[Any]:
    """Add an option that lets through what is refused otherwise."""
    return click.option(f"--allow-{what}", what.replace("-", "_"), is_flag=True, help=text)


@pms_cli.cli.command("import-registry")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Import it without asking.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--skip-faulty", is_flag=True, help="Import the other lines of a faulty file.")
@click.option(
    "--planned", is_flag=True, help="Times in valid_from may be planned, up to a year ahead."
)
@click.option(
    "--short-lines", is_flag=True,
    help="Lines may lack their last fields, as some spreadsheets write empty ones.",
)  # fmt: skip
@_allow("similar-ids", "Also register ids that differ from others only by leading zeros.")
@_allow("spreadsheet-ids", "Also register ids as spreadsheets change them, such as 241.0.")
@_allow("placeholders", "Also register ids such as N/A, TBD or Total.")
@_allow("stripped-cases", "Parts may leave an installed case, with nothing in their place.")
@_allow("other-pms", "A cabinet that is installed in a PMS may go to another, or out of it.")
@account_option
@author_options()
@one_line_errors
def import_registry(
    file: Path, yes: bool, dry_run: bool, account_id: int | None, who: Author, **rules: bool
) -> None:
    """Update the registry from a CSV file with one line for each case.

    Shows what is new and what changes its place, and asks before it writes; where nobody can
    be asked it needs --yes. Only the column pack.id is needed; `export-registry --template`
    writes all of them. An empty field changes nothing; unknown columns are ignored. A case
    or part may be on several lines if each has a valid_from.

    \b
    Examples:
      flexmeasures pms import-registry cases.csv --account 1 --dry-run
      flexmeasures pms import-registry cases.csv --account 1 --yes
    """
    data = file.read_bytes()
    accepted = ImportRules(**rules)
    account_id = organisation(account_id or _organisation_of(data, accepted))
    who, said = of_file(who, file.name), in_zone(site_clock(account_id))
    shown: _Shown | None = None
    while True:
        result = import_file(account_id, data, author=who, dry_run=True, rules=accepted)
        db.session.rollback()
        before, shown = shown, _shown(result, said)
        new_to_see = shown != before
        if new_to_see:
            lines = result.change.lines if dry_run else ()
            _show(shown, [would_be(line).render(said) for line in lines], accepted)
            if dry_run:
                click.echo(shown.counts)
                return
            _confirm(result, yes=yes)
        try:
            # Where packs move, the registry changes all the time, which must not keep a file
            # out: what was shown twice, or to nobody, is only compared batch by batch.
            pinned = new_to_see and not yes
            click.echo(counts(_write(result, who, accepted, said, pinned=pinned)))
            return
        except OutdatedCheck:
            abandon()
            click.echo("The registry was changed since: the file is checked again.", err=True)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is printed of a file before it is imported."""

    problems: tuple[str, ...]
    refusal: str
    summary: tuple[str, ...]
    counts: str


def _shown(result: Imported, said: Renderer) -> _Shown:
    return _Shown(
        tuple(problem_lines(result, said)),
        refusal(result) if result.faults else "",
        tuple(summary_lines(result.summary, said)),
        counts(result),
    )


def _show(shown: _Shown, lines: Sequence[str], rules: ImportRules) -> None:
    """Print what a file would do.

    :param lines: what its lines would do, one by one.
    :raises RegistryError: if it has faults that are not to be skipped.
    """
    for line in shown.problems:
        click.echo(wrapped(line), err=True)
    if shown.refusal and not rules.skip_faulty:
        raise RegistryError(shown.refusal)
    for line in (*lines, *shown.summary):
        click.echo(wrapped(line))


def _confirm(result: Imported, *, yes: bool) -> None:
    """Ask whether to change the registry.

    :raises RegistryError: if nobody can be asked.
    """
    if yes or not result.changed:
        return
    if not _is_terminal():
        raise RegistryError(
            f"Nothing was imported, because nobody can be asked. {counts(result)} Give --yes to "
            "import it, or --dry-run to see each line."
        )
    click.echo(counts(result))
    agree("Import it", yes=False, otherwise="Nothing was imported", err=False)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _write(
    checked: Imported,
    who: Author,
    rules: ImportRules,
    said: Renderer,
    *,
    pinned: bool,
) -> Imported:
    """Write what was checked, and let everything follow; say how to go on after Ctrl-C."""
    progress, length = LinesDone(), len(checked.usable)
    try:
        with progress_bar("Registering", length) as tell:
            result = write_rows(
                checked, progress, author=who, rules=rules, pinned=pinned, tell=tell
            )
    except (KeyboardInterrupt, StorageBusy, DBAPIError, psycopg2.Error) as error:
        abandon()
        raise _cut_off(
            error,
            f"{progress.done} of {length} lines are imported. Import the "
            "file again to go on: those change nothing then, and assets that lack are made.",
        ) from None
    for fault in progress.faults:
        click.echo(wrapped(fault_line(fault, said)), err=True)
    for line in result.change.lines:
        click.echo(wrapped(line.render(said)))
    # Also for lines that an import wrote which was cut off: they change nothing now.
    for line in make_assets(checked.change.account_id, progress.moved):
        click.echo(wrapped(line.render(said)))
    return result


def _cut_off(error: BaseException, state: str) -> click.ClickException:
    """Return why what is done in steps ended between them, with what is done and what to do."""
    if isinstance(error, KeyboardInterrupt):
        return Interrupted(f"Interrupted: {state}")
    busy = isinstance(error, StorageBusy)
    why = "The database is too busy" if busy else "The database is not available"
    return click.ClickException(f"{why}: {state}")


def _organisation_of(data: bytes, rules: ImportRules) -> int | None:
    """Return the organisation of the PMSes and cabinets in the file, if there is only one."""
    named = {
        (kind, row.ids[name])
        for row in read_rows(data, rules).rows
        for kind, name in ((PMS, "pms.id"), (CABINET, "cabinet.id"))
        if name in row.ids
    }
    found = {match.account_id for kind, text in named for match in search(text, kinds=[kind])}
    return found.pop() if len(found) == 1 else None


@pms_cli.cli.command("make-assets")
@account_option
@one_line_errors
def make_assets_(account_id: int | None) -> None:
    """Make the FlexMeasures assets and sensors that an interrupted command left out.

    Then samples that waited for them are replayed. Assets that were deleted in FlexMeasures are
    not made again: register their things again for that.

    \b
    Example:
      flexmeasures pms make-assets --account 1
    """
    account_id = organisation(account_id)
    if not pending.number(account_id):
        click.echo("Nothing lacks.")
        return
    said = in_zone(site_clock(account_id))
    for line in make_assets(account_id):
        click.echo(wrapped(line.render(said)))
    click.echo("Nothing lacks any more.")


def make_assets(account_id: int, moved: Sequence[Message] = ()) -> tuple[Message, ...]:
    """Make assets and sensors of all that lack them, and replay samples.

    :param moved: sentences that stand between those about assets and those about samples.
    """
    length = pending.number(account_id)
    try:
        with progress_bar("Making assets", length) as tell:
            effects = complete(account_id, tell=tell)
    except (KeyboardInterrupt, StorageBusy, DBAPIError, psycopg2.Error) as error:
        abandon()
        raise _cut_off(
            error,
            "all is registered, and some assets lack. Make them with "
            f"`flexmeasures pms make-assets --account {account_id}`; they are also made when a "
            "pack first reports.",
        ) from None
    return (*effects.provided(), *moved, *effects.stored())
