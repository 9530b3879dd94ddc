"""The command that writes the registry as a file."""

from __future__ import annotations

from typing import IO

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import account_option, one_line_errors, organisation
from flexmeasures_pms.registry.importing.export import export
from flexmeasures_pms.registry.importing.template import template


@pms_cli.cli.command("export-registry")
@click.argument(
    "file", type=click.File("w", encoding="utf-8", lazy=True), default="-", metavar="[FILE|-]"
)
@click.option("--template", "empty", is_flag=True, help="Only all columns, with an example.")
@click.option(
    "--semicolons", is_flag=True, help="Between fields, for spreadsheets with decimal commas."
)
@account_option
@one_line_errors
def export_registry(file: IO[str], empty: bool, semicolons: bool, account_id: int | None) -> None:
    """Write the registry to a CSV file, as import-registry reads it.

    A line for each PMS, cabinet, case and spare part, with what is installed where now.
    Imported again it changes nothing. What a spreadsheet would change or run is in square
    brackets: [0241] is the id 0241. Edit it, look at it with `import-registry --dry-run`,
    and import it.

    \b
    Examples:
      flexmeasures pms export-registry site.csv --account 1
      flexmeasures pms export-registry --template
    """
    delimiter = ";" if semicolons else ","
    text = template(delimiter) if empty else export(organisation(account_id), delimiter)
    file.write(text)
