"""``flexmeasures pms ingest``: store telemetry from files."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from flexmeasures_pms.catalogue.asset_types import DATASETS, DatasetName
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    json_option,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import AmbiguousId, Problem, UnknownId
from flexmeasures_pms.ingest.files import batches, ingest_file
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.ingest.receipt import Receipt, ReceiptCounts
from flexmeasures_pms.registry.queries.search import search

MOST_PROBLEMS = 20

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@pms_cli.cli.command("ingest")
@click.argument("files", nargs=-1, required=True, type=EXISTING)
@click.option("--dataset", type=click.Choice(DATASETS), default="pms", show_default=True)
@account_option
@json_option
@one_line_errors
def ingest(
    files: tuple[Path, ...], dataset: DatasetName, account_id: int | None, as_json: bool
) -> None:
    """Store telemetry from files: JSON, JSON lines or CSV, also with .gz.

    Samples that can't be stored wait in quarantine. After an interruption, run it again:
    samples that are already stored are counted as duplicates.

    \b
    Example:
      flexmeasures pms ingest march.csv april.csv.gz
    """
    total = ReceiptCounts()
    problems: list[Problem] = []
    found = skipped = 0
    for path in files:
        for receipt in _ingest_one(path, dataset, account_id, quiet=as_json):
            total.add(receipt.counts)
            problems += receipt.problems[: MOST_PROBLEMS - len(problems)]
            found += len(receipt.problems) + receipt.more_problems
            skipped += receipt.skipped
    if as_json:
        report = {"receipt": total, "problems": problems, "more_problems": found - len(problems)}
        click.echo(msgspec.json.encode(report | {"skipped": skipped}))
        return
    _say_problems(problems, found)
    click.echo(_in_words(total, skipped))


def _ingest_one(
    path: Path, dataset: DatasetName, account_id: int | None, *, quiet: bool
) -> list[Receipt]:
    owner = _organisation(path, dataset, account_id)
    with click.progressbar(length=path.stat().st_size, label=path.name, hidden=quiet) as bar:
        return list(
            ingest_file(path, dataset, account_id=owner, settings=settings(), progress=bar.update)
        )


def _organisation(path: Path, dataset: DatasetName, account_id: int | None) -> int:
    """Return the organisation of the devices in a file, or the one that was given."""
    if account_id is not None:
        return organisation(account_id)
    first = next(batches(path, dataset, decoding_limits(settings()), lambda _: None))
    devices = sorted({sample.device_id for sample in first.samples if sample.device_id})
    owners = {f.account_id for device in devices for f in search(device, kinds=[dataset])}
    if not owners:
        named = ", ".join(devices[:3]) or "nothing"
        raise UnknownId(
            f"{path.name}: no organisation has registered {named}. Register it, or name the "
            "organisation with --account to keep the samples in its quarantine."
        )
    if len(owners) > 1:
        raise AmbiguousId(
            f"{path.name}: organisations {', '.join(map(str, sorted(owners)))} have devices with "
            "these ids: say which with --account."
        )
    return owners.pop()


def _say_problems(problems: list[Problem], found: int) -> None:
    for problem in problems:
        click.echo(f"{problem.path}: {problem.message}", err=True)
    if found > len(problems):
        click.echo(f"… and {found - len(problems)} more problems.", err=True)


def _in_words(counts: ReceiptCounts, skipped: int) -> str:
    parts = {
        "duplicate": counts.duplicate,
        "in quarantine": counts.quarantined,
        "without answer": counts.no_answer,
        "late": counts.late,
    }
    said = "".join(f", {number} {words}" for words, number in parts.items() if number)
    faulty = f" Left out {counts.faulty} faulty readings." if counts.faulty else ""
    rows = f" Skipped {skipped} rows." if skipped else ""
    return (
        f"{counts.samples} samples: {counts.stored} stored ({counts.beliefs} beliefs){said}."
        f"{faulty}{rows}"
    )
