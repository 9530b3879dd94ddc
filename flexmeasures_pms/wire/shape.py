"""The outline of a JSON text: how deep it nests and how many keys it has.

Both are found before anything is decoded, without recursion and mostly in C: deep
nesting would exhaust the stack, and a decoder drops a repeated key.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

_KEPT = b'"[]{}:'
_DROPPED = bytes(set(range(256)) - set(_KEPT))
_CHUNK = 1 << 14
_NO_MARK = bytes(set(range(256)) - set(b'"[]{},'))
_INNERMOST = re.compile(rb"[\[{],*[\]}]")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)
_COLON = re.compile(rb"\s*:")


def outline(body: bytes) -> bytes:
    """Return the brackets and colons of a JSON text that are not within strings."""
    return _marks(body, _DROPPED)


def _marks(text: bytes, dropped: bytes) -> bytes:
    """Return what is not dropped of a JSON text, outside of its strings.

    Bit by bit: the pieces of a large text would take 30 times as much memory as the text.
    """
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    text = text.translate(None, dropped)
    if len(text) <= _CHUNK:
        return b"".join(text.split(b'"')[::2])
    kept, within = [], 0
    for start in range(0, len(text), _CHUNK):
        pieces = text[start : start + _CHUNK].split(b'"')
        kept.append(b"".join(pieces[within::2]))
        within ^= (len(pieces) - 1) & 1
    return b"".join(kept)


def depth(body: bytes, most: int) -> int:
    """Return how deep a JSON text nests its objects and arrays, up to one more than ``most``."""
    level = deepest = 0
    for mark in outline(body).replace(b":", b""):
        if mark in b"[{":
            level += 1
            deepest = max(deepest, level)
            if level > most:
                break
        else:
            level -= 1
    return deepest


def key_count(body: bytes) -> int:
    """Return how many keys a JSON text has, repeated ones included."""
    return outline(body).count(b":")


def members(text: bytes, most: int) -> int:
    """Return how many elements an array, or an object, of a JSON text has.

    Nothing is made of them: an object for each would take 40 times as much memory as the text
    if they are short.

    :param most: up to which number it does not matter: a text with fewer commas gives 0.
    """
    if text.count(b",") < most:
        return 0
    inside = _marks(text, _NO_MARK)[1:-1]
    parts = (inside[i : i + _CHUNK] for i in range(0, len(inside), _CHUNK))
    return _without_inner(b"".join(map(_without_inner, parts))).count(b",") + 1


def _without_inner(marks: bytes) -> bytes:
    """Return the marks that are not between brackets."""
    removed = 1
    while removed:
        marks, removed = _INNERMOST.subn(b"", marks)
    return marks


def own_repeated(text: bytes) -> list[str]:
    """Return the keys that an object itself has twice, not those of objects in it.

    Read token by token: the values may be larger than what is worth keeping.
    """
    level, counts = 0, Counter[bytes]()
    for found in _TOKEN.finditer(text):
        mark = found[0]
        if mark in b"{[":
            level += 1
        elif mark in b"}]":
            level -= 1
        elif level == 1 and _COLON.match(text, found.end()):
            counts[mark] += 1
    names = Counter[str]()
    for key, count in counts.items():
        names[json.loads(key)] += count
    return [name for name, count in names.items() if count > 1]


def keys_kept(value: Any) -> int:
    """Return how many keys were left in a decoded value."""
    found, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if type(item) is dict:
            found += len(item)
            waiting += [v for v in item.values() if type(v) is dict or type(v) is list]
        elif type(item) is list:
            waiting += [v for v in item if type(v) is dict or type(v) is list]
    return found


def repeated_key(body: bytes) -> str:
    """Return the first key that an object of a JSON text has twice."""
    # Text instead of numbers: only the keys matter.
    repeated = without_repeated(body, str)[1]
    return repeated[0] if repeated else ""


def without_repeated(body: bytes, number: Callable[[str], Any]) -> tuple[Any, list[str]]:
    """Return the value of a JSON text without the keys that an object has twice, and these.

    :param number: reads a number.
    """
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = [key for key, count in counts.items() if count > 1]
            repeated.extend(twice)
            for key in twice:
                del found[key]
        return found

    value = json.loads(body, object_pairs_hook=once, parse_int=number, parse_float=number)
    return value, repeated
