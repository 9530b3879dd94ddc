"""The text of a damaged JSON body, and where the objects in it begin and end."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.wire import shape
from flexmeasures_pms.wire.envelopes import Envelope, require_few_samples
from flexmeasures_pms.wire.mend import STRING, mended
from flexmeasures_pms.wire.samples import Limits
from flexmeasures_pms.wire.spellings import SAMPLE, TIME
from flexmeasures_pms.wire.tree import sample_tree

MOST_DAMAGED = 1_000
"""Damaged places of one body, which cost up to some milliseconds each; the rest is one."""

# Independent of the configuration: the decoder recurses on the C stack.
DEEPEST = 100
ABOVE = 4
"""Objects and arrays around a sample."""

GAP = re.compile(r"[\x00-\x20,\x7f\ufeff]*")
"""What may be between two samples."""

_TOKEN = re.compile(STRING.decode() + r"|[{}\[\]]", re.DOTALL)
_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:')
_TOLERANT = json.JSONDecoder(strict=False)


@cache
def sample_start(dataset: DatasetName) -> re.Pattern[str]:
    """Return how a sample begins: with its time, or with what it is about."""
    about = {"pack"} if dataset == "pms" else sample_tree(dataset).children.keys()
    names = "|".join(map(re.escape, sorted(about | set(SAMPLE[TIME]))))
    return re.compile(rf'\{{\s*"(?:{names})"\s*:')


@dataclass(slots=True)
class DamagedText:
    """A damaged body that is being read.

    :param at: everything before it is read.
    :param found: the datasets so far.
    :param skipped: pieces of padding and junk.
    :param bodies: that begin before ``at``: several may be glued together.
    :param index: of the dataset in its body.
    """

    text: str
    dataset: DatasetName
    limits: Limits
    at: int = 0
    damaged: int = 0
    samples: int = 0
    found: list[Envelope] = field(default_factory=list)
    skipped: int = 0
    bodies: int = 0
    index: int = -1
    _next: dict[re.Pattern[str], int | None] = field(default_factory=dict)

    def note_damage(self) -> bool:
        """Count a damaged place; return whether there were too many to go on."""
        self.damaged += 1
        return self.damaged > MOST_DAMAGED

    def note_sample(self) -> None:
        """Count a sample.

        :raises BodyTooLarge: there are too many.
        """
        self.samples += 1
        require_few_samples(self.samples, self.limits)

    def next(self, pattern: re.Pattern[str], start: int) -> int | None:
        """Return where a pattern is found next, without a second search of the same text."""
        known = self._next.get(pattern, -1)
        if known is not None and known < start:
            match = pattern.search(self.text, start)
            known = self._next[pattern] = match.start() if match else None
        return known


def end_of_object(text: str, start: int, limit: int, depth: int = 0) -> int | None:
    """Return where the object ends that begins at ``start``; None if it is not whole."""
    for token in _TOKEN.finditer(text, start, min(limit, len(text))):
        mark = token[0]
        if mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def whole(search: DamagedText, start: int) -> str | None:
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
    if sent.keys() & {"data", "datasets"}:
        # Another dataset or body that follows on a sample.
        return None
    raw = text[start:end]
    deepest = min(search.limits.depth, DEEPEST) - ABOVE
    if shape.depth(raw.encode(), deepest) > deepest or _goes_on(search, end, sent):
        return None
    search.at = end
    return raw


def _mended_end(search: DamagedText, start: int) -> tuple[dict[str, Any], int] | None:
    """Return an object with words that are no JSON, and where it ends; None if it is broken."""
    following = search.next(sample_start(search.dataset), start + 1)
    limit = start + search.limits.sample_bytes
    end = end_of_object(search.text, start, limit if following is None else min(limit, following))
    if end is None:
        return None
    try:
        return json.loads(mended(search.text[start:end].encode())), end
    except (ValueError, RecursionError):
        return None


def _goes_on(search: DamagedText, end: int, sent: dict[str, Any]) -> bool:
    """Return whether attributes of it follow an object: then it was closed too early."""
    gap = GAP.match(search.text, end)
    key = _KEY.match(search.text, gap.end() if gap else end)
    return key is not None and key[1] in sample_tree(search.dataset).children.keys() - sent.keys()
