"""Numbers as devices write them, bounded before anything is computed with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

LONGEST = 40
BARE = "\x00"
"""How the text begins that stands for a bare word of a JSON body, such as ``NaN``."""
_LARGEST_INT = 10**LONGEST
# The grammar of JSON, with a plus sign and leading zeros. ASCII digits only: Decimal
# itself would also read "1_0", "NaN", surrounding space and the digits of any script.
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Oversized:
    """A number of a JSON body with too many digits or too large an exponent."""

    text: str

    def __str__(self) -> str:
        """Return the number as it was sent."""
        return self.text


def from_json(text: str) -> Decimal | Oversized:
    """Return a number of a JSON body that has a fraction or an exponent."""
    if len(text) > LONGEST or (("e" in text or "E" in text) and not _NUMBER.fullmatch(text)):
        return Oversized(text)
    return Decimal(text)


def number(value: Any) -> Decimal:
    """Return a number that was sent as a number or as text.

    :raises ValueError: for anything else: empty text, ``NaN``, ``1,5``, ``true``, and
        numbers of more than 40 digits.
    """
    kind = type(value)
    if kind is str:
        if len(value) <= LONGEST and _NUMBER.fullmatch(value):
            return Decimal(value)
    elif kind is Decimal:
        exact: Decimal = value
        return exact
    elif kind is int and -_LARGEST_INT < value < _LARGEST_INT:
        return Decimal(value)
    raise ValueError


def integer(value: Any) -> int:
    """Return a whole number that was sent as a number or as text.

    :raises ValueError: for anything else.
    """
    exact = number(value)
    if exact != exact.to_integral_value():
        raise ValueError
    return int(exact)
