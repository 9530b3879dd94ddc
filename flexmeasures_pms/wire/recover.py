"""Find the samples of a JSON body that is damaged: cut, glued, or with bytes that changed.

Samples are objects in an array ``data``, so they can be told apart without reading the rest.
A sample is only taken if it is whole and it is certain to which dataset it belongs: the
attributes of the dataset are readable, and no other dataset begins between them and it.
Everything else that is not mere structure is a damaged sample.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import BodyTooLarge
from flexmeasures_pms.wire import shape, spellings
from flexmeasures_pms.wire.envelopes import OBJECT, Damaged, Envelope, Envelopes, repeated_key
from flexmeasures_pms.wire.mend import STRING, mended
from flexmeasures_pms.wire.samples import Limits
from flexmeasures_pms.wire.tree import sample_tree

MOST_DAMAGED = 10_000
"""Damaged parts of one body: each costs a search."""

_DATA = re.compile(r'(?<!\\)"data"\s*:\s*\[')
_BODY = re.compile(r'(?<!\\)"datasets"\s*:')
_GAP = re.compile(r"[\x00-\x20,\x7f\ufeff]*")
_TOKEN = re.compile(STRING.decode() + r"|[{}\[\]]", re.DOTALL)
_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:')
_STRUCTURE = re.compile(r'"datasets"\s*:|[\s{}\[\],:\x00-\x1f\x7f\ufeff]')
_PADDING = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufeff]")
_DIGIT = re.compile(r"[0-9]")
_TRIES = 8
_TOLERANT = json.JSONDecoder(strict=False)

# Independent of the configuration: the decoder recurses on the C stack.
DEEPEST = 100
ABOVE = 4
"""Objects and arrays around a sample."""

BROKEN = "This part of the body is damaged and can't be read."
UNCERTAIN = "The sample can be read, but the id of its dataset can't."


@cache
def _sample_start(dataset: DatasetName) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sample_tree(dataset).children))
    return re.compile(rf'\{{\s*"(?:{names})"\s*:')


@cache
def _boundary(dataset: DatasetName) -> re.Pattern[str]:
    """Return what may stand between two datasets, and not within a sample."""
    keys = spellings.device_names(dataset) | {"data", "datasets"}
    names = "|".join(map(re.escape, sorted(keys)))
    return re.compile(rf'"(?:{names})"\s*:|\[\s*\{{|\]\s*\}}\s*,\s*\{{')


@dataclass(slots=True)
class _Search:
    """The state of searching a body.

    :param at: everything before it is read.
    """

    text: str
    dataset: DatasetName
    limits: Limits
    at: int = 0
    damaged: int = 0
    found: list[Envelope] = field(default_factory=list)
    skipped: int = 0
    bodies: int = 0
    index: int = -1

    def damage(self, start: int, end: int, path: str = "") -> Damaged:
        """Return a damaged part of the text."""
        self.damaged += 1
        if self.damaged > MOST_DAMAGED:
            raise BodyTooLarge(
                f"The body is damaged in more than {MOST_DAMAGED} places. Nothing of it was "
                "stored. Send it in several parts."
            )
        return Damaged(self.text[start:end].strip(" \t\r\n,"), BROKEN, path)


def recovered(body: bytes, dataset: DatasetName, limits: Limits) -> Envelopes | None:
    """Return the datasets of a damaged body; None if no sample in it can be read.

    :raises BodyTooLarge: it is damaged in too many places.
    """
    search = _Search(body.decode(), dataset, limits)
    while (data := _DATA.search(search.text, search.at)) is not None:
        _read_dataset(search, data)
    _leave(search, len(search.text))
    if not any(isinstance(s, Raw) for envelope in search.found for s in envelope.samples):
        return None
    return Envelopes(search.found, skipped=search.skipped)


def _read_dataset(search: _Search, data: re.Match[str]) -> None:
    start, attributes = _head(search, data.start())
    _leave(search, start)
    envelope = Envelope(_path(search, start), dict(attributes or {}), [])
    search.at = data.end()
    closed = _read_samples(search, envelope)
    after = _tail(search) if closed else None
    if attributes is None or (
        after is None and spellings.device_names(search.dataset).isdisjoint(attributes)
    ):
        _doubt(envelope)
    envelope.attributes.update(after or {})
    search.found.append(envelope)


def _path(search: _Search, start: int) -> str:
    """Return the path of a dataset: bodies that were glued together are counted."""
    begun = len(_BODY.findall(search.text, search.at, start))
    search.bodies += begun
    search.index = 0 if begun else search.index + 1
    body = f"body {search.bodies}: " if search.bodies > 1 else ""
    return f"{body}datasets[{search.index}]"


def _head(search: _Search, end: int) -> tuple[int, dict[str, Raw] | None]:
    """Return where a dataset begins and its attributes before ``data``, None if unreadable."""
    text = search.text
    lowest = max(search.at, end - search.limits.sample_bytes)
    start = end
    for _ in range(_TRIES):
        start = text.rfind("{", lowest, start)
        if start < 0:
            break
        attributes = _attributes(text[start:end].rstrip(" \t\r\n,") + "}")
        if attributes is not None:
            # An object that is itself a value is not the dataset: the dataset is damaged.
            inner = text[:start].rstrip()[-1:] == ":" if start else False
            return (start, None) if inner else (start, attributes)
    return end, None


def _attributes(text: str) -> dict[str, Raw] | None:
    """Return the attributes of an object; None if it can't be read."""
    clean = mended(text.encode())
    try:
        sent = OBJECT.decode(clean)
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if repeated_key(clean, sent) else sent


