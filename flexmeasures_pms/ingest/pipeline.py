"""The pipeline: from decoded samples to stored beliefs.

The caller commits. This module does not depend on HTTP or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from flexmeasures_pms.beliefs.ehub import EhubReading, ehub_readings
from flexmeasures_pms.beliefs.provision import ensure_sensors_of
from flexmeasures_pms.beliefs.resolve import (
    Target,
    registered_near,
    reporter,
    resolve,
    without_asset,
)
from flexmeasures_pms.beliefs.sensors import SensorIds, sensor_ids
from flexmeasures_pms.beliefs.sources import source_ids
from flexmeasures_pms.catalogue.asset_types import DEVICE_KINDS
from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.catalogue.readings import readings
from flexmeasures_pms.config import settings
from flexmeasures_pms.deadline import check
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.flapping import PackReport
from flexmeasures_pms.ingest.hot_swap import is_expected, record_moves, unexpected
from flexmeasures_pms.ingest.packs_in_hour import number_in_hour
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.storage.flapping import keep as keep_flapping
from flexmeasures_pms.storage.intake.quarantine import WAITS
from flexmeasures_pms.storage.intake.reports import BoardReport, keep_reports
from flexmeasures_pms.storage.readings.blocks import Block, Written
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.storage.readings.rebuild import rebuild
from flexmeasures_pms.storage.readings.write import write
from flexmeasures_pms.wire.envelopes import UNCERTAIN
from flexmeasures_pms.wire.samples import Sample

SampleResult = Literal["stored", "duplicate", "quarantined", "no_answer", "refused"]
SampleValues = dict[str, Decimal | int]

_SUBJECTS = {kind.name: kind.asset_types[0] for kind in DEVICE_KINDS}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one sample.

    :param beliefs: rows it added, including its EHub's status.
    :param problem: why it can't be stored, and goes to quarantine.
    :param status_problem: why its EHub's status does, if that differs.
    :param device: the registry's number of the reporting device, if known.
    :param refused: why a sample that can't be stored does not go to quarantine either.
    :param pack: a number from 1 to 62 that tells the packs of a device and hour apart; 0 for
        another device.
    :param warning: what is doubtful about it all the same.
    """

    result: SampleResult
    beliefs: int = 0
    problem: Problem | None = None
    status_problem: Problem | None = None
    device: int | None = None
    refused: Problem | None = None
    pack: int = 0
    warning: Problem | None = None


@dataclass(frozen=True, slots=True)
class _AssetReadings:
    """Readings for one asset, with the sample that they are from."""

    sample: int
    subject: Entry
    device: Entry
    time: datetime
    values: SampleValues
    ehub: bool = False


def measured(samples: Iterable[Sample]) -> list[SampleValues]:
    """Return the readings of each sample by sensor name. Needs no database."""
    return [
        {} if s.invalid or s.no_answer else readings(_SUBJECTS[s.dataset], s.fields)
        for s in samples
    ]


def process(
    account_id: int,
    samples: Sequence[Sample],
    now: datetime,
    values: Sequence[SampleValues] | None = None,
    moved_things: set[int] | None = None,
) -> list[Outcome]:
    """Store an organisation's samples, and return the result of each.

    What can't be stored is put into quarantine by the caller.

    :param now: when they were received; samples may be up to a day later.
    :param values: the result of :func:`measured`, if computed ahead.
    :param moved_things: gets the numbers of what has moved in the registry.
    :returns: one outcome for each sample, in their order.
    """
    check()
    registered = registered_near(account_id, samples)
    targets = _targets(samples, registered, now)
    values = measured(samples) if values is None else values
    # They may be stored long after they were received, beside what came since.
    until = max(now, datetime.now(UTC)) + CLOCK_SKEW
    asset_readings = list(_asset_readings(samples, values, targets, registered))
    sources = source_ids(account_id, {p.device.id: p.device for p in asset_readings}.values())
    moved = unexpected(_reports(samples, targets), registered, sources, until)
    blocks = _blocks(asset_readings, sources, until)
    check()
    written = write(account_id, blocks, settings().recording, until=until)
    check()
    unstored = _unstored(samples, targets, registered, now)
    outcomes = _outcomes(samples, unstored, asset_readings, written, registered)
    _keep_board_reports(targets, outcomes, sources)
    stored = [r for r in moved.reports if outcomes[r.sample].result == "stored"]
    changed = record_moves(account_id, stored)
    if moved_things is not None:
        moved_things |= changed
    keep_flapping(moved.states)
    for flap in moved.flaps:
        at = flap.report.sample
        outcomes[at] = replace(outcomes[at], warning=flap.warning(samples[at].path))
    return outcomes


