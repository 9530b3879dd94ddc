"""What a key that is restricted to devices may read: these, and what was in them while it was.

A report moves a pack to the device that sends it, so that a key could take any pack of its
organisation into its scope. So of a cabinet or pack it reads only what its own devices
reported, at times when the registry (as believed now) has the thing in one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.engine import Row

from flexmeasures_pms.gateways.caller import Caller
from flexmeasures_pms.registry.directory import Directory, RegistryQuery
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER
from flexmeasures_pms.storage.readings.past import PastReading

ReadRow = TypeVar("ReadRow", Row[Any], PastReading, Row[Any] | PastReading)

ScopePeriod = tuple[datetime, datetime]
"""From a moment until before another one."""


@dataclass(frozen=True, slots=True)
class ReadingScope:
    """The devices that a key reads, and what was in them when.

    :param devices: their numbers in the registry.
    """

    registered: Directory
    devices: frozenset[int]
    _periods: dict[int, tuple[ScopePeriod, ...]] = field(default_factory=dict, repr=False)

    def periods(self, entry_id: int) -> tuple[ScopePeriod, ...]:
        """Return when a thing was in one of the devices, in order of time."""
        known = self._periods.get(entry_id)
        if known is None:
            stays = self._stays(entry_id, SINCE_EVER, FOREVER)
            known = self._periods[entry_id] = tuple(_joined(sorted(stays)))
        return known

    def period_at(self, entry_id: int, at: datetime) -> ScopePeriod | None:
        """Return the one of these periods that a moment is in."""
        return next((p for p in self.periods(entry_id) if p[0] <= at < p[1]), None)

    def covers(self, row: Row[Any] | PastReading) -> bool:
        """Whether a latest reading may be read: who reported it counts, and where it was then."""
        in_scope = row.device_id in self.devices
        return in_scope and self.period_at(row.trackable_id, row.event_time) is not None

    def sources(self, known: Mapping[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
        """Return those sources whose device is one of the scope's.

        :param known: the (kind, id) of reporting devices by their source's id.
        """
        self.registered.expect(RegistryQuery(things=list(known.values())))
        found = ((s, named, self.registered.find(*named)) for s, named in known.items())
        return {s: named for s, named, device in found if device and device.id in self.devices}

    def _stays(self, entry_id: int, begin: datetime, end: datetime) -> Iterator[ScopePeriod]:
        if entry_id in self.devices:
            yield begin, end
            return
        for row in self.registered.by_part.get(entry_id, ()):
            first, last = max(begin, row.begin), min(end, row.end)
            if first < last:
                yield from self._stays(row.assembly_id, first, last)


def reading_scope(sender: Caller, registered: Directory) -> ReadingScope | None:
    """Return what a caller may read of an organisation; None for all of it."""
    if sender.devices is None:
        return None
    return ReadingScope(registered, frozenset(_numbers(sender.devices, registered)))


def readable(latest: Mapping[int, ReadRow], scope: ReadingScope | None) -> Mapping[int, ReadRow]:
    """Return those latest readings, or those that were it at a moment, that may be read."""
    if scope is None:
        return latest
    return {number: row for number, row in latest.items() if scope.covers(row)}


def _numbers(devices: Collection[str], registered: Directory) -> Iterator[int]:
    named = [(kind, ident) for kind, _, ident in (text.partition(":") for text in devices)]
    registered.expect(RegistryQuery(things=named))
    for kind, ident in named:
        if device := registered.find(kind, ident):
            yield device.id


def _joined(periods: Iterable[ScopePeriod]) -> Iterator[ScopePeriod]:
    """Yield periods, those that touch as one."""
    last: ScopePeriod | None = None
    for begin, end in periods:
        if last and begin <= last[1]:
            last = last[0], max(last[1], end)
            continue
        if last:
            yield last
        last = begin, end
    if last:
        yield last
