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
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.wire.samples import Sample

STATUS_FIELDS = ("status.code", "status.temp")


@dataclass(frozen=True, slots=True)
class EhubReading:
    """One reading of an EHub.

    :param subject: the cabinet, or the PMS if the docks do not show which.
    :param device: the PMS that reported.
    :param time: the sample's time, or of the dataset that has the status the newest that is not
        ahead of the clock.
    :param fields: ``status.code`` and ``status.temp`` if sent.
    :param sample: position of the sample it came with, or of the one that has this time.
    """

    subject: Entry
    device: Entry
    time: datetime
    fields: dict[str, Any]
    sample: int


Located = tuple[int, Sample, Target]


def ehub_readings(
    located: Iterable[Located], registered: Directory, until: datetime
) -> Iterator[EhubReading]:
    """Yield the EHub readings that come with the samples of a request.

    :param located: position, sample and target of each pack sample with a known target.
    :param until: time of the last sample that is not ahead of the clock.
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
        yield _reading(group_of_samples, registered, until)


def _reading(located: list[Located], registered: Directory, until: datetime) -> EhubReading:
    times = [target.time for _, _, target in located]
    time = max((time for time in times if time <= until), default=max(times))
    position, newest, target = located[times.index(time)]
    return EhubReading(
        subject=_subject(located, target, registered),
        device=target.device,
        time=target.time,
        fields={f: newest.fields[f] for f in STATUS_FIELDS if f in newest.fields},
        sample=position,
    )


def _subject(located: list[Located], newest: Target, registered: Directory) -> Entry:
    if newest.cabinet is not None:
        return newest.cabinet
    cabinets: dict[int, Entry] = {}
    for _, sample, target in located:
        dock = sample.fields.get("pack.dock")
        found = registered.cabinet_at(target.device.id, dock, target.time) if dock else None
        if found is not None:
            cabinets[found[0].id] = found[0]
    if len(cabinets) == 1:
        (cabinet,) = cabinets.values()
        return cabinet if cabinet.asset_id is not None else newest.device
    return newest.device
