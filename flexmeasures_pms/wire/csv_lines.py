"""The lines of a CSV file, and their cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

RowCells = list[str | None]

DELIMITERS = (",", ";", "\t", "|")
BLANK = " \t,;|"

# Padding of a disk after a loss of power, and marks of the beginning of a file.
_JUNK = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff]")
PADDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]{2,}")
_MOST_PARTS = 1_000
_EDGES = "".join(map(chr, (*range(9), *range(11, 32), 127)))
_NAMED_DELIMITER = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


def lines_of(body: bytes) -> Iterator[str]:
    """Yield the lines of a file; a newline at its end does not begin another one.

    Only line ends are used: splitlines() would also split at characters that may be part
    of an id. Quotes never contain a line end here, so that a stray quote affects one row
    instead of the rest of the file.
    """
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    if start < len(text) or not text:
        yield text[start:]


def parts_of(line: str) -> tuple[list[tuple[str, bool]], bool]:
    """Return the parts of a line without padding, and whether padding was left out.

    Where the power was lost while a row was written, padding follows on its first part. So each
    part is returned with whether it may have been cut off.
    """
    if not _JUNK.search(line):
        return [(line, False)], False
    clean = line.replace("\ufeff", "")
    parts = [part.strip(_EDGES) for part in PADDING.split(clean, _MOST_PARTS)]
    last = len(parts) - 1
    found = [(part, i < last) for i, part in enumerate(parts) if part]
    return found, bool(last) or parts[0] != clean


def named_delimiter(line: str) -> str | None:
    """Return the delimiter that a spreadsheet's ``sep=;`` names."""
    found = _NAMED_DELIMITER.fullmatch(line.strip(" "))
    return found[1] if found else None


def cells_of(line: str, delimiter: str) -> RowCells:
    """Return the cells of a line, None for blank ones; no cells if its quotes are wrong."""
    if '"' in line:
        try:
            cells = next(csv.reader([line], strict=True, delimiter=delimiter))
        except csv.Error:
            return []
    else:
        cells = line.split(delimiter)
        if " " not in line and "\t" not in line and line.isascii():
            # Usual lines have no space to strip, which takes a third of the time.
            return [cell or None for cell in cells]
    return [cell.strip() or None for cell in cells]


def with_decimal_point(cell: str) -> str:
    """Return a number such as ``3,92`` with a decimal point; any other text as it is."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell
