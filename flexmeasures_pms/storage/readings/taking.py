"""Samples that leave a thing: with their beliefs, and with what relied on them put right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from flexmeasures.data import db

from flexmeasures_pms.catalogue.recording import Bands
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import samples
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.quarters import (
    FIVE_MINUTES,
    LAST_PLACE,
    QUARTER,
    SampleStream,
    quarter_of,
)
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey
from flexmeasures_pms.storage.log.values import BeliefValue, is_none
from flexmeasures_pms.storage.readings import beliefs
from flexmeasures_pms.storage.readings.late import leave

# Steps of five minutes in which a sensor has beliefs by a source.
_SHOWN = """
    SELECT DISTINCT k.n, b.sensor_id
    FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS k (begin, n)
    JOIN timed_belief b ON b.event_start >= k.begin AND b.event_start < k.begin + %s
      AND b.source_id = %s AND b.sensor_id = ANY (%s::int[])"""

_Reading = tuple[datetime, str, BeliefValue]


@dataclass(frozen=True, slots=True)
class TakenFrom:
    """A thing that samples are taken from; it is locked.

    :param sensors: ids by name.
    :param bands: deadband by sensor name, of what is recorded on change.
    :param thinned: whether only the first of each five minutes is written of any sensor.
    """

    subject_id: int
    asset_type: str
    sensors: Mapping[str, int]
    bands: Bands
    thinned: bool


def take_out(thing: TakenFrom, keys: Collection[SampleKey]) -> list[LoggedSample]:
    """Delete hot samples of a thing with their beliefs, and return them.

    What repeated one of them is written now, and the first that is left of five minutes that
    were thinned. Its latest readings are read again by the caller.
    """
    taken = samples.take(keys)
    taken.sort(key=_origin)
    for (device, source), group in groupby(taken, key=_origin):
        times = [sample.key.time for sample in group]
        beliefs.take(times, source, thing.sensors.values())
        _mend(thing, device, source, times)
    return taken


def _origin(sample: LoggedSample) -> tuple[int, int]:
    return sample.key.device_id, sample.source_id


def _mend(thing: TakenFrom, device: int, source: int, times: Collection[datetime]) -> None:
    places, sensors = places_of(thing.asset_type), thing.sensors
    step = FIVE_MINUTES if thing.thinned else QUARTER
    stream, rows = leave((thing.subject_id, device), times, thing.bands, places, step)
    samples.replace(stream.changed.values())
    _write(rows, source, sensors)
    first = [*_first_left(stream, times, places)]
    begins = sorted({quarter_of(time, FIVE_MINUTES) for time, _, _ in first})
    shown = _shown(begins, source, sensors.values()) if begins else set()
    lacking = (
        (time, name, value) for time, name, value in first
        if (quarter_of(time, FIVE_MINUTES), sensors.get(name)) not in shown
    )  # fmt: skip
    _write(lacking, source, sensors)


def _write(
    rows: Iterator[_Reading] | Collection[_Reading], source: int, sensors: Mapping[str, int]
) -> None:
    known = [(time, sensors[name], source, value) for time, name, value in rows if name in sensors]
    if known:
        beliefs.copy_rows([known])


def _first_left(
    stream: SampleStream, times: Collection[datetime], places: Mapping[str, int]
) -> Iterator[_Reading]:
    """Yield what is written first of each sensor in five minutes that samples were taken from."""
    touched = {quarter_of(time, FIVE_MINUTES) for time in times}
    for begin, group in groupby(stream.samples, lambda s: quarter_of(s.key.time, FIVE_MINUTES)):
        left = list(group) if begin in touched else []
        for name, place in places.items() if left else ():
            bit = 1 << place if place <= LAST_PLACE else 0
            for sample in left:
                if not is_none(sample.readings[place]) and not sample.repeats & bit:
                    yield sample.key.time, name, sample.readings[place]
                    break


def _shown(
    begins: Collection[datetime], source: int, sensors: Collection[int]
) -> set[tuple[datetime, int | None]]:
    step: timedelta = FIVE_MINUTES
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_SHOWN, (array(begins), step, source, array(sensors)))
    order = list(begins)
    return {(order[n - 1], sensor) for n, sensor in cursor}
