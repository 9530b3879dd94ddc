"""The command that writes readings to a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import MOMENT, account_option, one_line_errors
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.overview.export import KINDS, export_of
from flexmeasures_pms.overview.export_files import MIMETYPES, blocks
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.queries.search import find_one
from flexmeasures_pms.storage.log.series import bounds


@pms_cli.cli.command("export")
@click.argument("idents", metavar="DEVICE...", nargs=-1, required=True)
@click.option("--start", type=MOMENT, metavar="TIME", help="By default the first reading.")
@click.option("--end", type=MOMENT, metavar="TIME", help="By default now.")
@click.option(
    "--format", "file_format", type=click.Choice(list(MIMETYPES)), default="csv", show_default=True
)
@click.option(
    "--output", type=click.File("wb", lazy=True, atomic=True), default="-", metavar="FILE",
    help="By default standard output.",
)  # fmt: skip
@click.option("--kind", type=click.Choice(KINDS), help="Which kind the ids are of.")
@account_option
@one_line_errors
def export(
    idents: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    file_format: str,
    output: IO[bytes],
    kind: str | None,
    account_id: int | None,
) -> None:
    """Write all readings of cases or devices of one kind to a file.

    There is a row for each sample, with its time (UTC), the id of the case or device, the
    device that reported it, and a column for each sensor with its unit. Parquet needs
    flexmeasures-pms[parquet].

    \b
    Examples:
      flexmeasures pms export 0241 --start 2026-03-01T00:00:00+07:00 > 0241.csv
      flexmeasures pms export 0241 0242 --format parquet --output packs.parquet
    """
    registered, things = _things(idents, kind, account_id)
    first = min((known[0] for thing in things if (known := bounds(thing.id))), default=None)
    last = end or datetime.now(UTC)
    begin = start or min(first or last, last)
    if start is not None and begin >= last:
        raise RegistryError("Give a time with --start that is before the one of --end, and now.")
    for block in blocks(export_of(registered, things, begin, last), file_format):
        output.write(block)


def _things(
    idents: Sequence[str], kind: str | None, account_id: int | None
) -> tuple[Directory, list[Entry]]:
    kinds = KINDS if kind is None else (kind,)
    found = [find_one(ident, kinds=kinds, account_id=account_id) for ident in idents]
    if len({one.account_id for one in found}) > 1 or len({one.kind for one in found}) > 1:
        raise RegistryError("Export things of each kind and organisation by themselves.")
    registered = load_directory(found[0].account_id)
    numbers = dict.fromkeys(one.id for one in found)
    return registered, [registered.entry(number) for number in numbers]
