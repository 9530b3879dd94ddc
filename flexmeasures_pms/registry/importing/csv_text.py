"""Writing registry files, so that a spreadsheet leaves them as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from flexmeasures_pms.registry.importing.spreadsheets import protected


def csv_text(
    columns: Sequence[str], lines: Iterable[Mapping[str, str]], delimiter: str = ","
) -> str:
    """Return a file with a header and lines, each field protected from spreadsheets.

    It begins with a byte order mark if it is not all ASCII: spreadsheets need one then.
    """
    text = io.StringIO()
    plain = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(columns)
    for line in lines:
        fields = [protected(line.get(name, "")) for name in columns]
        # Spreadsheets of other countries take the other one for the delimiter.
        divided = any(mark in field for field in fields for mark in ",;")
        (quoted if divided else plain).writerow(fields)
    written = text.getvalue()
    return written if written.isascii() else f"\ufeff{written}"
