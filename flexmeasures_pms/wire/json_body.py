"""Decoding of a JSON body: ``{"datasets": [{<device id>, [status], "data": [...]}]}``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import BodyTooLarge, Problem, UnreadableBody
from flexmeasures_pms.wire import finish, shape
from flexmeasures_pms.wire.damaged_text import DEEPEST
from flexmeasures_pms.wire.draft import Draft, said_twice, shown
from flexmeasures_pms.wire.envelopes import (
    Damaged,
    Doubtful,
    Envelope,
    Envelopes,
    envelopes,
    require_few_samples,
)
from flexmeasures_pms.wire.mend import mended
from flexmeasures_pms.wire.numerals import from_json
from flexmeasures_pms.wire.recover import recovered
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample
from flexmeasures_pms.wire.spellings import (
    CURRENT_SHAPE,
    DEVICE_ID,
    ESSENTIAL_KEYS,
    PACK_ID,
    STATUS_CODE,
    TIME,
    device_names,
)
from flexmeasures_pms.wire.tree import JsonNode, dataset_tree, sample_tree, walk
from flexmeasures_pms.wire.unreadable import too_large, unreadable
from flexmeasures_pms.wire.usual import read_usual

_VALUE = msgspec.json.Decoder(float_hook=from_json)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError)


@dataclass(slots=True)
class _Request:
    """The state of reading a request."""

    dataset: DatasetName
    limits: Limits
    tree: JsonNode
    head_tree: JsonNode
    samples: list[Sample] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    ignored: int = 0
    problems: int = 0

    def note(self, draft: Draft) -> None:
        """Take the notes of a draft that was read."""
        self.ignored += draft.ignored
        self.problems += len(draft.invalid) + len(draft.faulty)
        self.warnings += draft.warnings[: max(0, self.limits.problems - len(self.warnings))]

    @property
    def room(self) -> int:
        """How many more problems are described."""
        return max(0, self.limits.problems - self.problems)


def decode_json(body: bytes, dataset: DatasetName, limits: Limits) -> Decoded:
    """Decode a JSON body; of a damaged one the samples that can be read.

    :raises UnreadableBody: the body is not JSON, and no sample in it can be read.
    :raises MisshapenBody: it is JSON without the shape of ``datasets``.
    :raises BodyTooLarge: it nests too deep or holds too much.
    """
    found = _envelopes(body, dataset, limits)
    request = _Request(dataset, limits, sample_tree(dataset), dataset_tree(dataset))
    request.ignored = found.ignored
    for envelope in found.found:
        _read_dataset(envelope, request)
    return Decoded(tuple(request.samples), tuple(request.warnings), request.ignored, found.skipped)


def _envelopes(body: bytes, dataset: DatasetName, limits: Limits) -> Envelopes:
    error: UnreadableBody | BodyTooLarge
    deepest = min(limits.depth, DEEPEST)
    if shape.depth(body, deepest) > deepest:
        error = BodyTooLarge(
            f"The body nests deeper than {deepest} objects and arrays. The current shape "
            f"needs 8: {CURRENT_SHAPE[dataset]}."
        )
    else:
        try:
            return envelopes(body, dataset, limits)
        except UnreadableBody as fault:
            error = fault
    found = recovered(body, dataset, limits)
    if found is None:
        raise error
    return found


def _read_dataset(envelope: Envelope, request: _Request) -> None:
    path, limits = envelope.path, request.limits
    require_few_samples(len(request.samples) + len(envelope.samples), limits)
    attributes = envelope.attributes
    known = {k: bytes(v) for k, v in attributes.items() if k in request.head_tree.children}
    written = "".join(f'"{name}":{value.decode()},' for name, value in known.items())
    size = len(written.encode())
    draft = Draft(path)
    draft.ignored = len(attributes) - len(known)
    shared, faulty = _read_head(draft, known, request)
    shared = replace(shared, text='{"datasets":[{' + written + '"data":[')
    for index, sent in enumerate(envelope.samples):
        place = f"{path}.data[{index}]"
        text = sent.text.encode() if isinstance(sent, Damaged | Doubtful) else bytes(sent)
        if isinstance(sent, Damaged):
            sample = unreadable(
                sent.path or place, request.dataset, sent.text, sent.message, limits
            )
        elif size + len(text) > limits.sample_bytes:
            sample = too_large(place, request.dataset, size + len(text), limits)
        else:
            head = replace(shared, status=()) if isinstance(sent, Doubtful) else shared
            sample = _read_sample(place, text, head, request)
        if isinstance(sent, Doubtful):
            # Without the attributes of its dataset, which may be those of another.
            sample = replace(sample, doubtful=True, write=text.decode, head="")
        if faulty and not (sample.no_answer or sample.invalid):
            # A problem of the whole dataset is counted once.
            sample, faulty = replace(sample, faulty=(*faulty, *sample.faulty)), ()
        request.samples.append(sample)


def _read_head(
    draft: Draft, known: dict[str, bytes], request: _Request
) -> tuple[finish.Head, tuple[Problem, ...]]:
    values = {}
    for name, raw in known.items():
        value, fault = _decode(raw)
        if not fault:
            values[name] = value
        elif name in device_names(request.dataset):
            draft.refuse(DEVICE_ID, name, raw.decode(), fault)
        else:
            draft.refuse(STATUS_CODE, name, raw.decode(), fault)
    walk(request.head_tree, values, draft)
    shared = finish.head(request.dataset, draft)
    request.note(draft)
    return shared, tuple(draft.faulty)


def _read_sample(path: str, raw: bytes, shared: finish.Head, request: _Request) -> Sample:
    write = partial(_write, shared.text, raw)
    if request.dataset == "pms":
        usual = read_usual(path, raw, shared, write)
        if usual is not None:
            return usual
    draft = Draft(path, most=request.room)
    sent, fault = _decode(raw)
    if fault and type(sent) is dict:
        sent, fault = _without_repeated(raw, draft)
    if type(sent) is dict:
        walk(request.tree, sent, draft)
    else:
        fault = fault or "A sample must be an object."
        draft.refused |= {TIME, PACK_ID}
    if fault:
        draft.spoil(path, "invalid_value", fault, raw.decode())
    sample = finish.sample(request.dataset, draft, shared, write)
    request.note(draft)
    return sample


def _decode(raw: bytes) -> tuple[Any, str]:
    """Decode a value; return an error for it, such as a key that it has twice."""
    try:
        try:
            value = _VALUE.decode(raw)
        except msgspec.DecodeError:
            raw = mended(raw)
            value = _VALUE.decode(raw)
    except _UNREADABLE as fault:
        return None, f"This can't be read: {fault}."
    if shape.key_count(raw) == shape.keys_kept(value):
        return value, ""
    return value, said_twice(shape.repeated_key(raw))


def _without_repeated(raw: bytes, draft: Draft) -> tuple[Any, str]:
    """Return a sample without the attributes that it has twice, and an error if it needs them."""
    value, repeated = shape.without_repeated(mended(raw), from_json)
    for key in repeated:
        if key in ESSENTIAL_KEYS:
            return value, said_twice(key)
        draft.refuse(key, shown(key), "", said_twice(key))
    return value, ""


def _write(head: str, raw: bytes) -> str:
    return f"{head}{raw.decode()}]}}]}}"
