"""Find the samples of a JSON body that is damaged: cut, glued, or with bytes that changed.

Samples are objects in an array ``data``, so they can be told apart without reading the rest.
A sample is only taken if it is whole, the attributes of its dataset are readable, and no other
dataset begins between them and it. Behind a damaged place it is doubtful who sent it: bytes may
be missing, and with them the begin of another dataset. Everything else that is not mere structure
is a damaged sample.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec
from msgspec import Raw

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.wire import spellings
from flexmeasures_pms.wire.damaged_text import (
    GAP,
    DamagedText,
    end_of_object,
    sample_start,
    whole,
)
from flexmeasures_pms.wire.envelopes import (
    OBJECT,
    UNCERTAIN,
    Damaged,
    Doubtful,
    Envelope,
    Envelopes,
    repeated_keys,
    require_few,
    text_of,
)
from flexmeasures_pms.wire.mend import mended
from flexmeasures_pms.wire.samples import Limits

LONGEST_HEAD = 2_000
"""Characters of the attributes before or after ``data``."""

# They begin with what a search can jump to; the backslash before it is looked for after that.
_DATA = re.compile(r'"data"(?<!\\"data")\s*:\s*\[')
_BODY = re.compile(r'"datasets"(?<!\\"datasets")\s*:')
_JUNK = re.compile(r"[^\s{}\[\],:\x00-\x1f\x7f\ufeff]")
_PADDING = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufeff]")
_DIGIT = re.compile(r"[0-9]")
_TRIES = 8
_NEAR = 50
_SLICE = 1 << 18
"""Characters that are searched at once: no other thread runs meanwhile."""

BROKEN = "This part of the body is damaged and can't be read."


@cache
def _boundary(dataset: DatasetName) -> re.Pattern[str]:
    """Return what may stand between two datasets, and not within a sample."""
    keys = spellings.device_names(dataset) | {"data", "datasets"}
    names = "|".join(map(re.escape, sorted(keys)))
    first = sample_start(dataset).pattern
    return re.compile(rf'"(?:{names})"\s*:|\[\s*{first}|\]\s*\}}\s*,\s*\{{')


def recovered(body: bytes, dataset: DatasetName, limits: Limits) -> Envelopes | None:
    """Return the datasets of a damaged body; None if no sample in it can be read.

    :raises BodyTooLarge: it has too many samples or datasets.
    """
    if b'"data"' not in body:
        return None
    search = DamagedText(body.decode(), dataset, limits)
    datasets = 0
    while (data := _DATA.search(search.text, search.at)) is not None:
        _read_dataset(search, data)
        datasets += 1
        require_few(datasets, limits)
    _leave(search, len(search.text))
    nameless = [envelope for envelope in search.found if not _names(search, envelope)]
    if len(nameless) < len(search.found):
        for envelope in nameless:
            _reject(envelope)
    if all(isinstance(s, Damaged) for envelope in search.found for s in envelope.samples):
        return None
    return Envelopes(search.found, skipped=search.skipped)


def _read_dataset(search: DamagedText, data: re.Match[str]) -> None:
    start, attributes = _head(search, data.start())
    _leave(search, start)
    envelope = Envelope(_path(search, start), dict(attributes or {}), [])
    search.at = data.end()
    closed = _read_samples(search, envelope)
    after = _tail(search, envelope) if closed else None
    envelope.attributes.update(after or {})
    if attributes is None or not (_names(search, envelope) or after is not None):
        _reject(envelope)
    search.found.append(envelope)


def _names(search: DamagedText, envelope: Envelope) -> set[str]:
    return envelope.attributes.keys() & spellings.device_names(search.dataset)


def _path(search: DamagedText, start: int) -> str:
    """Return the path of a dataset: bodies that were glued together are counted."""
    begun = len(_BODY.findall(search.text, search.at, start))
    search.bodies += begun
    search.index = 0 if begun else search.index + 1
    body = f"body {search.bodies}: " if search.bodies > 1 else ""
    return f"{body}datasets[{search.index}]"


def _head(search: DamagedText, end: int) -> tuple[int, dict[str, Raw] | None]:
    """Return where a dataset begins and its attributes before ``data``, None if unreadable."""
    text = search.text
    lowest = max(search.at, end - LONGEST_HEAD)
    start = end
    for _ in range(_TRIES):
        start = text.rfind("{", lowest, start)
        if start < 0:
            break
        attributes = _attributes(text[start:end].rstrip(" \t\r\n,") + "}")
        if attributes is not None:
            # An object that is itself a value is not the dataset: the dataset is damaged.
            inner = text[max(0, start - _NEAR) : start].rstrip()[-1:] == ":"
            return (start, None) if inner else (start, attributes)
    return end, None


def _attributes(text: str) -> dict[str, Raw] | None:
    """Return the attributes of an object; None if it can't be read."""
    clean = mended(text.encode())
    try:
        sent = OBJECT.decode(clean)
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if repeated_keys(clean, sent) else sent


