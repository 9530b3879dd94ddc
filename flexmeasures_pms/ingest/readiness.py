"""What samples need before they can be stored: sources, and sensors of their things.

It is made before anything is locked, in transactions of their own: so nobody who stores
samples waits for one who makes sensors, nor the reverse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures.data import db

from flexmeasures_pms.beliefs import provision
from flexmeasures_pms.beliefs.sources import make_sources
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.readings.turns import rebuild_stored


@dataclass(slots=True)
class Lacking:
    """What samples need and lack.

    :param devices: those without a source.
    :param sensors: names of the sensors that are missing, by the thing that is to have them.
    :param things: numbers of the things whose assets were never made.
    """

    devices: list[Entry] = field(default_factory=list)
    sensors: dict[Entry, Collection[str]] = field(default_factory=dict)
    things: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether anything is lacking."""
        return bool(self.devices or self.sensors or self.things)


def make_ready(account_id: int, lacking: Lacking, until: datetime) -> None:
    """Make what samples lack, and commit.

    :param until: time of the last reading that is not ahead of the clock.
    """
    if lacking.things:
        provision.make_ready(account_id, lacking.things)
    if lacking.devices:
        make_sources(account_id, lacking.devices)
        db.session.commit()
    if lacking.sensors:
        _make_sensors(account_id, lacking.sensors, until)
        db.session.commit()


def _make_sensors(
    account_id: int, sensors: Mapping[Entry, Collection[str]], until: datetime
) -> None:
    for thing in sorted(sensors, key=lambda entry: entry.asset_id or 0):
        provision.ensure_sensors_of(thing.asset_id or 0, thing.kind, sensors[thing])
    # When a sensor was deleted, the latest readings of its asset are incomplete.
    rebuild_stored(account_id, {thing.id for thing in sensors}, until)
