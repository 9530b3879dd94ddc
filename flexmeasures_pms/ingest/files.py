"""Telemetry files: the same pipeline, in batches that are each committed.

JSON (one request), JSON lines (a request on each line) and CSV, each plain or ``.gz``.
Running a file again is safe: stored samples are counted as duplicates.
"""

from __future__ import annotations

import gc
import gzip
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from io import BufferedReader
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.config import Settings
from flexmeasures_pms.errors import Problem, UnsupportedBody, WireError
from flexmeasures_pms.ingest.accept import Origin, digest_of, store
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.ingest.pipeline import SampleValues, measured
from flexmeasures_pms.ingest.receipt import Receipt
from flexmeasures_pms.wire import Decoded, Limits, Sample, decode

BATCH = 2_000
"""Samples in one transaction: some 84,000 beliefs, 40 MB of memory and two seconds."""

JSON, CSV = "application/json", "text/csv"
_LARGEST_DOCUMENT = 256 << 20
_SWITCH_SECONDS = 0.0005

T = TypeVar("T")
Progress = Callable[[int], None]
TelemetryFile = BufferedReader | gzip.GzipFile


def ingest_file(
    path: Path, dataset: DatasetName, *, account_id: int, settings: Settings, progress: Progress
) -> Iterator[Receipt]:
    """Store a file's telemetry, and yield a receipt after each commit.

    :param progress: called with the bytes read from the file since its last call.
    :raises WireError: for unreadable data; everything before it is stored.
    """
    content_type = CSV if _format(path) == ".csv" else JSON
    found = batches(path, dataset, decoding_limits(settings), progress)
    with _side_by_side():
        for decoded, digest, values in _ahead(map(_prepared, found)):
            origin = Origin(account_id, f"file:{path.name}", content_type, datetime.now(UTC))
            yield store(decoded, dataset, digest, origin, settings, values=values)


@contextmanager
def _side_by_side() -> Iterator[None]:
    """Tune Python to decode the next batch while one is stored, for a file.

    Without it, over a day of 12 packs (9 s): one garbage collection over everything that
    FlexMeasures has loaded took 0.35 s, and the storing thread waited 0.5 s for the other.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


def _prepared(decoded: Decoded) -> tuple[Decoded, str, list[SampleValues]]:
    text = "".join(sample.text() for sample in decoded.samples)
    return decoded, digest_of(text.encode()), measured(decoded.samples)


def _ahead(parts: Iterator[T]) -> Iterator[T]:
    """Yield parts; the next one is made while the caller waits for the database."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part


def batches(
    path: Path, dataset: DatasetName, limits: Limits, progress: Progress
) -> Iterator[Decoded]:
    """Yield a file's samples in batches."""
    with path.open("rb") as raw:
        stream: TelemetryFile = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        read = {".csv": _csv, ".jsonl": _lines, ".ndjson": _lines}.get(_format(path), _document)
        before = 0
        for decoded in _gathered(read(stream, dataset, limits)):
            yield decoded
            progress(raw.tell() - before)
            before = raw.tell()


def _format(path: Path) -> str:
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    known = (".csv", ".json", ".jsonl", ".ndjson")
    if suffix.lower() not in known:
        raise UnsupportedBody(
            f"{path.name}: give a file that ends in {', '.join(known)}, or in one of these and .gz."
        )
    return suffix.lower()


def _gathered(parts: Iterator[Decoded]) -> Iterator[Decoded]:
    """Combine small parts until they fill a batch."""
    waiting: list[Decoded] = []
    broken: WireError | None = None
    try:
        for part in parts:
            waiting.append(part)
            if sum(len(p.samples) for p in waiting) >= BATCH:
                yield _together(waiting)
                waiting = []
    except WireError as error:
        broken = error
    if waiting:
        yield _together(waiting)
    if broken is not None:
        raise broken


def _together(parts: list[Decoded]) -> Decoded:
    return Decoded(
        tuple(chain.from_iterable(p.samples for p in parts)),
        tuple(chain.from_iterable(p.warnings for p in parts)),
        sum(p.ignored for p in parts),
        sum(p.skipped for p in parts),
    )


def _document(stream: TelemetryFile, dataset: DatasetName, limits: Limits) -> Iterator[Decoded]:
    body = stream.read(_LARGEST_DOCUMENT + 1)
    generous = replace(limits, bytes=_LARGEST_DOCUMENT, samples=1_000_000, datasets=1_000_000)
    yield decode(body, dataset=dataset, content_type=JSON, limits=generous)


def _lines(stream: TelemetryFile, dataset: DatasetName, limits: Limits) -> Iterator[Decoded]:
    number = 0
    while line := stream.readline(limits.bytes + 1):
        number += 1
        if not line.strip():
            continue
        try:
            decoded = decode(line, dataset=dataset, content_type=JSON, limits=limits)
        except WireError as error:
            raise type(error)(f"line {number}: {error}", error.problems) from error
        yield _relocated(decoded, f"line {number}: {{}}".format)


def _csv(stream: TelemetryFile, dataset: DatasetName, limits: Limits) -> Iterator[Decoded]:
    header = stream.readline(limits.sample_bytes)
    first = 2
    while rows := list(islice(stream, BATCH)):
        decoded = decode(header + b"".join(rows), dataset=dataset, content_type=CSV, limits=limits)
        yield _relocated(decoded, partial(_shifted, lines=first - 2))
        first += len(rows)


def _shifted(path: str, lines: int) -> str:
    """Return a path with the line number in the whole file: ``line 5.pack.id``."""
    words, _, rest = path.partition(".")
    number = int(words.removeprefix("line "))
    return f"line {number + lines}{'.' if rest else ''}{rest}"


def _relocated(decoded: Decoded, moved: Callable[[str], str]) -> Decoded:
    def problems(found: tuple[Problem, ...]) -> tuple[Problem, ...]:
        return tuple(replace(p, path=moved(p.path)) for p in found)

    def sample(found: Sample) -> Sample:
        return replace(
            found,
            path=moved(found.path),
            invalid=problems(found.invalid),
            faulty=problems(found.faulty),
        )

    return replace(
        decoded,
        samples=tuple(map(sample, decoded.samples)),
        warnings=problems(decoded.warnings),
    )
