"""The lines of a CSV file, and their cells."""

from __future__ import annotations

import csv
import re

RowCells = list[str | None]

DELIMITERS = (",", ";", "\t", "|")
BLANK = " \t,;|"

# Padding of a disk after a loss of power, and marks of the beginning of a file.
_JUNK = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff]")
_PADDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]{2,}")
_EDGES = "".join(map(chr, (*range(9), *range(11, 32), 127)))
_NAMED_DELIMITER = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


def lines_of(body: bytes) -> list[str]:
    """Return the lines of a file; a newline at its end does not begin another one.

    Only line ends are used: splitlines() would also split at characters that may be part
    of an id. Quotes never contain a line end here, so that a stray quote affects one row
    instead of the rest of the file.
    """
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n")


def parts_of(line: str) -> tuple[list[str], bool]:
    """Return the parts of a line without padding, and whether padding was left out.

    A row that was being written when the power was lost, and the next one, are two parts.
    """
    if not _JUNK.search(line):
        return [line], False
    clean = line.replace("\ufeff", "")
    parts = [part.strip(_EDGES) for part in _PADDING.split(clean)]
    return [part for part in parts if part], len(parts) > 1 or parts[0] != clean


def named_delimiter(line: str) -> str | None:
    """Return the delimiter that a spreadsheet's ``sep=;`` names."""
    if "=" not in line[:5]:
        return None
    found = _NAMED_DELIMITER.fullmatch(line.strip(" "))
    return found[1] if found else None


def cells_of(line: str, delimiter: str) -> RowCells:
    """Return the cells of a line, None for blank ones; no cells if a quote is not closed.

    Where the delimiter is no comma, ``3,92`` is a number with a decimal comma.
    """
    if '"' in line:
        try:
            cells = next(csv.reader([line], strict=True, delimiter=delimiter))
        except csv.Error:
            return []
    else:
        cells = line.split(delimiter)
    if delimiter != "," and "," in line:
        cells = [_decimal(cell.strip()) for cell in cells]
    return [cell.strip() or None for cell in cells]


def _decimal(cell: str) -> str:
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell
