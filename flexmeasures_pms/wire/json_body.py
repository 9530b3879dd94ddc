"""Decoding of a JSON body: ``{"datasets": [{<device id>, [status], "data": [...]}]}``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import BodyTooLarge, MisshapenBody, Problem, UnreadableBody
from flexmeasures_pms.wire import finish, shape
from flexmeasures_pms.wire.draft import Draft, shown
from flexmeasures_pms.wire.numerals import from_json
from flexmeasures_pms.wire.samples import Decoded, Limits, Sample
from flexmeasures_pms.wire.spellings import CURRENT_SHAPE, DEVICE_ID, OLD_SHAPE, PACK_ID, TIME
from flexmeasures_pms.wire.tree import JsonNode, dataset_tree, sample_tree, walk
from flexmeasures_pms.wire.usual import read_usual

MOST_PROBLEMS = 5
# Independent of the configuration: the decoder recurses on the C stack.
DEEPEST = 100

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
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


def decode_json(body: bytes, dataset: DatasetName, limits: Limits) -> Decoded:
    """Decode a JSON body.

    :raises UnreadableBody: the body is not JSON.
    :raises MisshapenBody: it is, but without the shape of ``datasets``.
    :raises BodyTooLarge: it nests too deep or holds too much.
    """
    deepest = min(limits.depth, DEEPEST)
    if shape.depth(body) > deepest:
        raise BodyTooLarge(
            f"The body nests deeper than {deepest} objects and arrays. The current shape "
            f"needs 8: {CURRENT_SHAPE[dataset]}."
        )
    request = _Request(dataset, limits, sample_tree(dataset), dataset_tree(dataset))
    for index, envelope in enumerate(_envelopes(body, request)):
        _read_dataset(f"datasets[{index}]", envelope, request)
    return Decoded(tuple(request.samples), tuple(request.warnings), request.ignored, 0)


Envelope = tuple[dict[str, Raw], list[Raw]]


def _envelopes(body: bytes, request: _Request) -> list[Envelope]:
    """Return each dataset's attributes and samples, or raise an error."""
    try:
        top = _OBJECT.decode(body)
    except msgspec.ValidationError:
        _misshapen(request, Problem("body", "misshapen", "The body must be an object."))
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UnreadableBody(f"The body is not JSON: {fault}. Nothing was read.") from None
    datasets = _datasets(body, top, request)
    if len(datasets) > request.limits.datasets:
        raise BodyTooLarge(
            f"The request has {len(datasets)} datasets; at most {request.limits.datasets} "
            "are read at once. Send them in several requests."
        )
    request.ignored += len(top) - 1
    envelopes, problems = [], []
    for index, raw in enumerate(datasets):
        envelope = _envelope(f"datasets[{index}]", bytes(raw))
        if isinstance(envelope, Problem):
            problems.append(envelope)
        else:
            envelopes.append(envelope)
    if problems:
        _misshapen(request, *problems)
    return envelopes


def _datasets(body: bytes, top: dict[str, Raw], request: _Request) -> list[Raw]:
    if "datasets" not in top:
        old = next((name for name in OLD_SHAPE if name in top), None)
        problem = Problem("datasets", "misshapen", "The body has no array 'datasets'.")
        _misshapen(request, problem if old is None else _old_shape(old, old))
    if repeated := _repeated_key(body, top):
        _misshapen(request, _twice("body", repeated))
    try:
        datasets = _ARRAY.decode(top["datasets"])
    except msgspec.DecodeError:
        _misshapen(request, Problem("datasets", "misshapen", "'datasets' must be an array."))
    if not datasets:
        _misshapen(request, Problem("datasets", "misshapen", "'datasets' is empty."))
    return datasets


def _envelope(path: str, raw: bytes) -> Envelope | Problem:
    try:
        attributes = _OBJECT.decode(raw)
    except msgspec.DecodeError:
        return Problem(path, "misshapen", "A dataset must be an object.", shown(raw.decode()))
    if repeated := _repeated_key(raw, attributes):
        return _twice(path, repeated)
    if "data" not in attributes:
        old = next((name for name in OLD_SHAPE if name in attributes), None)
        if old is not None:
            return _old_shape(f"{path}.{old}", old)
        return Problem(f"{path}.data", "misshapen", "The dataset has no array 'data'.")
    data = attributes.pop("data")
    try:
        return attributes, _ARRAY.decode(data)
    except msgspec.DecodeError:
        sent = shown(bytes(data).decode())
        return Problem(f"{path}.data", "misshapen", "'data' must be an array.", sent)


