"""A case with two devices that report of it, and what is written of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flexmeasures.data import db
from flexmeasures.data.models.time_series import TimedBelief
from sqlalchemy import select
from support.site import Site
from support.telemetry import NOON

from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.beliefs.sources import make_sources, source_ids
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.readings.blocks import Block

QUANTITIES = {"pack current": "pack current", "cell 01 open": "cell open"}
NAMES = tuple(QUANTITIES)
Key = tuple[int, datetime, str]
"""(device, time, sensor)."""


@dataclass(frozen=True)
class Stage:
    """A case with two devices that report of it."""

    account_id: int
    case: Entry
    sensors: Mapping[str, int]
    sources: Mapping[int, int]


@pytest.fixture
def stage(organisation: Organisation) -> Iterator[Stage]:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms("PMS-1")
        new.pms("PMS-2")
        new.case("0241")
    registered = load_directory(organisation.id)
    case = registered.entry(site.number("case", "0241"))
    devices = [registered.entry(site.number("pms", ident)) for ident in ("PMS-1", "PMS-2")]
    make_sources(organisation.id, devices)
    sources = source_ids(organisation.id, devices)
    places_of("case")
    db.session.commit()
    sensors = sensor_ids([case.asset_id or 0])[case.asset_id or 0]
    yield Stage(organisation.id, case, sensors, sources)
    db.session.rollback()


def time_of(step: int) -> datetime:
    return NOON + timedelta(minutes=step)


def blocks_of(stage: Stage, request: Sequence[Any]) -> list[Block]:
    devices = list(stage.sources)
    return [
        Block(
            subject_id=stage.case.id,
            device_id=devices[device],
            source_id=stage.sources[devices[device]],
            asset_type="case",
            time=time_of(step),
            values=readings,
            sensors=stage.sensors,
        )
        for device, step, readings in request
    ]


def written(stage: Stage) -> dict[Key, float]:
    query = select(
        TimedBelief.source_id, TimedBelief.event_start, TimedBelief.sensor_id,
        TimedBelief.event_value,
    ).where(TimedBelief.sensor_id.in_([stage.sensors[name] for name in NAMES]))  # fmt: skip
    names = {stage.sensors[name]: name for name in NAMES}
    devices = {source: device for device, source in stage.sources.items()}
    return {
        (devices[source], time, names[sensor]): value
        for source, time, sensor, value in db.session.execute(query)
    }
