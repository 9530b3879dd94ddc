"""Samples of the log as requests of their own, which store exactly the same again.

A request that does not is never used: what it would store is found out by the way of any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset

from flexmeasures_pms.catalogue.asset_types import DEVICE_KIND_BY_NAME, DatasetName
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import WireError
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.ingest.plan import AssetReadings, located
from flexmeasures_pms.registry.kinds import CABINET, CASE, PMS
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.readings.newest import named
from flexmeasures_pms.wire import encode
from flexmeasures_pms.wire.decode import decode
from flexmeasures_pms.wire.encode import SensorValues
from flexmeasures_pms.wire.samples import Sample

Texts = tuple[str, ...]
"""Requests that store one sample together: mostly one."""

_MOST_GAPS = 3
"""An array that grows may have had so many values after the last one that is known."""


@dataclass(frozen=True, slots=True)
class RetractedThing:
    """A thing with readings, whose FlexMeasures asset is the organisation's."""

    id: int
    kind: str
    ident: str
    asset_id: int

    @property
    def dataset(self) -> DatasetName:
        """Of the requests with its readings."""
        return self.kind if self.kind in DEVICE_KIND_BY_NAME else "pms"


@dataclass(frozen=True, slots=True)
class SentAgain:
    """The requests that store a sample again.

    :param device: id of the device that reported it.
    :param pack: id under which it was sent; None for one that is of no pack.
    """

    device: str
    pack: str | None
    texts: Texts


def sent_again(
    account_id: int, thing: RetractedThing, found: Sequence[LoggedSample], now: datetime
) -> dict[SampleKey, SentAgain]:
    """Return the requests that store samples of a thing again, of those that have any.

    :param now: samples that are too far ahead of it have none.
    """
    names = _names({n for s in found for n in (s.key.device_id, s.board_id) if n is not None})
    case = _some_case(account_id) if thing.kind != CASE else None
    places = places_of(thing.kind)
    values = {s.key: {n: float(v) for n, v in named(s.readings, places).items()} for s in found}
    sent = {s.key: _sent(thing, s, names) for s in found}
    ways = {key: _ways(thing, key, values[key], one, case) for key, one in sent.items()}
    boards = {s.key: s.board_id for s in found}
    done: dict[SampleKey, SentAgain] = {}
    while ways:
        tried = {key: texts for key, way in ways.items() if (texts := next(way, None))}
        stored = _stored(account_id, thing.dataset, tried, now)
        good = {k for k in tried if _is_same(stored[k], k, values[k], boards[k])}
        done |= {key: replace(sent[key], texts=tried[key]) for key in good}
        ways = {key: way for key, way in ways.items() if key in tried and key not in good}
    return done


def _names(numbers: set[int]) -> dict[int, str]:
    rows = sa.select(trackable.c.id, trackable.c.ident).where(trackable.c.id.in_(numbers))
    return {row.id: row.ident for row in db.session.execute(rows)}


def _some_case(account_id: int) -> str | None:
    """Return a case that a sample without readings can be of: it has to name one."""
    case = trackable.c
    owned = sa.and_(GenericAsset.id == case.asset_id, GenericAsset.account_id == account_id)
    query = sa.select(case.ident).join(GenericAsset, owned)
    query = query.where(case.account_id == account_id, case.kind == CASE)
    found: str | None = db.session.scalar(query.order_by(case.id).limit(1))
    return found


def _sent(thing: RetractedThing, sample: LoggedSample, names: Mapping[int, str]) -> SentAgain:
    pack = thing.ident if sample.board_id is None else names.get(sample.board_id)
    device = names.get(sample.key.device_id, "")
    return SentAgain(device, pack if thing.kind == CASE else None, ())


def _ways(
    thing: RetractedThing, key: SampleKey, values: SensorValues, sent: SentAgain, case: str | None
) -> Iterator[Texts]:
    """Yield requests that may store a sample again, the most likely first.

    :param case: any one, for the status of an EHub.
    """
    device, pack, time = sent.device, sent.pack, key.time
    if pack is not None:
        for parts in _splits(thing.kind, values):
            yield tuple(encode.pack_request(device, pack, time, part) for part in parts)
    elif thing.dataset != "pms":
        for gaps in range(_MOST_GAPS + 1):
            yield (encode.converter_request(thing.kind, device, time, values, gaps=gaps),)
        for parts in _splits(thing.kind, values):
            yield tuple(encode.converter_request(thing.kind, device, time, p) for p in parts)
    elif thing.kind == CABINET and case is not None:
        yield (encode.cabinet_status_request(thing.ident, case, time, values),)
    elif thing.kind == PMS and case is not None:
        yield (encode.status_request(device, case, time, values),)


def _splits(kind: str, values: SensorValues) -> Iterator[list[SensorValues]]:
    """Yield the parts in which a sample may have been sent: what was derived of it tells."""
    paths = encode.paths_of(kind)
    measured = [name for name in values if name in paths]
    yield [values]
    yield _grouped(measured, values, paths.__getitem__)
    yield _grouped(measured, values, lambda name: paths[name] if "open" in name else name)


def _grouped(
    names: Iterable[str], values: SensorValues, group_of: Callable[[str], str]
) -> list[SensorValues]:
    groups: dict[str, dict[str, float]] = {}
    for name in names:
        groups.setdefault(group_of(name), {})[name] = values[name]
    return [*groups.values()]


def _stored(
    account_id: int, dataset: DatasetName, tried: Mapping[SampleKey, Texts], now: datetime
) -> dict[SampleKey, list[AssetReadings]]:
    """Return what requests would store."""
    owners = [(key, text) for key, texts in tried.items() for text in texts]
    samples = [(key, _decoded(text, dataset, n)) for n, (key, text) in enumerate(owners)]
    known = [(key, sample) for key, sample in samples if sample is not None]
    stored: dict[SampleKey, list[AssetReadings]] = {key: [] for key in tried}
    for one in located(account_id, [sample for _, sample in known], now) if known else ():
        stored[known[one.sample][0]].append(one)
    return stored


def _decoded(text: str, dataset: DatasetName, number: int) -> Sample | None:
    try:
        found = decode(text.encode(), dataset=dataset, limits=decoding_limits(settings()))
    except WireError:
        return None
    if len(found.samples) != 1 or found.samples[0].refused:
        return None
    # As in a replay, no two of them are of one dataset.
    return replace(found.samples[0], path=f"retracted[{number}]")


def _is_same(
    stored: Sequence[AssetReadings], key: SampleKey, values: SensorValues, board: int | None
) -> bool:
    again: dict[str, float] = {}
    for one in stored:
        where = one.subject.id, one.time, one.device.id
        if where != key or (None if one.board is None else one.board.id) != board:
            return False
        again |= {name: float(value) for name, value in one.values.items()}
    return again == values
