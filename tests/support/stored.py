"""What is stored: read from the database, as a page or a colleague's query would."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from sqlalchemy import func, select

from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.log_tables import sample
from flexmeasures_pms.storage.tables import quarantine

Belief = tuple[datetime, str, str]


def beliefs(account_id: int, external_id: str) -> dict[Belief, float]:
    """The beliefs of an asset by (time, source, sensor)."""
    query = (
        select(TimedBelief.event_start, DataSource.name, Sensor.name, TimedBelief.event_value)
        .join(Sensor, Sensor.id == TimedBelief.sensor_id)
        .join(DataSource, DataSource.id == TimedBelief.source_id)
        .join(GenericAsset, GenericAsset.id == Sensor.generic_asset_id)
        .where(GenericAsset.account_id == account_id, GenericAsset.external_id == external_id)
    )
    return {(time, source, name): value for time, source, name, value in db.session.execute(query)}


def filled(account_id: int, external_id: str) -> dict[Belief, float]:
    """The history of an asset filled forward, at each time that its source reported.

    By (time, source, sensor), like the beliefs; a sensor counts from its first belief on.
    """
    written = beliefs(account_id, external_id)
    moments = {(source, time) for time, source, _ in written} | _samples(account_id, external_id)
    found = {}
    for source, name in {(source, name) for _, source, name in written}:
        value = None
        for time in sorted(time for whose, time in moments if whose == source):
            value = written.get((time, source, name), value)
            if value is not None:
                found[time, source, name] = value
    return found


def _samples(account_id: int, external_id: str) -> set[tuple[str, datetime]]:
    """When a source reported."""
    query = (
        select(DataSource.name, sample.c.event_time)
        .join(sample, sample.c.source_id == DataSource.id)
        .join(trackable, trackable.c.id == sample.c.subject_id)
        .join(GenericAsset, GenericAsset.id == trackable.c.asset_id)
        .where(GenericAsset.account_id == account_id, GenericAsset.external_id == external_id)
    )
    return {(source, time) for source, time in db.session.execute(query)}


def readings(account_id: int, external_id: str, time: datetime) -> dict[str, float]:
    """The values of an asset at one time by sensor name, whatever the source."""
    found = beliefs(account_id, external_id)
    return {name: value for (when, _, name), value in found.items() if when == time}


def sources(account_id: int, external_id: str) -> set[str]:
    """The names of the sources that an asset's beliefs come from."""
    return {source for _, source, _ in beliefs(account_id, external_id)}


def times(account_id: int, external_id: str) -> set[datetime]:
    """The times an asset has beliefs about."""
    return {time for time, _, _ in beliefs(account_id, external_id)}


def waiting(account_id: int) -> list[Any]:
    """The rows of an organisation in quarantine that wait."""
    query = select(quarantine).where(
        quarantine.c.account_id == account_id, quarantine.c.discarded_at.is_(None)
    )
    return list(db.session.execute(query.order_by(quarantine.c.id)))


def belief_count(account_id: int) -> int:
    """How many beliefs an organisation has in all."""
    query = (
        select(func.count())
        .select_from(TimedBelief)
        .join(Sensor, Sensor.id == TimedBelief.sensor_id)
        .join(GenericAsset, GenericAsset.id == Sensor.generic_asset_id)
        .where(GenericAsset.account_id == account_id)
    )
    return db.session.scalar(query) or 0