def _targets(
    samples: Sequence[Sample], registered: Directory, now: datetime
) -> list[Target | Problem]:
    """Resolve samples. Nothing is written to assets that are gone, or now another's."""
    targets = [_certain(s, resolve(s, registered, now), registered) for s in samples]
    owned = registered.owned
    return [
        t if isinstance(t, Problem) else without_asset(s, t, owned) or t
        for s, t in zip(samples, targets, strict=True)
    ]


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
) -> Iterator[_AssetReadings]:
    located = [
        (i, sample, target)
        for i, (sample, target) in enumerate(zip(samples, targets, strict=True))
        if isinstance(target, Target)
    ]
    for i, _, target in located:
        if values[i]:
            yield _AssetReadings(i, target.subject, target.device, target.time, values[i])
    packs = [item for item in located if item[1].dataset == "pms"]
    yield from map(_ehub_readings, ehub_readings(packs, registered))


def _ehub_readings(reading: EhubReading) -> _AssetReadings:
    values = readings(reading.subject.kind, reading.fields)
    return _AssetReadings(
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


def _blocks(
    asset_readings: Sequence[_AssetReadings], sources: dict[int, int], until: datetime
) -> list[Block]:
    ids = _sensor_ids(asset_readings, until)
    return [
        Block(
            subject_id=p.subject.id,
            device_id=p.device.id,
            source_id=sources[p.device.id],
            asset_type=p.subject.kind,
            time=p.time,
            values=p.values,
            sensors=ids[p.subject.asset_id or 0],
        )
        for p in asset_readings
    ]


def _sensor_ids(asset_readings: Sequence[_AssetReadings], until: datetime) -> dict[int, SensorIds]:
    """Return the sensors of all readings, creating those that are needed for the first time."""
    assets = {p.subject.asset_id or 0: p.subject for p in asset_readings}
    ids = sensor_ids(assets)
    lacking: dict[int, dict[str, None]] = {}
    for p in asset_readings:
        asset_id = p.subject.asset_id or 0
        if not p.values.keys() <= ids[asset_id].keys():
            names = (name for name in p.values if name not in ids[asset_id])
            lacking.setdefault(asset_id, {}).update(dict.fromkeys(names))
    for asset_id in sorted(lacking):
        ensure_sensors_of(asset_id, assets[asset_id].kind, lacking[asset_id])
    # When a sensor was deleted, the latest readings of its asset are incomplete.
    rebuild(latest_of({assets[asset_id].id for asset_id in lacking}).keys(), until)
    return sensor_ids(assets) if lacking else ids


def _unstored(
    samples: Sequence[Sample],
    targets: Sequence[Target | Problem],
    registered: Directory,
    now: datetime,
) -> list[Outcome]:
    """Return the outcomes as long as nothing is stored."""
    outcomes = []
    for sample, target in zip(samples, targets, strict=True):
        if isinstance(target, Problem) and (sample.invalid or not sample.no_answer):
            device = reporter(sample, registered, now)
            number = None if device is None else device.id
            # What is too large is refused here, and does not go to quarantine.
            result: SampleResult = "refused" if sample.refused else "quarantined"
            outcomes.append(Outcome(result, problem=target, device=number, refused=sample.refused))
        else:
            # A sample without any reading is a pack that does not answer.
            outcomes.append(Outcome("no_answer"))
    return outcomes


def _outcomes(
    samples: Sequence[Sample],
    outcomes: list[Outcome],
    asset_readings: Sequence[_AssetReadings],
    written: Sequence[Written],
    registered: Directory,
) -> list[Outcome]:
    for one, wrote in zip(asset_readings, written, strict=True):
        before = outcomes[one.sample]
        path = samples[one.sample].path
        if one.ehub:
            problem = _conflict(f"{path.split('.data[')[0]}.status", one, "status_conflict")
            outcomes[one.sample] = replace(
                before,
                beliefs=before.beliefs + wrote.beliefs,
                status_problem=problem if wrote.result == "conflict" else None,
            )
        elif wrote.result == "conflict":
            problem = _conflict(path, one, "conflict")
            outcomes[one.sample] = Outcome("quarantined", problem=problem, device=one.device.id)
        else:
            pack = number_in_hour(samples[one.sample], one.subject, one.device, registered)
            outcomes[one.sample] = Outcome(
                wrote.result, wrote.beliefs, device=one.device.id, pack=pack
            )
    return outcomes


def _conflict(path: str, one: _AssetReadings, code: str) -> Problem:
    return Problem(
        path,
        code,
        f"Another reading of {one.subject.kind} '{one.subject.ident}' by "
        f"'{one.device.ident}' at {one.time.isoformat(timespec='milliseconds')} was "
        f"stored first and is kept.{WAITS}",
        one.subject.ident,
    )


def _keep_board_reports(
    targets: Sequence[Target | Problem], outcomes: Sequence[Outcome], sources: dict[int, int]
) -> None:
    keep_reports(
        BoardReport(t.board.id, t.time, sources[t.device.id], t.subject.id)
        for t, outcome in zip(targets, outcomes, strict=True)
        if isinstance(t, Target) and t.board is not None and outcome.result == "stored"
    )
