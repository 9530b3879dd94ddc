"""Fields of a CSV file that a spreadsheet must not change: ``[0241]`` is the text ``0241``.

A spreadsheet that opens a CSV file guesses what each field is: it drops the zeros of ``0241``,
rounds long numbers, takes ``3-1`` for a date, and runs what begins with ``=``. What is in square
brackets is a text to it, whatever program it is and whatever language it speaks.
"""

from __future__ import annotations

import re

_WHOLE_NUMBER = re.compile(r"0|[1-9]\d{0,9}")
_BEGINS_OTHERWISE = re.compile(r"[=+\-@\[\"'#\s]")
_DELIMITER = re.compile("[,;]")
_LETTER = re.compile(r"[^\W\d_]")
# Exponents; times; a number with a month or another unit, which may become a date or an amount.
_MAY_BE_NUMBER = re.compile(
    r"\d+([.,]\d+)?E\d+|\d+:.*|\d[\d.,]*\W*[^\W\d_]{1,9}(\W*\d+)?"
    r"|(jan|feb|f[ée]v|m[aä]r|mrt|apr|avr|abr|may|mei|maj|mai|jun|jui|jul|aug|agu|ago|agt|ao[uû]"
    r"|sep|oct|okt|out|nov|dec|des|dez|dic|d[ée]c|ene|gen)[^\W\d_]*\W*\d+(\W*\d+)?"
    r"|true|false|wahr|falsch|benar|salah|vrai|faux",
    re.IGNORECASE,
)


def protected(text: str) -> str:
    """Return a text as it is written: in brackets where a spreadsheet would change or run it."""
    if not text or _WHOLE_NUMBER.fullmatch(text):
        return text
    risky = _BEGINS_OTHERWISE.match(text) or _DELIMITER.search(text) or not _LETTER.search(text)
    return f"[{text}]" if risky or _MAY_BE_NUMBER.fullmatch(text) else text


def unprotected(text: str) -> str:
    """Return the text of a field without its brackets."""
    return text[1:-1].strip() if len(text) > 2 and text[0] == "[" and text[-1] == "]" else text
