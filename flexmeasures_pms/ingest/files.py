"""Telemetry files: the same pipeline, in batches that are each committed.

JSON (one request), JSON lines (a request on each line) and CSV, each plain or ``.gz``.
Running a file again is safe: stored samples are counted as duplicates.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import TypeVar

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.config import Settings
from flexmeasures_pms.errors import Problem, WireError
from flexmeasures_pms.ingest.accept import Origin, digest_of, store
from flexmeasures_pms.ingest.file_parts import content_type, parts
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.ingest.plan import SampleValues, measured
from flexmeasures_pms.ingest.receipt import Receipt
from flexmeasures_pms.wire import Decoded, Limits, Sample
from flexmeasures_pms.wire.unreadable import CODES

BATCH = 2_000
"""Samples in one transaction: some 84,000 beliefs, 40 MB of memory and two seconds."""

MOST_PLACES = 10
"""Places of a file that could not be read, of which each is said with what is around it."""

_SWITCH_SECONDS = 0.0005

T = TypeVar("T")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of a file that are stored together.

    :param place: the place before them that could not be read; None if there is none.
    """

    decoded: Decoded
    place: Problem | None = None


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What became of a batch.

    :param place: as in :class:`Batch`.
    """

    receipt: Receipt
    place: Problem | None


def ingest_file(
    path: Path, dataset: DatasetName, *, account_id: int, settings: Settings, progress: Progress
) -> Iterator[StoredBatch]:
    """Store a file's telemetry, and yield the result after each commit.

    :param progress: called with the bytes read from the file since its last call.
    :raises WireError: for a file that can't be read, or not to its end; everything before
        that place is stored.
    """
    kind = content_type(path)
    found = batches(path, dataset, decoding_limits(settings), progress)
    with _side_by_side():
        for batch, digest, values in _ahead(map(_prepared, found)):
            origin = Origin(account_id, f"file:{path.name}", kind, datetime.now(UTC))
            receipt = store(batch.decoded, dataset, digest, origin, settings, values=values)
            yield StoredBatch(receipt, batch.place)


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


def _prepared(batch: Batch) -> tuple[Batch, str, list[SampleValues]]:
    samples = batch.decoded.samples
    text = "".join(sample.text() for sample in samples)
    return batch, digest_of(text.encode()), measured(samples)


def _ahead(parts: Iterator[T]) -> Iterator[T]:
    """Yield parts; the next one is made while the caller waits for the database."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part


def batches(
    path: Path, dataset: DatasetName, limits: Limits, progress: Progress
) -> Iterator[Batch]:
    """Yield a file's samples in batches.

    :raises WireError: nothing in it can be read; or, after the last batch, that it ends too
        early. It names the file.
    """
    try:
        with path.open("rb") as raw:
            before = 0
            for batch in _gathered(parts(path, raw, dataset, limits)):
                yield batch
                progress(raw.tell() - before)
                before = raw.tell()
    except WireError as error:
        raise type(error)(f"{path.name}: {error}", error.problems) from error


def _gathered(found: Iterator[Decoded]) -> Iterator[Batch]:
    """Combine small parts until they fill a batch; a place that can't be read begins another."""
    waiting: list[Decoded] = []
    size = places = 0
    place = None
    broken: WireError | None = None
    try:
        for part in found:
            for piece in _split(part, MOST_PLACES - places):
                bad = _bad(piece.samples[0]) if piece.samples else None
                if bad is not None and places < MOST_PLACES:
                    if waiting:
                        yield _together(waiting, place)
                    waiting, size, place, places = [], 0, bad, places + 1
                waiting.append(piece)
                size += max(1, len(piece.samples))
                if size >= BATCH:
                    yield _together(waiting, place)
                    waiting, size, place = [], 0, None
    except WireError as error:
        broken = error
    if waiting:
        yield _together(waiting, place)
    if broken is not None:
        raise broken


def _bad(sample: Sample) -> Problem | None:
    """Return the problem of a sample that can't be read; None of any other."""
    return next((problem for problem in sample.invalid if problem.code in CODES), None)


def _split(decoded: Decoded, most: int) -> Iterator[Decoded]:
    """Yield a part in pieces: each sample that can't be read begins one."""
    begins = [i for i, sample in enumerate(decoded.samples) if _bad(sample)][: max(0, most)]
    edges = [0, *(i for i in begins if i), len(decoded.samples)]
    for number, (begin, end) in enumerate(pairwise(edges)):
        piece = decoded.samples[begin:end]
        yield replace(decoded, samples=piece) if not number else Decoded(piece, (), 0, 0)


def _together(parts: list[Decoded], place: Problem | None) -> Batch:
    decoded = Decoded(
        tuple(chain.from_iterable(p.samples for p in parts)),
        tuple(chain.from_iterable(p.warnings for p in parts)),
        sum(p.ignored for p in parts),
        sum(p.skipped for p in parts),
    )
    return Batch(decoded, place)
