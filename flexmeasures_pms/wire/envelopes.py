"""The datasets of a JSON body: their attributes, and the texts of their samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import msgspec
from msgspec import Raw

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import BodyTooLarge, MisshapenBody, Problem, UnreadableBody
from flexmeasures_pms.wire import shape
from flexmeasures_pms.wire.draft import said_twice, shown
from flexmeasures_pms.wire.samples import Limits
from flexmeasures_pms.wire.spellings import CURRENT_SHAPE, OLD_SHAPE, device_names

MOST_PROBLEMS = 5
MOST_ATTRIBUTES = 5_000
UNCERTAIN = "The sample can be read, but the id of its dataset can't."

OBJECT = msgspec.json.Decoder(dict[str, Raw])
"""Reads an object whose values are read later."""
_ANY = msgspec.json.Decoder(Raw)
_NOTHING = Raw(b"[]")
_ARRAY = msgspec.json.Decoder(list[Raw])


@dataclass(frozen=True, slots=True)
class Damaged:
    """A part of a body that should be a sample, and can't be read.

    :param path: where it is, if not at its position in ``data``.
    """

    text: str
    message: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A sample behind a damaged place: bytes may be missing, and with them another dataset."""

    text: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One dataset.

    :param path: where it is.
    :param attributes: texts of the attributes beside ``data``.
    :param samples: texts of the samples, in their order.
    """

    path: str
    attributes: dict[str, Raw]
    samples: list[Raw | Damaged | Doubtful]


@dataclass(frozen=True, slots=True)
class Envelopes:
    """The datasets of a body.

    :param ignored: attributes beside ``datasets``.
    :param skipped: pieces of padding.
    """

    found: list[Envelope]
    ignored: int = 0
    skipped: int = 0


def envelopes(body: bytes, dataset: DatasetName, limits: Limits) -> Envelopes:
    """Return the datasets of a body that is JSON.

    A dataset that has not the shape of one is damaged, if another one has.

    :raises UnreadableBody: it is not JSON.
    :raises MisshapenBody: none has the shape of a dataset.
    :raises BodyTooLarge: it has too many datasets.
    """
    require_few_members(body)
    top = _top(body, dataset)
    found, problems, samples = [], [], 0
    datasets = _datasets(body, top, dataset, limits)
    require_few(len(datasets), limits)
    for index, raw in enumerate(datasets):
        path = f"datasets[{index}]"
        envelope = _envelope(path, bytes(raw), dataset, limits)
        if isinstance(envelope, Problem):
            problems.append(envelope)
            envelope = Envelope(path, {}, [Damaged(text_of(raw), envelope.message, envelope.path)])
        samples += len(envelope.samples)
        require_few_samples(samples, limits)
        found.append(envelope)
    if len(problems) == len(found):
        _misshapen(dataset, *problems)
    return Envelopes(found, len(top) - 1)


def require_few(datasets: int, limits: Limits) -> None:
    """Refuse a body with too many datasets.

    :raises BodyTooLarge: with how many are read at once.
    """
    if datasets > limits.datasets:
        raise BodyTooLarge(
            f"The request has {datasets} datasets or more; at most {limits.datasets} are read at "
            "once. Send them in several requests."
        )


def require_few_members(text: bytes) -> None:
    """Refuse an object with too many attributes, before any is read.

    :raises BodyTooLarge: with how many are read at once.
    """
    if shape.members(text, MOST_ATTRIBUTES) > MOST_ATTRIBUTES:
        raise BodyTooLarge(
            f"An object of the request has more than {MOST_ATTRIBUTES} attributes. Send it "
            "without what does not belong to it."
        )


def require_few_samples(samples: int, limits: Limits) -> None:
    """Refuse a body with too many samples.

    :raises BodyTooLarge: with how many are read at once.
    """
    if samples > limits.samples:
        raise BodyTooLarge(
            f"The request has more than {limits.samples} samples. Send them in several requests."
        )


def _top(body: bytes, dataset: DatasetName) -> dict[str, Raw]:
    try:
        try:
            return OBJECT.decode(body)
        except msgspec.ValidationError:
            # This is said before all is read: the rest may be no JSON.
            _ANY.decode(body)
            _misshapen(dataset, Problem("body", "misshapen", "The body must be an object."))
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UnreadableBody(f"The body is not JSON: {fault}. Nothing was read.") from None


def text_of(sample: Raw | Damaged | Doubtful) -> str:
    """Return the text of what stands for a sample."""
    return bytes(sample).decode() if isinstance(sample, Raw) else sample.text


def _datasets(body: bytes, top: dict[str, Raw], dataset: DatasetName, limits: Limits) -> list[Raw]:
    if "datasets" not in top:
        old = next((name for name in OLD_SHAPE if name in top), None)
        problem = Problem("datasets", "misshapen", "The body has no array 'datasets'.")
        _misshapen(dataset, problem if old is None else _old_shape(old, old))
    if repeated := repeated_keys(body, top):
        _misshapen(dataset, _twice("body", repeated[0]))
    require_few(shape.members(bytes(top["datasets"]), limits.datasets), limits)
    try:
        datasets = _ARRAY.decode(top["datasets"])
    except msgspec.DecodeError:
        _misshapen(dataset, Problem("datasets", "misshapen", "'datasets' must be an array."))
    if not datasets:
        _misshapen(dataset, Problem("datasets", "misshapen", "'datasets' is empty."))
    return datasets


def _envelope(path: str, raw: bytes, dataset: DatasetName, limits: Limits) -> Envelope | Problem:
    require_few_members(raw)
    try:
        attributes = OBJECT.decode(raw)
    except msgspec.DecodeError:
        return Problem(path, "misshapen", "A dataset must be an object.", shown(raw.decode()))
    repeated = repeated_keys(raw, attributes)
    if "data" in repeated:
        return _twice(path, "data")
    if "data" not in attributes:
        old = next((name for name in OLD_SHAPE if name in attributes), None)
        if old is not None:
            return _old_shape(f"{path}.{old}", old)
        return Problem(f"{path}.data", "misshapen", "The dataset has no array 'data'.")
    data = attributes.pop("data")
    require_few_samples(shape.members(bytes(data), limits.samples), limits)
    try:
        samples = _ARRAY.decode(data)
        return _without_repeated(Envelope(path, attributes, [*samples]), repeated, dataset)
    except msgspec.DecodeError:
        sent = shown(bytes(data).decode())
        return Problem(f"{path}.data", "misshapen", "'data' must be an array.", sent)


def _without_repeated(
    envelope: Envelope, repeated: list[str], dataset: DatasetName
) -> Envelope | Problem:
    """Return a dataset in which attributes that come twice can't be read."""
    ids = [key for key in repeated if key in device_names(dataset)]
    if ids:
        problem = _twice(envelope.path, ids[0])
        samples = [Damaged(text_of(raw), problem.message) for raw in envelope.samples]
        return Envelope(envelope.path, {}, [*samples]) if samples else problem
    envelope.attributes.update(dict.fromkeys(repeated, _NOTHING))
    return envelope


def repeated_keys(raw: bytes, kept: dict[str, Raw]) -> list[str]:
    """Return the keys that an object itself, not a nested one, has twice."""
    within = sum(shape.key_count(bytes(value)) for value in kept.values())
    if shape.key_count(raw) == len(kept) + within:
        return []
    return shape.own_repeated(raw)


def _twice(path: str, key: str) -> Problem:
    return Problem(path, "misshapen", said_twice(key), shown(key))


def _old_shape(path: str, name: str) -> Problem:
    message = f"{name!r} belongs to the messages before July 2019, which are not supported."
    return Problem(path, "old_shape", message)


def _misshapen(dataset: DatasetName, *problems: Problem) -> NoReturn:
    first = problems[0]
    raise MisshapenBody(
        f"{first.path}: {first.message} The current shape is {CURRENT_SHAPE[dataset]}.",
        problems[:MOST_PROBLEMS],
    )
