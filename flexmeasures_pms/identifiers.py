"""How ids are compared.

Ids are text. They are stored as registered, and compared without surrounding spaces
and without regard to case. ``025`` and ``25`` are two ids.
"""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 80

_SIX_F = re.compile(r"^([0-9A-F]{3})F{6}(?=[0-9A-F])")


def clean(text: str) -> str:
    """Return an id without surrounding spaces and invisible format characters."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf").strip()


def fault(text: str) -> str | None:
    """Return what is wrong with a cleaned id, or None if it is valid."""
    if not text:
        return "is empty"
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if any(unicodedata.category(c)[0] == "C" for c in text):
        return "has control characters"
    return None


def key(text: str) -> str:
    """Return an id in the form in which ids are compared."""
    return clean(text).upper()


def board_key(text: str) -> str:
    """Return the id of an acquisition board in the form in which they are compared.

    EHub logs print a board of 23 hex digits with 27: ``FF`` after the first three
    digits comes out as ``FFFFFF``. The shorter form is the canonical one.
    """
    return _SIX_F.sub(r"\1FF", key(text))
