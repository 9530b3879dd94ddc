"""The parts of a telemetry file: what is read of it at once, whatever is between.

A file may be cut, padded or damaged: what can be read is read, and each place that can't is
a sample that says so.
"""

from __future__ import annotations

import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem, UnreadableBody, UnsupportedBody, WireError
from flexmeasures_pms.ingest.inflate import Inflated, inspected
from flexmeasures_pms.wire import Decoded, Limits, Sample, decode
from flexmeasures_pms.wire.csv_body import CsvReader, require_header, require_rows
from flexmeasures_pms.wire.csv_lines import PADDING
from flexmeasures_pms.wire.decode import CSV, JSON
from flexmeasures_pms.wire.unreadable import unreadable

ROWS = 2_000
"""Rows of a CSV file that are read at once."""

_LARGEST_DOCUMENT = 256 << 20
_LONGEST_ROW = 1 << 16
_BUFFER = 1 << 16
# A file is as long as it is: only what is stored at once is limited.
_MANY = 1_000_000
_PADDING = b" \t\r\n\x00"


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that is read.

    :param stream: its content, decompressed.
    :param cut: the content ends too early: its last line may be cut off, in a number too.
    """

    stream: io.BufferedReader[Any]
    dataset: DatasetName
    limits: Limits
    cut: bool = False


def content_type(path: Path) -> str:
    """Return the content type of a file's samples."""
    return CSV if ".csv" in path.name.lower()[-len(".csv.gz") :] else JSON


def parts(
    path: Path, raw: io.BufferedReader, dataset: DatasetName, limits: Limits
) -> Iterator[Decoded]:
    """Yield the parts of a file.

    :param raw: the open file.
    :raises WireError: nothing in it can be read; or, after the last part, that compressed data
        ends too early.
    """
    read = {".csv": _csv, ".jsonl": _lines, ".ndjson": _lines}.get(_format(path), _document)
    if path.suffix != ".gz":
        yield from read(_Source(raw, dataset, limits))
        return
    found = inspected(raw)
    if not found.size and found.fault:
        raise UnreadableBody(f"{found.fault} Nothing of it can be read.")
    if found.wrong:
        raise UnreadableBody(
            f"{found.fault} Any of its values may be wrong, so nothing of it was stored."
        )
    stream = io.BufferedReader(Inflated(raw), _BUFFER)
    yield from read(_Source(stream, dataset, limits, cut=bool(found.fault)))
    if found.fault:
        raise UnreadableBody(f"{found.fault} What comes before that place was read.")


def _format(path: Path) -> str:
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    known = (".csv", ".json", ".jsonl", ".ndjson")
    if suffix.lower() not in known:
        raise UnsupportedBody(
            f"Give a file that ends in {', '.join(known)}, or in one of these and .gz."
        )
    return suffix.lower()


def _document(source: _Source) -> Iterator[Decoded]:
    body = source.stream.read(_LARGEST_DOCUMENT + 1)
    generous = replace(source.limits, bytes=_LARGEST_DOCUMENT, samples=_MANY, datasets=_MANY)
    yield decode(body, dataset=source.dataset, content_type=JSON, limits=generous)


def _lines(source: _Source) -> Iterator[Decoded]:
    stream, limits = source.stream, source.limits
    number = 0
    while line := stream.readline(limits.bytes + 1):
        number += 1
        if not line.strip(_PADDING):
            yield Decoded((), (), 0, skipped=1)
        else:
            _skip_rest(stream, line, limits)
            yield _line(f"line {number}", line, source.dataset, limits)


def _skip_rest(stream: io.BufferedReader, line: bytes, limits: Limits) -> None:
    """Read to the end of a line that is longer than a body may be."""
    while len(line) > limits.bytes and not line.endswith(b"\n"):
        line = stream.readline(limits.bytes + 1)


def _line(path: str, line: bytes, dataset: DatasetName, limits: Limits) -> Decoded:
    """Return the samples of a line, which is a body of its own."""
    try:
        decoded = decode(line, dataset=dataset, content_type=JSON, limits=limits)
    except WireError as error:
        text = line.decode(errors="replace").strip()
        return Decoded((unreadable(path, dataset, text, str(error), limits),), (), 0, 0)
    return _relocated(decoded, f"{path}: {{}}".format)


def _csv(source: _Source) -> Iterator[Decoded]:
    """Read a CSV file, some rows at a time."""
    dataset = source.dataset
    if dataset != "pms":
        raise UnsupportedBody(f"CSV files are of the dataset pms. Give the {dataset}'s as JSON.")
    # A line may hold more than one row: those before and after padding.
    reader = CsvReader(replace(source.limits, samples=_MANY))
    lines, rows = _rows(source.stream), 0
    last = next(lines, None)
    while last is not None:
        batch = [last, *islice(lines, ROWS - 1)]
        last = next(lines, None)
        whole = not source.cut or last is not None or batch[-1].endswith("\n")
        decoded = reader.read(line.removesuffix("\n") for line in (batch if whole else batch[:-1]))
        yield from _with_header(reader, decoded)
        rows += len(decoded.samples) + decoded.skipped
        if not whole:
            yield reader.read_cut(batch[-1])
            rows += 1
    if reader.line:
        require_header(reader)
    require_rows(reader, rows)


def _with_header(reader: CsvReader, decoded: Decoded) -> Iterator[Decoded]:
    """Yield rows, unless the file begins with rows and no header."""
    if decoded.samples:
        require_header(reader)
    yield decoded


def _rows(stream: io.BufferedReader) -> Iterator[str]:
    """Yield the lines of a CSV file; of a line that is too long its beginning."""
    if stream.peek(2)[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        raise UnreadableBody("The file is not UTF-8 text but UTF-16. Save it as UTF-8.")
    text = io.TextIOWrapper(stream, "utf-8", errors="replace", newline=None)
    try:
        while line := text.readline(_LONGEST_ROW):
            if len(line) == _LONGEST_ROW and not line.endswith("\n"):
                line = _long(line, text)
            yield line
    finally:
        # Otherwise it would close the file, which is not its own.
        with suppress(ValueError):
            text.detach()


def _long(line: str, text: io.TextIOWrapper) -> str:
    """Return a long line without most of its padding; one that stays too long is one row."""
    kept = ""
    while True:
        kept = PADDING.sub("\x00\x00", kept + line)
        if len(kept) > _LONGEST_ROW:
            # Not to be told apart at the padding: what follows is not read.
            kept = kept[:_LONGEST_ROW].replace("\x00", "0")
        if not line or line.endswith("\n"):
            return kept
        line = text.readline(_LONGEST_ROW)


def _relocated(decoded: Decoded, moved: Callable[[str], str]) -> Decoded:
    def problems(found: tuple[Problem, ...]) -> tuple[Problem, ...]:
        return tuple(replace(p, path=moved(p.path)) for p in found)

    def sample(found: Sample) -> Sample:
        return replace(
            found,
            path=moved(found.path),
            invalid=problems(found.invalid),
            faulty=problems(found.faulty),
            refused=found.refused and problems((found.refused,))[0],
        )

    return replace(
        decoded,
        samples=tuple(map(sample, decoded.samples)),
        warnings=problems(decoded.warnings),
    )
