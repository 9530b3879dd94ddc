"""Commands that import and export files of parties, products and batches."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import click
from flexmeasures.data import db

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    author_options,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.cli.consent import agree, yes_option
from flexmeasures_pms.cli.import_text import fault_line
from flexmeasures_pms.cli.output import wrapped
from flexmeasures_pms.cli.text import in_zone
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.registry.importing.importer import of_file
from flexmeasures_pms.registry.importing.record_files import (
    COLUMNS_OF,
    ImportedRecords,
    export_records,
    import_records,
)
from flexmeasures_pms.registry.master.records import RecordKind
from flexmeasures_pms.registry.queries.clocks import site_clock

_PLURAL: dict[RecordKind, str] = {"party": "parties", "product": "products", "batch": "batches"}
_MORE: dict[RecordKind, str] = {
    "party": "Several roles are divided by commas.",
    "product": "Parameters are in columns such as parameter.rated_capacity_Ah.",
    "batch": "The products and suppliers must be registered.",
}


def _add_import(kind: RecordKind) -> None:
    """Add the command that imports a file of records of a kind."""
    plural = _PLURAL[kind]

    @pms_cli.cli.command(f"import-{plural}")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @yes_option
    @click.option("--dry-run", is_flag=True, help="Only show what would change.")
    @account_option
    @author_options()
    @one_line_errors
    def import_(file: Path, yes: bool, dry_run: bool, account_id: int | None, who: Author) -> None:
        _import(kind, file, organisation(account_id), of_file(who, file.name), yes, dry_run)

    import_.help = (
        f"Register {plural} from a CSV file with one line for each.\n\n"
        f"Columns: {', '.join(COLUMNS_OF[kind])}. {_MORE[kind]} An empty field says nothing. "
        "A line that contradicts what is registered is refused, and the file with it. The same "
        "file again changes nothing.\n\n\b\nExample:\n"
        f"  flexmeasures pms import-{plural} {plural}.csv --account 1 --dry-run"
    )


def _add_export(kind: RecordKind) -> None:
    """Add the command that writes the records of a kind as a file."""
    plural = _PLURAL[kind]

    @pms_cli.cli.command(f"export-{plural}")
    @click.argument(
        "file", type=click.File("w", encoding="utf-8", lazy=True), default="-", metavar="[FILE|-]"
    )
    @click.option(
        "--semicolons", is_flag=True, help="Between fields, for spreadsheets with decimal commas."
    )
    @account_option
    @one_line_errors
    def export_(file: IO[str], semicolons: bool, account_id: int | None) -> None:
        file.write(export_records(organisation(account_id), kind, ";" if semicolons else ","))

    export_.help = (
        f"Write the {plural} to a CSV file, as import-{plural} reads it.\n\n\b\nExample:\n"
        f"  flexmeasures pms export-{plural} {plural}.csv --account 1"
    )


for _kind in _PLURAL:
    _add_import(_kind)
    _add_export(_kind)


def _import(
    kind: RecordKind, file: Path, account_id: int, who: Author, yes: bool, dry_run: bool
) -> None:
    """Show what a file would do, ask, and do it."""
    data, said = file.read_bytes(), in_zone(site_clock(account_id))
    checked = import_records(account_id, kind, data, who, dry_run=True)
    db.session.rollback()
    for fault in checked.faults:
        click.echo(wrapped(fault_line(fault, said)), err=True)
    _refuse_faulty(checked)
    for line in checked.change.lines if dry_run or not yes else ():
        click.echo(wrapped(would_be(line).render(said)))
    if dry_run:
        click.echo(_counts(checked, "would change"))
        return
    if checked.changed:
        agree("Import it", yes=yes, otherwise="Nothing was imported")
    done = import_records(account_id, kind, data, who)
    _refuse_faulty(done)
    db.session.commit()
    for line in done.change.lines:
        click.echo(wrapped(line.render(said)))
    click.echo(_counts(done, "changed"))


def _refuse_faulty(result: ImportedRecords) -> None:
    if result.faults:
        faulty = f"{len(result.faults)} of {counted(result.rows, 'line')}"
        raise RegistryError(f"Nothing was imported, because of faults in {faulty}.")


def _counts(result: ImportedRecords, did: str) -> str:
    same = result.rows - result.changed
    return (
        f"{counted(result.rows, 'line')}: {result.changed} {did} the registry, "
        f"{same} say what it has."
    )
