"""What samples are, as the registry says: read before anything is locked or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from flexmeasures_pms.beliefs.ehub import EhubReading, ehub_readings
from flexmeasures_pms.beliefs.resolve import Target, registered_near, resolve, without_asset
from flexmeasures_pms.beliefs.sensors import SensorIds, sensor_ids
from flexmeasures_pms.beliefs.sources import source_ids
from flexmeasures_pms.catalogue.asset_types import DEVICE_KINDS
from flexmeasures_pms.catalogue.readings import readings
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.carry_through import NotReady
from flexmeasures_pms.ingest.flapping import PackReport
from flexmeasures_pms.ingest.hot_swap import Unexpected, is_expected, unexpected
from flexmeasures_pms.ingest.readiness import Lacking, make_ready
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.wire.envelopes import UNCERTAIN
from flexmeasures_pms.wire.samples import Sample

SampleValues = dict[str, Decimal | int]

_SUBJECTS = {kind.name: kind.asset_types[0] for kind in DEVICE_KINDS}


@dataclass(frozen=True, slots=True)
class AssetReadings:
    """Readings for one asset, with the sample that they are from.

    :param board: the acquisition board under whose id the sample was sent, if it was.
    """

    sample: int
    subject: Entry
    device: Entry
    time: datetime
    values: SampleValues
    ehub: bool = False
    board: Entry | None = None


@dataclass(slots=True)
class Plan:
    """What samples are, as the registry says.

    :param readings: of the assets that they can be stored in.
    :param sources: of the reporting devices, by their number.
    :param sensors: by asset.
    """

    registered: Directory
    targets: list[Target | Problem]
    readings: list[AssetReadings]
    sources: dict[int, int]
    sensors: dict[int, SensorIds]
    moved: Unexpected


def measured(samples: Iterable[Sample]) -> list[SampleValues]:
    """Return the readings of each sample by sensor name. Needs no database."""
    return [
        {} if s.invalid or s.no_answer else readings(_SUBJECTS[s.dataset], s.fields)
        for s in samples
    ]


def located(account_id: int, samples: Sequence[Sample], now: datetime) -> list[AssetReadings]:
    """Return what samples would store where, as the registry says; nothing of those that wait."""
    registered = registered_near(account_id, samples)
    targets = _targets(samples, registered, now, Lacking())
    return list(_asset_readings(samples, measured(samples), targets, registered))


def planned(
    account_id: int,
    samples: Sequence[Sample],
    now: datetime,
    values: Sequence[SampleValues],
    until: datetime,
) -> Plan:
    """Read what is needed to store samples.

    :param now: when they were received.
    :param values: the result of :func:`measured`.
    :param until: time of the last reading that is not ahead of the clock.
    :raises NotReady: when something is to be made first.
    """
    registered = registered_near(account_id, samples)
    lacking = Lacking()
    targets = _targets(samples, registered, now, lacking)
    asset_readings = list(_asset_readings(samples, values, targets, registered))
    devices = {p.device.id: p.device for p in asset_readings}
    sources = source_ids(account_id, devices.values())
    cabinets = (p.subject for p in asset_readings)
    lacking.things.update(thing.id for thing in cabinets if thing.awaits_asset)
    lacking.devices = [device for n, device in devices.items() if n not in sources]
    sensors = _sensor_ids(asset_readings, lacking)
    if lacking:
        raise NotReady(lambda: make_ready(account_id, lacking, until))
    moved = unexpected(_reports(samples, targets), registered, sources, until)
    return Plan(registered, targets, asset_readings, sources, sensors, moved)


def _targets(
    samples: Sequence[Sample], registered: Directory, now: datetime, lacking: Lacking
) -> list[Target | Problem]:
    """Resolve samples. Nothing is written to assets that are gone, or now another's."""
    targets = [_certain(s, resolve(s, registered, now), registered) for s in samples]
    owned = registered.owned
    for i, t in enumerate(targets):
        if isinstance(t, Target):
            missing = [e for e in (t.subject, t.device) if e.asset_id not in owned]
            lacking.things.update(e.id for e in missing if e.awaits_asset)
            for e in missing[:1]:
                path, awaited = samples[i].path, e.awaits_asset
                targets[i] = without_asset(path, e.kind, e.ident, awaited=awaited)
    return targets


def _certain(sample: Sample, target: Target | Problem, registered: Directory) -> Target | Problem:
    """Return where a doubtful sample belongs only if the pack is registered just there."""
    if not sample.doubtful or sample.invalid:
        return target
    if isinstance(target, Target) and is_expected(_report(0, sample, target), registered):
        return target
    return Problem(sample.path, "unreadable_sample", UNCERTAIN, sample.pack_id or "")


def _asset_readings(
    samples: Sequence[Sample],
    values: Sequence[SampleValues],
    targets: Sequence[Target | Problem],
    registered: Directory,
) -> Iterator[AssetReadings]:
    located = [
        (i, sample, target)
        for i, (sample, target) in enumerate(zip(samples, targets, strict=True))
        if isinstance(target, Target)
    ]
    for i, _, target in located:
        if values[i]:
            where = target.subject, target.device, target.time
            yield AssetReadings(i, *where, values[i], board=target.board)
    packs = [item for item in located if item[1].dataset == "pms"]
    yield from map(_ehub_readings, ehub_readings(packs, registered))


def _ehub_readings(reading: EhubReading) -> AssetReadings:
    values = readings(reading.subject.kind, reading.fields)
    return AssetReadings(
        reading.sample, reading.subject, reading.device, reading.time, values, ehub=True
    )


def _reports(
    samples: Sequence[Sample], targets: Sequence[Target | Problem]
) -> Iterator[PackReport]:
    for i, (sample, target) in enumerate(zip(samples, targets, strict=True)):
        if isinstance(target, Target) and sample.dataset == "pms" and not sample.no_answer:
            yield _report(i, sample, target)


def _report(i: int, sample: Sample, target: Target) -> PackReport:
    dock = sample.fields.get("pack.dock")
    return PackReport(i, target.subject, target.device, dock, target.time)


def _sensor_ids(asset_readings: Sequence[AssetReadings], lacking: Lacking) -> dict[int, SensorIds]:
    """Return the sensors of all readings; those that are needed for the first time are lacking."""
    ids = sensor_ids({p.subject.asset_id or 0 for p in asset_readings})
    missing: dict[Entry, dict[str, None]] = {}
    for p in asset_readings:
        known = ids[p.subject.asset_id or 0]
        if p.subject.asset_id is not None and not p.values.keys() <= known.keys():
            names = (name for name in p.values if name not in known)
            missing.setdefault(p.subject, {}).update(dict.fromkeys(names))
    lacking.sensors = {thing: list(names) for thing, names in missing.items()}
    return ids
