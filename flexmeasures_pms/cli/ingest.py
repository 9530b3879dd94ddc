"""``flexmeasures pms ingest``: store telemetry from files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from flexmeasures_pms.catalogue.asset_types import DATASETS, DatasetName
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    account_option,
    json_option,
    one_line_errors,
    organisation,
    progress_bar,
)
from flexmeasures_pms.cli.output import print_json
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import AmbiguousId, MisshapenBody, Problem, UnknownId, WireError
from flexmeasures_pms.ingest.files import batches, ingest_file
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.ingest.receipt import Receipt, ReceiptCounts
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.queries.search import search

MOST_PROBLEMS = 20

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(slots=True)
class _File:
    """What became of a file.

    :param stretches: counts of what stands before, between and after the bad places.
    :param places: that could not be read, each with what is wrong there.
    :param error: why it could not be read, or not to its end.
    """

    name: str
    counts: ReceiptCounts = field(default_factory=ReceiptCounts)
    stretches: list[ReceiptCounts] = field(default_factory=lambda: [ReceiptCounts()])
    places: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    found: int = 0
    skipped: int = 0
    error: str = ""

    def add(self, receipt: Receipt, place: Problem | None) -> None:
        """Add a batch."""
        if place is not None:
            self.places.append(place)
            self.stretches.append(ReceiptCounts())
        self.counts.add(receipt.counts)
        self.stretches[-1].add(receipt.counts)
        self.problems += receipt.problems[: MOST_PROBLEMS - len(self.problems)]
        self.found += len(receipt.problems) + receipt.more_problems
        self.skipped += receipt.skipped

    @property
    def has_stored(self) -> bool:
        """Whether any sample of it is in the database now."""
        return self.counts.stored + self.counts.duplicate + self.counts.no_answer > 0


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

    What can be read is stored; what can't be is named. Samples that can't be stored wait in
    quarantine. After an interruption, run it again: samples that are already stored are
    counted as duplicates. It fails if nothing of a file could be stored.

    \b
    Example:
      flexmeasures pms ingest march.csv april.csv.gz
    """
    results = [_ingest_one(path, dataset, account_id) for path in files]
    if as_json:
        print_json(_report(results))
    else:
        _say(results)
    if failed := [_why(file) for file in results if not file.has_stored]:
        raise click.ClickException(" ".join(failed))


def _ingest_one(path: Path, dataset: DatasetName, account_id: int | None) -> _File:
    file = _File(path.name)
    try:
        owner = _organisation(path, dataset, account_id)
        with progress_bar(path.name, path.stat().st_size) as tell:
            for batch in ingest_file(
                path, dataset, account_id=owner, settings=settings(), progress=tell
            ):
                file.add(batch.receipt, batch.place)
    except WireError as error:
        file.error = " ".join(str(error).split())
    return file


def _organisation(path: Path, dataset: DatasetName, account_id: int | None) -> int:
    """Return the organisation of the devices in a file, or the one that was given."""
    if account_id is not None:
        return organisation(account_id)
    found = batches(path, dataset, decoding_limits(settings()), lambda _: None)
    devices: list[str] = []
    for batch in found:
        devices = sorted({s.device_id for s in batch.decoded.samples if s.device_id})
        if devices:
            break
    else:
        raise MisshapenBody(f"{path.name}: The file has no sample with a {dataset} id.")
    owners = {f.account_id for device in devices for f in search(device, kinds=[dataset])}
    if not owners:
        raise UnknownId(
            f"{path.name}: no organisation has registered {', '.join(devices[:3])}. Register it, "
            "or name the organisation with --account to keep the samples in its quarantine."
        )
    if len(owners) > 1:
        raise AmbiguousId(
            f"{path.name}: organisations {', '.join(map(str, sorted(owners)))} have devices with "
            "these ids: say which with --account."
        )
    return owners.pop()


def _report(results: list[_File]) -> dict[str, Any]:
    total, problems, found, skipped = _sums(results)
    files = [
        {
            "name": file.name,
            "stored": [part.stored for part in file.stretches],
            "places": file.places,
            "error": file.error or None,
        }
        for file in results
    ]
    return {
        "receipt": total,
        "problems": problems,
        "more_problems": found - len(problems),
        "skipped": skipped,
        "files": files,
    }


def _sums(results: list[_File]) -> tuple[ReceiptCounts, list[Problem], int, int]:
    total = ReceiptCounts()
    for file in results:
        total.add(file.counts)
    problems = [problem for file in results for problem in file.problems][:MOST_PROBLEMS]
    return total, problems, sum(f.found for f in results), sum(f.skipped for f in results)


def _say(results: list[_File]) -> None:
    total, problems, found, skipped = _sums(results)
    for problem in problems:
        click.echo(f"{problem.path}: {problem.message}", err=True)
    if found > len(problems):
        click.echo(f"… and {found - len(problems)} more problems.", err=True)
    for file in results:
        if file.places or (file.error and file.has_stored):
            click.echo(_around_places(file), err=True)
    if total.samples or skipped:
        click.echo(_in_words(total, skipped))


def _around_places(file: _File) -> str:
    """Return what was stored of a file before and after each place that could not be read."""
    said = [_of_stretch(file.stretches[0])]
    for place, part in zip(file.places, file.stretches[1:], strict=True):
        said += [f"{place.path} can't be read", _of_stretch(part)]
    error = file.error.removeprefix(f"{file.name}:")
    return f"{file.name}: {'; '.join(said)}.{error}"


def _why(file: _File) -> str:
    return file.error or f"{file.name}: nothing of it could be stored."


def _of_stretch(counts: ReceiptCounts) -> str:
    known = f", {counted(counts.duplicate, 'duplicate')}" if counts.duplicate else ""
    return f"{counts.stored} stored{known}"


def _in_words(counts: ReceiptCounts, skipped: int) -> str:
    parts = {
        "duplicate": counts.duplicate,
        "in quarantine": counts.quarantined,
        "refused": counts.refused,
        "without answer": counts.no_answer,
        "late": counts.late,
    }
    said = "".join(f", {number} {words}" for words, number in parts.items() if number)
    faulty = f" Left out {counted(counts.faulty, 'faulty reading')}." if counts.faulty else ""
    rows = f" Skipped {counted(skipped, 'row')}." if skipped else ""
    return (
        f"{counted(counts.samples, 'sample')}: {counts.stored} stored "
        f"({counted(counts.beliefs, 'belief')}){said}."
        f"{faulty}{rows}"
    )
