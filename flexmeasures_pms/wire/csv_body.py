"""Decoding of CSV files of the ``pms`` dataset: a header row, then a row per sample."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flexmeasures_pms.errors import BodyTooLarge, MisshapenBody, Problem
from flexmeasures_pms.wire import finish
from flexmeasures_pms.wire.csv_header import (
    CURRENT_COLUMNS,
    Header,
    HeaderLine,
    behind_end,
    find_header,
    read_header,
)
from flexmeasures_pms.wire.csv_lines import (
    BLANK,
    RowCells,
    cells_of,
    lines_of,
    named_delimiter,
    parts_of,
    with_decimal_point,
)
from flexmeasures_pms.wire.draft import Draft
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample
from flexmeasures_pms.wire.spellings import DEVICE_ID, ESSENTIAL, PACK_ID, TIME
from flexmeasures_pms.wire.unreadable import too_large, unreadable

CUT = "The row may have been cut off: padding or the end of the data follows on it."

# Blank lines and repeated headers, too, for each of the samples that may be in a file.
_LINES_FOR_A_SAMPLE = 10
# To look into a header takes as long as a row, but it brings no sample that is counted.
_MOST_HEADERS = 1_000
_SAMPLES_FOR_A_HEADER = 20
_DIGIT = re.compile(r"\d")


@dataclass(slots=True)
class _Batch:
    """What was read of some lines."""

    samples: list[Sample] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    ignored: int = 0
    skipped: int = 0
    problems: int = 0
    headers: int = 0

    def warn(self, warnings: Sequence[Problem], limits: Limits) -> None:
        """Add warnings, as far as they are described."""
        self.warnings += warnings[: max(0, limits.problems - len(self.warnings))]


@dataclass(slots=True)
class CsvReader:
    """Reads the lines of a file, some at a time: each row by the header in force.

    :param limits: for the samples of each call of :meth:`read`.
    :param line: how many lines were read.
    :param header: in force; None before the first one.
    :param fault: why the header in force can't be used; rows below it can't be read.
    :param usable: whether there has been a header that can be used.
    """

    limits: Limits
    line: int = 0
    header: Header | None = None
    fault: MisshapenBody | None = None
    usable: bool = False
    _unusable: str = ""
    _delimiter: str | None = None
    _head: str = ""
    _batch: _Batch = field(default_factory=_Batch)

    def read(self, lines: Iterable[str]) -> Decoded:
        """Return the samples of the next lines.

        Blank rows, repeated headers, padding and rows without any digit hold no sample:
        they are skipped and counted.

        :raises BodyTooLarge: with too many rows.
        """
        batch = self._batch = _Batch()
        for line in lines:
            self.line += 1
            path = f"line {self.line}"
            # Usual lines are told from those with junk in a tenth of the time.
            if line.isascii() and "\x00" not in line:
                self._read_line(path, line)
                continue
            parts, padded = parts_of(line)
            batch.skipped += padded
            for part, cut in parts:
                if cut and not find_header(part, self._delimiter):
                    self._keep_unread(path, part, CUT)
                else:
                    self._read_line(path, part)
        return Decoded(tuple(batch.samples), tuple(batch.warnings), batch.ignored, batch.skipped)

    def read_cut(self, line: str) -> Decoded:
        """Return the last line of a file that was cut off in it."""
        batch = self._batch = _Batch()
        self.line += 1
        self._keep_unread(f"line {self.line}", line, CUT)
        return Decoded(tuple(batch.samples), (), 0, 0)

    def _read_line(self, path: str, line: str) -> None:
        if not line.strip(BLANK):
            self._batch.skipped += self.header is not None
        elif "=" in line[:5] and (delimiter := named_delimiter(line)):
            self._delimiter = delimiter
            self._batch.skipped += 1
        elif len(line) > self.limits.sample_bytes:
            self._read_row(path, line)
        elif self.header is not None and line == self.header.text:
            self._batch.skipped += 1
        elif found := find_header(line, self._delimiter):
            self._count_header()
            if found.before.strip(BLANK):
                self._read_row(path, found.before)
            self._read_header(path, found)
            if found.after.strip(BLANK):
                self._read_row(path, found.after)
        else:
            self._read_row(path, line)

    def _count_header(self) -> None:
        most = max(_MOST_HEADERS, self.limits.samples // _SAMPLES_FOR_A_HEADER)
        self._batch.headers += 1
        if self._batch.headers > most:
            raise BodyTooLarge(
                f"The file has more than {most} headers that differ from the one above them. "
                "Send it in several parts."
            )

    def _read_header(self, path: str, found: HeaderLine) -> None:
        if self.header is not None or self.fault is not None:
            self._batch.skipped += 1
        if self.header is not None and found.text == self.header.text:
            return
        try:
            self.header = _usable(path, found)
        except MisshapenBody as fault:
            self.header, self.fault, self._unusable = None, fault, f"{found.text}\n"
            return
        self.fault, self.usable = None, True
        self._head = f"{self.header.text}\n"
        self._batch.ignored += self.header.ignored
        self._batch.warn(self.header.warnings, self.limits)

    def _read_row(self, path: str, line: str) -> None:
        if not _DIGIT.search(line):
            self._batch.skipped += 1
            return
        if self.header is None:
            why = f"Its header can't be used: {self.fault}" if self.fault else "No header is above."
            self._keep_unread(path, line, why)
        else:
            self._keep(self._sample(path, line, self.header))

    def _keep_unread(self, path: str, line: str, why: str) -> None:
        above = self.header.text + "\n" if self.header else self._unusable
        self._keep(unreadable(path, "pms", f"{above}{line}", why, self.limits))

    def _keep(self, sample: Sample) -> None:
        if len(self._batch.samples) == self.limits.samples:
            raise BodyTooLarge(
                f"The file has more than {self.limits.samples} samples. Send it in several parts."
            )
        self._batch.samples.append(sample)

    def _sample(self, path: str, line: str, header: Header) -> Sample:
        size = (len(line) if line.isascii() else len(line.encode())) + header.size + 1
        if size > self.limits.sample_bytes:
            return too_large(path, "pms", size, self.limits)
        cells = cells_of(line, header.delimiter)
        batch = self._batch
        draft = _read_cells(path, cells, header, self.limits.problems - batch.problems)
        shared = finish.Head(device_id=draft.values.pop(DEVICE_ID, None), text=self._head)
        write = partial("{}{}\n".format, self._head, line)
        batch.warn(draft.warnings, self.limits)
        batch.problems += len(draft.invalid) + len(draft.faulty)
        return finish.sample("pms", draft, shared, write)


def decode_csv(body: bytes, limits: Limits) -> Decoded:
    """Decode a CSV file of pack samples.

    :raises MisshapenBody: without a header row that can be used, or with nothing below it.
    :raises BodyTooLarge: with too many rows.
    """
    lines = body.count(b"\n") + body.count(b"\r")
    if lines > _LINES_FOR_A_SAMPLE * limits.samples:
        raise BodyTooLarge(
            f"The file has {lines} lines, which is more than {limits.samples} samples can have. "
            "Send it in several parts."
        )
    reader = CsvReader(limits)
    decoded = reader.read(lines_of(body))
    require_header(reader)
    require_rows(reader, len(decoded.samples) + decoded.skipped)
    return decoded


def _usable(path: str, found: HeaderLine) -> Header:
    """Return the header of a line, or of its end if another one was cut before it.

    :raises MisshapenBody: neither can be used.
    """
    try:
        return read_header(path, found)
    except MisshapenBody:
        behind = behind_end(found) if found.whole else None
        if behind is not None:
            with suppress(MisshapenBody):
                return read_header(path, behind)
        raise


def require_header(reader: CsvReader) -> None:
    """Refuse a file if no header that can be used was read so far.

    :raises MisshapenBody: with what is wrong.
    """
    if reader.usable:
        return
    if reader.fault is not None:
        raise reader.fault
    raise _misshapen("No row names the columns.")


def require_rows(reader: CsvReader, rows: int) -> None:
    """Refuse a file in which nothing follows the header.

    :param rows: how many were read or skipped.
    :raises MisshapenBody: there are none.
    """
    if not rows:
        what = "Nothing follows the header row." if reader.usable else "The file is empty."
        raise _misshapen(what)


def _misshapen(what: str) -> MisshapenBody:
    return MisshapenBody(
        f"{what} The current columns are {CURRENT_COLUMNS}.",
        (Problem("line 1", "misshapen", what),),
    )


def _read_cells(path: str, cells: RowCells, header: Header, most: int) -> Draft:
    draft = Draft(path, columns=True, most=max(0, most))
    fault = _wrong_width(cells, header)
    if fault is not None:
        draft.spoil(path, "unreadable_sample", fault)
        draft.refused |= {TIME, PACK_ID}
        return draft
    for column in header.columns:
        value = column.get(cells)
        if value is not None:
            if header.delimiter != "," and column.field.path not in ESSENTIAL:
                value = _with_decimal_points(value)
            reading = column.field.read(draft, column.name, value)
            draft.keep(column.field.path, column.name, reading)
    return draft


def _with_decimal_points(value: Any) -> Any:
    """Return cells in which ``3,92`` is a number: the delimiter is no comma."""
    if isinstance(value, tuple):
        return tuple(cell and with_decimal_point(cell) for cell in value)
    return with_decimal_point(value)


def _wrong_width(cells: RowCells, header: Header) -> str | None:
    """Return what is wrong with the number of cells; blank ones at the end are allowed."""
    if not cells:
        return "The row has a quote that is misplaced or not closed."
    if len(cells) < header.width or any(cells[header.width :]):
        return f"The row has {len(cells)} cells, the header {header.width} columns."
    return None
