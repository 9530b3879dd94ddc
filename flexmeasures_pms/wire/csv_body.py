"""Decoding of a CSV file of the ``pms`` dataset: a header row, then a row per sample."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import partial

from flexmeasures_pms.errors import BodyTooLarge, MisshapenBody, Problem
from flexmeasures_pms.wire import finish
from flexmeasures_pms.wire.csv_header import (
    CURRENT_COLUMNS,
    Header,
    RowCells,
    is_header,
    read_header,
)
from flexmeasures_pms.wire.draft import Draft, shown
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample
from flexmeasures_pms.wire.spellings import DEVICE_ID, PACK_ID, TIME

_DIGIT = re.compile(r"\d")


@dataclass(slots=True)
class _File:
    """The state of reading a file."""

    limits: Limits
    samples: list[Sample] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    ignored: int = 0
    skipped: int = 0


def decode_csv(body: bytes, limits: Limits) -> Decoded:
    """Decode a CSV file of pack samples.

    Blank rows, repeated headers and rows without any digit hold no sample: they are
    skipped and counted. A header with other columns applies to the rows below it.

    :raises MisshapenBody: without a header row, or with nothing below it.
    :raises BodyTooLarge: with too many rows, or too long ones.
    """
    file = _File(limits)
    header: Header | None = None
    for number, line in enumerate(_lines(body), start=1):
        path = f"line {number}"
        if not line.strip(" \t,"):
            file.skipped += header is not None
        elif header is None:
            header = _first_header(path, line, file)
        else:
            header = _read_line(path, line, header, file)
    if header is None or not (file.samples or file.skipped):
        what = "The file is empty." if header is None else "Nothing follows the header row."
        raise MisshapenBody(
            f"{what} The current columns are {CURRENT_COLUMNS}.",
            (Problem("line 1", "misshapen", what),),
        )
    return Decoded(tuple(file.samples), tuple(file.warnings), file.ignored, file.skipped)


def _lines(body: bytes) -> list[str]:
    """Return the lines of a file; a newline at its end does not begin another one.

    Only line ends are used: splitlines() would also split at characters that may be part
    of an id. Quotes never contain a line end here, so that a stray quote affects one row
    instead of the rest of the file.
    """
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n")


def _cells(line: str) -> RowCells:
    """Return the cells of a line, None for blank ones.

    :raises csv.Error: a quote is not closed.
    """
    cells = next(csv.reader([line], strict=True)) if '"' in line else line.split(",")
    return [cell.strip() or None for cell in cells]


def _first_header(path: str, line: str, file: _File) -> Header:
    try:
        header = read_header(path, line, _cells(line))
    except csv.Error as fault:
        raise MisshapenBody(
            f"{path}: The header row can't be read: {fault}.",
            (Problem(path, "misshapen", f"The header row can't be read: {fault}.", shown(line)),),
        ) from None
    _note_header(header, file)
    return header


def _note_header(header: Header, file: _File) -> None:
    file.ignored += header.ignored
    file.warnings += header.warnings


def _read_line(path: str, line: str, header: Header, file: _File) -> Header:
    """Read one line below the header; return the header of the next one."""
    try:
        cells = _cells(line)
    except csv.Error:
        cells = []
    if "pack.id" in line.lower() and is_header(cells):
        file.skipped += 1
        if line == header.text:
            return header
        header = read_header(path, line, cells)
        _note_header(header, file)
    elif _DIGIT.search(line):
        _keep_sample(path, line, cells, header, file)
    else:
        file.skipped += 1
    return header


def _keep_sample(path: str, line: str, cells: RowCells, header: Header, file: _File) -> None:
    limits = file.limits
    if len(file.samples) == limits.samples:
        raise BodyTooLarge(
            f"The file has more than {limits.samples} samples. Send it in several parts."
        )
    if len(line.encode()) + len(header.text.encode()) + 1 > limits.sample_bytes:
        raise BodyTooLarge(
            f"{path} and its header row are larger than {limits.sample_bytes} bytes, "
            "the most that one sample may take."
        )
    draft = _read_row(path, cells, header)
    shared = finish.Head(device_id=draft.values.pop(DEVICE_ID, None))
    write = partial("{}\n{}\n".format, header.text, line)
    file.samples.append(finish.sample("pms", draft, shared, write))
    file.warnings += draft.warnings


def _read_row(path: str, cells: RowCells, header: Header) -> Draft:
    draft = Draft(path, columns=True)
    fault = _wrong_width(cells, header)
    if fault is not None:
        draft.invalid.append(Problem(path, "invalid_value", fault))
        draft.refused |= {TIME, PACK_ID}
        return draft
    for column in header.columns:
        value = column.get(cells)
        if value is not None:
            reading = column.field.read(draft, column.name, value)
            draft.keep(column.field.path, column.name, reading)
    return draft


def _wrong_width(cells: RowCells, header: Header) -> str | None:
    """Return what is wrong with the number of cells; blank ones at the end are allowed."""
    if not cells:
        return "The row has a quote that is not closed."
    if len(cells) < header.width or any(cells[header.width :]):
        return f"The row has {len(cells)} cells, the header {header.width} columns."
    return None
