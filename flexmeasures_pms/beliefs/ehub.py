"""The readings of an EHub: its status and temperature.

Up to four EHubs share a PMS id. The docks of its packs show which one sent a dataset; if
they do not, the readings belong to the PMS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures_pms.beliefs.resolve import Target
from flexmeasures_pms.catalogue.limits import SILENT_AFTER
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.wire.samples import Sample

STATUS_FIELDS = ("status.code", "status.temp")


@dataclass(frozen=True, slots=True)
class EhubReading:
    """One reading of an EHub.

    :param subject: the cabinet, or the PMS if the docks do not show which.
    :param device: the PMS that reported.
    :param time: the sample's time, or of the dataset that has the status its newest that follows
        on the others: see :func:`_position`.
    :param fields: ``status.code`` and ``status.temp`` if sent.
    :param sample: position of the sample it came with, or of the one that has this time.
    """

    subject: Entry
    device: Entry
    time: datetime
    fields: dict[str, Any]
    sample: int


Located = tuple[int, Sample, Target]


def ehub_readings(located: Iterable[Located], registered: Directory) -> Iterator[EhubReading]:
    """Yield the EHub readings that come with the samples of a request.

    :param located: position, sample and target of each pack sample with a known target.
    """
    datasets: dict[str, list[Located]] = {}
    for item in located:
        position, sample, target = item
        if not any(field in sample.fields for field in STATUS_FIELDS):
            continue
        alone = sample.status_in_sample
        group = str(position) if alone else sample.path.split(".data[")[0]
        datasets.setdefault(f"{group} {target.device.id}", []).append(item)
    for group_of_samples in datasets.values():
        yield _reading(group_of_samples, registered)


def _reading(located: list[Located], registered: Directory) -> EhubReading:
    position, newest, target = located[_position([target.time for _, _, target in located])]
    return EhubReading(
        subject=_subject(located, target, registered),
        device=target.device,
        time=target.time,
        fields={f: newest.fields[f] for f in STATUS_FIELDS if f in newest.fields},
        sample=position,
    )


def _position(times: list[datetime]) -> int:
    """Return the position of the sample that the status of a dataset belongs to.

    It is the newest, unless that one is ahead of the others: from the middle of the samples on,
    none may be later than the one before it by more than the time after which a pack is silent.
    So a sample of the future does not take the status with it. The server's clock does not
    matter: a dataset that is sent again has its status at the same time.
    """
    in_order = sorted(times)
    newest = in_order[(len(in_order) - 1) // 2]
    for time in in_order:
        if newest < time <= newest + SILENT_AFTER:
            newest = time
    return times.index(newest)


def _subject(located: list[Located], newest: Target, registered: Directory) -> Entry:
    if newest.cabinet is not None:
        return _with_asset(newest.cabinet, newest.device, registered)
    cabinets: dict[int, Entry] = {}
    for _, sample, target in located:
        dock = sample.fields.get("pack.dock")
        found = registered.cabinet_at(target.device.id, dock, target.time) if dock else None
        if found is not None:
            cabinets[found[0].id] = found[0]
    if len(cabinets) == 1:
        (cabinet,) = cabinets.values()
        return _with_asset(cabinet, newest.device, registered)
    return newest.device


def _with_asset(cabinet: Entry, device: Entry, registered: Directory) -> Entry:
    there = cabinet.asset_id in registered.owned or cabinet.awaits_asset
    return cabinet if there else device