def _tail(search: DamagedText, envelope: Envelope) -> dict[str, Raw] | None:
    """Read the attributes of a dataset after its ``data``; None if they can't be read.

    Those that come again, or another ``data``, belong to another dataset.
    """
    end = end_of_object(search.text, search.at, search.at + LONGEST_HEAD, depth=1)
    if end is None:
        return None
    inner = search.text[search.at : end - 1].strip(" \t\r\n,")
    attributes = _attributes("{" + inner + "}")
    if attributes is None or attributes.keys() & {"data", "datasets", *envelope.attributes}:
        return None
    search.at = end
    return attributes


def _reject(envelope: Envelope) -> None:
    """Make all samples of a dataset damaged: its id can't be read."""
    for i, sample in enumerate(envelope.samples):
        if not isinstance(sample, Damaged):
            envelope.samples[i] = Damaged(text_of(sample), UNCERTAIN)


def _read_samples(search: DamagedText, envelope: Envelope) -> bool:
    """Read the samples of a dataset; return whether its array was closed."""
    text, certain, damaged = search.text, True, False
    while True:
        gap = GAP.match(text, search.at)
        search.at = gap.end() if gap else search.at
        search.skipped += bool(gap and _has(_PADDING, gap[0]))
        if search.at == len(text):
            return False
        if text[search.at] == "]":
            search.at += 1
            gap = GAP.match(text, search.at)
            if not text.startswith("{", gap.end() if gap else search.at):
                return True
            damaged = True  # closed too early: another sample follows
            continue
        start = search.at
        search.note_sample()
        sample = whole(search, start)
        if sample is not None:
            behind = _behind_damage(search, sample, certain=certain) if damaged else None
            envelope.samples.append(behind or Raw(sample.encode()))
            continue
        damaged = True
        if search.note_damage():
            envelope.samples.append(_damage(search, start, len(text)))
            search.at = len(text)
            return False
        following = search.next(sample_start(search.dataset), start + 1)
        data = search.next(_DATA, start + 1)
        if following is None or (data is not None and data < following):
            return False
        envelope.samples.append(_damage(search, start, following))
        certain &= not _boundary(search.dataset).search(text, start, following + _NEAR)
        search.at = following


def _behind_damage(search: DamagedText, raw: str, *, certain: bool) -> Damaged | Doubtful:
    """Return a sample behind a damaged place.

    A pack's id shows where it belongs. What an MPPT or inverter reports is its own only by the
    id of the dataset.
    """
    if certain and search.dataset == "pms":
        return Doubtful(raw)
    return Damaged(raw, UNCERTAIN)


def _damage(search: DamagedText, start: int, end: int, path: str = "") -> Damaged:
    return Damaged(search.text[start:end].strip(" \t\r\n,"), BROKEN, path)


def _leave(search: DamagedText, end: int) -> None:
    """Note what is between two datasets, if it is more than their structure."""
    text = search.text[search.at : end]
    if _has(_PADDING, text):
        search.skipped += 1
    if not _has(_DIGIT, text):
        search.skipped += _has(_JUNK, text.replace('"datasets"', ""))
        return
    damaged = _damage(search, search.at, end, f"body, character {search.at + 1}")
    search.found.append(Envelope("body", {}, [damaged]))


def _has(character: re.Pattern[str], text: str) -> bool:
    """Return whether a text has one of some characters, which may take long to tell."""
    starts = range(0, len(text), _SLICE)
    return any(character.search(text, start, start + _SLICE) for start in starts)
