"""Texts that can hardly be the id of a thing: placeholders, and what spreadsheets leave."""

from __future__ import annotations

import re

PLACEHOLDERS = frozenset(
    (
        *("n/a", "na", "n.a.", "n.a", "n/v", "unknown", "unk", "not known"),
        *("tbd", "tba", "tbc", "t.b.d.", "todo", "to do", "to be determined", "to be defined"),
        *("none", "nil", "null", "nan", "empty", "blank", "missing", "not available"),
        *("not applicable", "not installed", "no id", "pending", "xxx", "xxxx", "true", "false"),
        *("total", "totals", "subtotal", "grand total", "sum", "count"),
        *("tidak ada", "tidak diketahui", "kosong", "belum ada", "belum", "jumlah"),
        *("example", "contoh"),  # the case of the template
    )
)
"""Texts that stand where an id is not known, or under a column of ids; in lower case."""

_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]+")
_QUOTED = re.compile(r"""=?["'](?P<id>[^"']*)["']?""")
_MONTHS = "jan|feb|mar|apr|may|mei|jun|jul|aug|agu|sep|oct|okt|nov|dec|des"
_CHANGED = re.compile(
    r"=.+"  # a formula
    r"|#[A-Z/0]+[!?]?|#+"  # its error, or a column that is too narrow
    r"|\d+[.,]0+"  # a number with decimals
    r"|[+-]?\d+([.,]\d+)?E[+-]\d+"  # a number with an exponent
    rf"|\d{{1,2}}[-/ ]({_MONTHS})[a-z]*\.?([-/ ]\d{{2,4}})?"  # a date
    r"|\d{1,2}/\d{1,2}/\d{2,4}",
    re.IGNORECASE,
)


def is_placeholder(ident: str) -> bool:
    """Whether a text stands for an id that is not known; ids such as ``TBD-4`` do not."""
    return ident.lower() in PLACEHOLDERS or _NO_LETTER_OR_DIGIT.fullmatch(ident) is not None


def from_spreadsheet(ident: str) -> bool:
    """Whether a spreadsheet has changed an id, such as to ``="0241"``, ``241.0`` or ``1E+05``."""
    return bool(_CHANGED.fullmatch(ident) or _QUOTED.fullmatch(ident))


def quoted_id(ident: str) -> str | None:
    """Return the id that a text such as ``="0241"`` or ``'0241`` is about; None for others."""
    found = _QUOTED.fullmatch(ident)
    return found["id"].strip() or None if found else None
