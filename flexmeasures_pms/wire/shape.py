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
_ESCAPE = re.compile(rb"\\.", re.DOTALL)


def outline(body: bytes) -> bytes:
    """Return the brackets and colons of a JSON text that are not within strings."""
    if b"\\" in body:
        body = _ESCAPE.sub(b"", body)
    return b"".join(body.translate(None, _DROPPED).split(b'"')[::2])


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
