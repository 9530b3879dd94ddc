"""How ids are compared.

Ids are text. They are stored as registered, and compared without surrounding spaces
and without regard to case. ``025`` and ``25`` are two ids, but nearly equal ones.

Telemetry may name anything of up to :data:`MAX_LENGTH` characters. What is newly registered
has the narrower form of :func:`may_be_new`: it also gets into places that are not ours.
"""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 80
MAX_NEW_LENGTH = 64
"""FlexMeasures' names have 80 characters, and some have the kind added to the id."""

MARKUP = "<>\"'`\\"
"""What means something in HTML, JavaScript or JSON, and is not in new ids."""

LOOK_ALIKES = "\u2039\u203a\u201d\u2019\u2018\u29f5"
"""What stands for :data:`MARKUP` where a text must be plain, one for one."""

_PLAIN = str.maketrans(MARKUP, LOOK_ALIKES)
_TYPOGRAPHIC_QUOTES = "\u00ab\u00b4\u00bb\u2018-\u201f\u2032-\u2037\u2039\u203a\uff02\uff07"
_NOT_IN_NEW = re.compile(f"[{re.escape(MARKUP)}{_TYPOGRAPHIC_QUOTES}]")
_SIX_F = re.compile(r"^([0-9A-F]{3})F{6}(?=[0-9A-F])")


def clean(text: str) -> str:
    """Return an id without surrounding spaces and invisible format characters."""
    if text.isprintable():  # what takes long is looked for only where it can be
        return text.strip()
    return "".join(c for c in text if unicodedata.category(c) != "Cf").strip()


def fault(text: str) -> str | None:
    """Return what is wrong with a cleaned id, or None if it is valid."""
    if not text:
        return "is empty"
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if not text.isprintable() and any(unicodedata.category(c)[0] == "C" for c in text):
        return "has control characters"
    return None


def may_be_new(text: str) -> bool:
    """Whether a cleaned id may be registered: short, and without markup and quotes."""
    unusable = fault(text) or len(text) > MAX_NEW_LENGTH or _NOT_IN_NEW.search(text)
    return not unusable


def control_character(text: str) -> str | None:
    """Return the first control character of a text, such as ``U+0000``, or None."""
    if text.isprintable():
        return None
    found = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    return None if found is None else f"U+{ord(found):04X}"


def plain(text: str) -> str:
    """Return a text without characters that mean something in HTML, JavaScript or JSON.

    FlexMeasures shows some of what it is given as it is.
    """
    return text.translate(_PLAIN)


def without_zeros(compared: str) -> str:
    """Return what nearly equal ids have in common: a compared id without leading zeros."""
    return compared.lstrip("0")


def key(text: str) -> str:
    """Return an id in the form in which ids are compared."""
    return clean(text).upper()


def board_key(text: str) -> str:
    """Return the id of an acquisition board in the form in which they are compared.

    EHub logs print a board of 23 hex digits with 27: ``FF`` after the first three
    digits comes out as ``FFFFFF``. The shorter form is the canonical one.
    """
    return _SIX_F.sub(r"\1FF", key(text))
