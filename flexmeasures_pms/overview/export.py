"""Readings as they were sent, as a table: a row for each sample, a column for each sensor.

The table is made day by day, so that a year takes no more memory than a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np

from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.catalogue.readings import SensorSpec, sensor_specs
from flexmeasures_pms.gateways.reading import ReadingScope
from flexmeasures_pms.overview.history import readable
from flexmeasures_pms.registry.directory import Directory, Entry, RegistryQuery
from flexmeasures_pms.storage.log.chunk import Chunk
from flexmeasures_pms.storage.log.clock import DAY_MS
from flexmeasures_pms.storage.log.columns import ReadingArray, TimeArray
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.series import chunks

KINDS = tuple(BY_ASSET_TYPE)
"""Kinds of things that have readings."""

TIME, ID, DEVICE = "time", "id", "device"
"""Names of the columns before the readings: when, of what, and which device reported it."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: the readings of some things of one kind over a period.

    :param names: of the sensors that have a column.
    :param scope: only what may be read with a key; None for all.
    """

    registered: Directory
    things: Sequence[Entry]
    start: datetime
    end: datetime
    names: Sequence[str]
    scope: ReadingScope | None = None

    @property
    def header(self) -> list[str]:
        """The names of the columns, with units: ``pack voltage [V]``."""
        specs = sensor_specs(self.things[0].kind)
        return [TIME, ID, DEVICE, *(_title(specs[name]) for name in self.names)]

    def parts(self) -> Iterator[ExportPart]:
        """Yield the rows, thing by thing and in order of time."""
        places = places_of(self.things[0].kind)
        wanted = [places[name] for name in self.names]
        for thing in self.things:
            allowed = readable(thing, self.scope)
            found = map(allowed.of, chunks([thing.id], self.start, self.end, wanted))
            there = (chunk for chunk in found if chunk is not None)
            for _day, of_day in groupby(there, key=lambda chunk: int(chunk.times[0]) // DAY_MS):
                yield self._part(thing, list(of_day))

    def _part(self, thing: Entry, by_device: Sequence[Chunk]) -> ExportPart:
        numbers = [chunk.device_id for chunk in by_device]
        self.registered.expect(RegistryQuery(numbers=numbers))
        names = np.array([self.registered.entry(number).ident for number in numbers], object)
        times = np.concatenate([chunk.times for chunk in by_device])
        devices = np.repeat(names, [len(chunk.times) for chunk in by_device])
        readings = np.concatenate([chunk.readings for chunk in by_device], axis=1)
        order = np.argsort(times, kind="stable")
        return ExportPart(thing.ident, times[order], devices[order].tolist(), readings[:, order])


@dataclass(frozen=True, slots=True)
class ExportPart:
    """Rows of one thing and day, in order of time.

    :param times: of samples [ms since 1970-01-01 UTC].
    :param devices: ids of those that reported them.
    :param readings: an array of (sensor, sample); NaN for none.
    """

    ident: str
    times: TimeArray
    devices: list[str]
    readings: ReadingArray


def export_of(
    registered: Directory,
    things: Sequence[Entry],
    start: datetime,
    end: datetime,
    scope: ReadingScope | None = None,
) -> Export:
    """Return the export of some things of one kind, with the sensors that any of them has.

    :param end: the first moment after the period.
    """
    there = sensor_ids([thing.asset_id for thing in things if thing.asset_id is not None])
    known = {name for ids in there.values() for name in ids}
    names = [name for name in sensor_specs(things[0].kind) if name in known]
    return Export(registered, things, start, end, names, scope)


def _title(spec: SensorSpec) -> str:
    unit = spec.quantity.unit
    return spec.name if unit == "dimensionless" else f"{spec.name} [{unit}]"