def _tail(search: _Search) -> dict[str, Raw] | None:
    """Read the attributes of a dataset after its ``data``; None if they can't be read."""
    end = _end(search, search.at, depth=1)
    if end is None:
        return None
    inner = search.text[search.at : end - 1].strip(" \t\r\n,")
    attributes = _attributes("{" + inner + "}")
    if attributes is not None:
        search.at = end
    return attributes


def _end(search: _Search, start: int, depth: int = 0) -> int | None:
    """Return where the object ends that begins at ``start``; None if it is not whole."""
    end = min(len(search.text), start + search.limits.sample_bytes)
    for token in _TOKEN.finditer(search.text, start, end):
        mark = token[0]
        if mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def _doubt(envelope: Envelope) -> None:
    """Make samples damaged that may belong to another dataset."""
    for i, sample in enumerate(envelope.samples):
        if isinstance(sample, Raw):
            envelope.samples[i] = Damaged(bytes(sample).decode(), UNCERTAIN)


def _read_samples(search: _Search, envelope: Envelope) -> bool:
    """Read the samples of a dataset; return whether its array was closed."""
    text, certain = search.text, True
    while True:
        gap = _GAP.match(text, search.at)
        search.at = gap.end() if gap else search.at
        search.skipped += bool(gap and _PADDING.search(gap[0]))
        if search.at == len(text):
            return False
        if text[search.at] == "]":
            search.at += 1
            return True
        start = search.at
        sample = _whole(search, start)
        if sample is not None:
            envelope.samples.append(sample if certain else _uncertain(search, sample))
            continue
        following = _sample_start(search.dataset).search(text, start + 1)
        if following is None or _DATA.search(text, start + 1, following.start()):
            return False
        envelope.samples.append(search.damage(start, following.start()))
        certain &= not _boundary(search.dataset).search(text, start, following.start())
        search.at = following.start()


def _uncertain(search: _Search, sample: Raw) -> Damaged:
    search.damaged += 1
    return Damaged(bytes(sample).decode(), UNCERTAIN)


def _whole(search: _Search, start: int) -> Raw | None:
    """Return the sample that begins here, if it is whole; the search goes on behind it."""
    text = search.text
    if text[start] != "{":
        return None
    try:
        # Much faster than looking for the end, and reads NaN and control characters.
        sent, end = _TOLERANT.raw_decode(text[start : start + search.limits.sample_bytes])
        end += start
    except (ValueError, RecursionError):
        found = _mended_end(search, start)
        if found is None:
            return None
        sent, end = found
    raw = text[start:end].encode()
    if shape.depth(raw) > min(search.limits.depth, DEEPEST) - ABOVE or _goes_on(text, end, sent):
        return None
    search.at = end
    return Raw(raw)


def _mended_end(search: _Search, start: int) -> tuple[dict[str, Any], int] | None:
    """Return an object with words that are no JSON, and where it ends; None if it is broken."""
    end = _end(search, start)
    if end is None:
        return None
    try:
        return json.loads(mended(search.text[start:end].encode())), end
    except (ValueError, RecursionError):
        return None


def _goes_on(text: str, end: int, sent: dict[str, Any]) -> bool:
    """Return whether attributes follow an object: then it was closed too early."""
    gap = _GAP.match(text, end)
    key = _KEY.match(text, gap.end() if gap else end)
    return key is not None and key[1] not in sent


def _leave(search: _Search, end: int) -> None:
    """Note what is between two datasets, if it is more than their structure."""
    text = search.text[search.at : end]
    if _PADDING.search(text):
        search.skipped += 1
    rest = _STRUCTURE.sub("", text)
    if not _DIGIT.search(rest):
        search.skipped += bool(rest)
        return
    damaged = search.damage(search.at, end, f"body, character {search.at + 1}")
    search.found.append(Envelope("body", {}, [damaged]))
