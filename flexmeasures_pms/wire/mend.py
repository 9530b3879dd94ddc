"""Mend a JSON text whose values can't be read, so that what stands beside them can.

Devices write ``NaN``, ``undefined`` or a control character in the middle of good readings.
Each becomes a text that no field accepts, so that only its own field is missing.
"""

from __future__ import annotations

import re

from flexmeasures_pms.wire.numerals import BARE

# An unclosed text ends with all: otherwise each quote in it would be tried as a begin.
STRING = rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'

# A text, or a word outside of texts, or a comma too many. Brackets stay as they are.
_PART = re.compile(rb"(?s)(" + STRING + rb')|([^\s"\[\]{}:,]+)|,(?=\s*[}\]])')
_WORD = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
# What a text of JSON may not hold: a control character, a false escape, half of a character.
_WRONG = re.compile(
    rb'[\x00-\x1f]|\\(?!["\\/bfnrtu])|\\u(?![0-9a-fA-F]{4})'
    rb"|(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
)
_HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PAIR = len(rb"\ud800\udc00")
_ESCAPE = len(rb"\ud800")
_PADDING = bytes(range(0x20))
_NEAR = 50
_MARK = b"\\u%04x" % ord(BARE)


def mended(text: bytes) -> bytes:
    """Return a JSON text in which each value can be read; its brackets stay as they are.

    A text that is valid JSON stays as it is.
    """
    return _PART.sub(_part, text)


def _part(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return _WRONG.sub(_character, found[1])
    word = found[2]
    if word is None:
        return b""
    if not word.strip(_PADDING):
        before = found.string[max(0, found.start() - _NEAR) : found.start()].rstrip()[-1:]
        return b'"' + _MARK + b'"' if before in (b":", b",", b"[") else b" "
    if _WORD.fullmatch(word):
        return word
    return b'"' + _MARK + _WRONG.sub(_character, word.replace(b"\\", b"\\\\")) + b'"'


def _character(found: re.Match[bytes]) -> bytes:
    sent = found[0]
    if len(sent) == 1 and sent < b" ":
        return b"\\u%04x" % sent[0]
    if len(sent) == _PAIR:
        return sent
    if len(sent) == _ESCAPE:
        return b"\\ufffd" if _HALF.fullmatch(sent) else sent
    # A backslash that begins no escape stands for itself.
    return sent if len(sent) == 2 and sent != b"\\u" else b"\\\\" + sent[1:]