def _repeated_key(raw: bytes, kept: dict[str, Raw]) -> str:
    """Return a key that an object itself, not a nested one, has twice."""
    within = sum(shape.key_count(bytes(value)) for value in kept.values())
    if shape.key_count(raw) == len(kept) + within:
        return ""
    return shape.repeated_key(raw)


def _twice(path: str, key: str) -> Problem:
    message = f"An object has the key {shown(key)!r} twice. Send it once."
    return Problem(path, "misshapen", message, shown(key))


def _old_shape(path: str, name: str) -> Problem:
    message = f"{name!r} belongs to the messages before July 2019, which are not supported."
    return Problem(path, "old_shape", message)


def _misshapen(request: _Request, *problems: Problem) -> NoReturn:
    first = problems[0]
    raise MisshapenBody(
        f"{first.path}: {first.message} The current shape is {CURRENT_SHAPE[request.dataset]}.",
        problems[:MOST_PROBLEMS],
    )


def _read_dataset(path: str, envelope: Envelope, request: _Request) -> None:
    attributes, data = envelope
    limits = request.limits
    if len(request.samples) + len(data) > limits.samples:
        raise BodyTooLarge(
            f"The request has more than {limits.samples} samples. Send them in several requests."
        )
    known = {k: bytes(v) for k, v in attributes.items() if k in request.head_tree.children}
    written = "".join(f'"{name}":{value.decode()},' for name, value in known.items())
    room = limits.sample_bytes - len(written.encode())
    if room < 0:
        raise _sample_too_large(path, limits)
    draft = Draft(path)
    draft.ignored = len(attributes) - len(known)
    shared, faulty = _read_head(draft, known, request)
    for index, raw in enumerate(data):
        text = bytes(raw)
        place = f"{path}.data[{index}]"
        if len(text) > room:
            raise _sample_too_large(place, limits)
        sample = _read_sample(place, text, shared, written, request)
        if faulty and not (sample.no_answer or sample.invalid):
            # A problem of the whole dataset is counted once.
            sample, faulty = replace(sample, faulty=(*faulty, *sample.faulty)), ()
        request.samples.append(sample)


def _read_head(
    draft: Draft, known: dict[str, bytes], request: _Request
) -> tuple[finish.Head, tuple[Problem, ...]]:
    values = {}
    for name, raw in known.items():
        values[name], fault = _decode(raw)
        if fault:
            draft.refuse(DEVICE_ID, name, raw.decode(), fault)
    walk(request.head_tree, values, draft)
    shared = finish.head(request.dataset, draft)
    request.ignored += draft.ignored
    return shared, tuple(draft.faulty)


def _read_sample(
    path: str, raw: bytes, shared: finish.Head, written: str, request: _Request
) -> Sample:
    write = partial(_write, written, raw)
    if request.dataset == "pms":
        usual = read_usual(path, raw, shared, write)
        if usual is not None:
            return usual
    draft = Draft(path)
    sent, fault = _decode(raw)
    if type(sent) is dict:
        walk(request.tree, sent, draft)
    else:
        fault = fault or "A sample must be an object."
        draft.refused |= {TIME, PACK_ID}
    if fault:
        draft.invalid.append(Problem(path, "invalid_value", fault, shown(raw.decode())))
    sample = finish.sample(request.dataset, draft, shared, write)
    request.ignored += draft.ignored
    request.warnings += draft.warnings
    return sample


def _decode(raw: bytes) -> tuple[Any, str]:
    """Decode a value; return an error for it, such as a key that it has twice."""
    try:
        value = _VALUE.decode(raw)
    except _UNREADABLE as fault:
        return None, f"This can't be read: {fault}."
    if shape.key_count(raw) == shape.keys_kept(value):
        return value, ""
    return value, f"An object has the key {shown(shape.repeated_key(raw))!r} twice. Send it once."


def _write(written: str, raw: bytes) -> str:
    return '{"datasets":[{' + written + '"data":[' + raw.decode() + "]}]}"


def _sample_too_large(path: str, limits: Limits) -> BodyTooLarge:
    return BodyTooLarge(
        f"{path} is larger than {limits.sample_bytes} bytes, the most that one sample may take."
    )
