"""The FlexMeasures assets of registered things: created, placed and described.

Components are rows of the registry only: there would be too many assets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from flask import current_app
from flexmeasures.data import db
from flexmeasures.data.models.audit_log import AssetAuditLog
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from sqlalchemy import BigInteger, any_, func, literal, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Row

from flexmeasures_pms.beliefs.graphs import sensors_to_show
from flexmeasures_pms.beliefs.sensors import make_sensors, missing_sensors, sensor_ids
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPE_BY_NAME
from flexmeasures_pms.identifiers import plain
from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.editing import pending
from flexmeasures_pms.registry.editing.assets import link
from flexmeasures_pms.registry.kinds import ASSET_KINDS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.readings import latest
from flexmeasures_pms.storage.readings.ahead import forget_ahead
from flexmeasures_pms.storage.readings.unwritten import forget_repeats

# The first of two numbers of the advisory lock of who makes assets; the second is the
# organisation.
LOCK = 0x504D5341

_BATCH = 200
_MOST_NAME = 80 - len(" ()")
"""FlexMeasures' names have 80 characters; ids from before the narrower rule nearly fill them."""


def make_ready(account_id: int, numbers: Collection[int]) -> tuple[int, ...]:
    """Make or update the assets and sensors of things whose change is registered; commits.

    What has not changed is left alone, and so is an asset that was deleted in FlexMeasures, or
    given to another organisation. In a transaction of its own that nothing else may be part of:
    it raises the registry's version.

    :param numbers: a few things; what they are in is made ready with them.
    :returns: ids of the assets that were made, in order of creation.
    """
    db.session.execute(select(func.pg_advisory_xact_lock(LOCK, account_id)))
    wanted = _with_assemblies(account_id, numbers)
    found = [thing for thing in pending.of(account_id, wanted) if thing.asset]
    made = _sync_assets(account_id, [thing.id for thing in found])
    pending.asset_is_there({thing.id: thing.version for thing in found})
    db.session.commit()
    return made


def _with_assemblies(account_id: int, numbers: Collection[int]) -> set[int]:
    now = datetime.now(UTC)
    registered = load_directory(account_id, numbers=numbers)
    found, ahead = set(numbers), list(numbers)
    while ahead:
        row = registered.installed(ahead.pop(), now)
        if row is not None and row.assembly_id not in found:
            found.add(row.assembly_id)
            ahead.append(row.assembly_id)
    return found


def _sync_assets(account_id: int, numbers: Collection[int]) -> tuple[int, ...]:
    if not numbers:
        return ()
    among = any_(literal(list(numbers), ARRAY(BigInteger)))
    rows = db.session.execute(select(trackable).where(trackable.c.id == among)).all()
    rows = sorted(rows, key=lambda row: (ASSET_KINDS.index(row.kind), row.id))
    made: list[int] = []
    for _, of_kind in groupby(rows, key=attrgetter("kind")):
        while some := list(islice(of_kind, _BATCH)):
            made += _sync_some(account_id, some)
    return tuple(made)


def _sync_some(account_id: int, rows: Sequence[Row[Any]]) -> list[int]:
    """Create or update the assets of things of one kind; return the created ones."""
    registered = load_directory(account_id, numbers=[row.id for row in rows])
    known = _find(account_id, rows)
    there = [row for row in rows if row.id in known or not row.provisioned]
    assets = {row.id: _sync(account_id, row, known.get(row.id), registered) for row in there}
    fresh = [row.id for row in there if row.id not in known]
    latest.forget_latest(fresh)
    forget_ahead(fresh)
    forget_repeats(fresh)
    link(account_id, {row.id: assets[row.id] for row in there if row.asset_id != assets[row.id]})
    return [assets[number] for number in fresh]


def _sync(account_id: int, row: Row[Any], known: GenericAsset | None, registered: Directory) -> int:
    asset = known or _make(account_id, row)
    _describe(asset, row, registered)
    db.session.flush()
    timezone = asset.attributes["timezone"]
    if known is not None:
        # A case that moves to a site reports in that site's time zone from then on.
        sensors = sensor_ids([asset.id])[asset.id].values()
        db.session.execute(
            update(Sensor)
            .where(Sensor.id.in_(sensors), Sensor.timezone != timezone)
            .values(timezone=timezone)
        )
    ensure_sensors(asset, row.kind, timezone)
    number: int = asset.id
    return number


def _find(account_id: int, rows: Iterable[Row[Any]]) -> dict[int, GenericAsset]:
    """Return the assets that things have, by the things' numbers."""
    wanted = {external_id(row.kind, row.ident): row.id for row in rows}
    found = db.session.scalars(
        select(GenericAsset).where(
            GenericAsset.account_id == account_id, GenericAsset.external_id.in_(wanted)
        )
    )
    return {wanted[asset.external_id]: asset for asset in found}


def external_id(kind: str, ident: str) -> str:
    """Return the ``external_id`` of an asset; it is unique in an organisation."""
    return f"{kind}:{ident}"


def _make(account_id: int, row: Row[Any]) -> GenericAsset:
    asset = GenericAsset(
        name=plain(row.ident),
        account_id=account_id,
        external_id=external_id(row.kind, row.ident),
        generic_asset_type=_asset_type(row.kind),
        attributes={},
        sensors_to_show=[],
    )
    db.session.add(asset)
    return asset


def _asset_type(kind: str) -> GenericAssetType:
    found = db.session.scalars(
        select(GenericAssetType).where(GenericAssetType.name == kind)
    ).one_or_none()
    if found is None:
        # Types are shared by all organisations: a lock prevents creating one twice.
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("pms_asset_type"))))
        found = db.session.scalars(
            select(GenericAssetType).where(GenericAssetType.name == kind)
        ).one_or_none()
    if found is None:
        found = GenericAssetType(name=kind, description=ASSET_TYPE_BY_NAME[kind].description)
        db.session.add(found)
    return found


def _describe(asset: GenericAsset, row: Row[Any], registered: Directory) -> None:
    """Update parent, place, location and time zone of an asset from the registry."""
    now = datetime.now(UTC)
    site = _site(row, registered, now)
    place = registered.place_of(row.id, now)
    parent = registered.entry(place.assembly_id) if place else None
    asset.latitude, asset.longitude = site.latitude, site.longitude
    asset.attributes["timezone"] = site.timezone or current_app.config["FLEXMEASURES_TIMEZONE"]
    before = asset.description
    if row.kind == "case":
        asset.description = plain(_place_in_words(registered, row.id, now))
    elif row.kind == "cabinet" and place and parent:
        asset.description = plain(f"Cabinet {place.place} of PMS {parent.ident}")
    asset.parent_asset_id = _asset_id(parent.id) if parent else row.parent_asset_id
    asset.name = _free_name(asset, row)
    if before != asset.description:
        db.session.flush()
        AssetAuditLog.add_record(asset, f"Registered: {asset.description}")


def _asset_id(trackable_id: int) -> int | None:
    # Not from the directory: the parent's asset may have been created just now.
    found: int | None = db.session.scalar(
        select(trackable.c.asset_id).where(trackable.c.id == trackable_id)
    )
    return found


def _site(row: Row[Any], registered: Directory, now: datetime) -> Row[Any]:
    """Return the registration that knows the location: the PMS of a cabinet or case."""
    pms = registered.pms_of(row.id, now) if row.kind in ("cabinet", "case") else None
    if pms is None or row.timezone:
        return row
    site: Row[Any] = db.session.execute(select(trackable).where(trackable.c.id == pms.id)).one()
    return site


def _place_in_words(registered: Directory, case_id: int, now: datetime) -> str:
    place = registered.place_of(case_id, now)
    if place is None:
        return "Case, in no dock"
    assembly = registered.entry(place.assembly_id)
    where = f"{'cabinet' if assembly.kind == 'cabinet' else 'PMS'} {assembly.ident}"
    return f"Case in dock {place.place} of {where}" if place.place else f"Case in {where}"


def _free_name(asset: GenericAsset, row: Row[Any]) -> str:
    """Return the id, or the id and the kind if another asset beside it has that name."""
    name = plain(row.ident)
    # Assets beside it may be another organisation's by now: names are unique all the same.
    beside = GenericAsset.parent_asset_id == asset.parent_asset_id
    if asset.parent_asset_id is None:
        beside = GenericAsset.parent_asset_id.is_(None)
        beside &= GenericAsset.account_id == asset.account_id
    other = GenericAsset.id != asset.id if asset.id else true()
    names = list(_names(name, row.kind))
    with db.session.no_autoflush:
        query = select(GenericAsset.name).where(beside, other, GenericAsset.name.in_(names))
        taken = set(db.session.scalars(query))
    return next((free for free in names if free not in taken), name)


def _names(name: str, kind: str) -> Iterator[str]:
    """Yield the names that an asset may have, the best first."""
    yield name
    for words in (kind, *(f"{kind} {n}" for n in range(2, 10))):
        yield f"{name[: _MOST_NAME - len(words)]} ({words})"


def ensure_sensors(
    asset: GenericAsset, kind: str, timezone: str, names: Iterable[str] | None = None
) -> None:
    """Create the missing sensors of an asset and update its graph page.

    :param names: the sensors to create; by default all that do not grow with an array.
    """
    known = sensor_ids([asset.id])[asset.id]
    lacking = list(names) if names is not None else missing_sensors(kind, known, grown=False)
    if not lacking and asset.sensors_to_show:
        return
    make_sensors(asset.id, kind, lacking, timezone)
    asset.sensors_to_show = sensors_to_show(kind, sensor_ids([asset.id])[asset.id])
    db.session.flush()


def ensure_sensors_of(asset_id: int, kind: str, names: Iterable[str]) -> None:
    """Create the named sensors of an asset if they are missing."""
    known = sensor_ids([asset_id])[asset_id]
    lacking = [name for name in names if name not in known]
    if lacking:
        asset = db.session.get_one(GenericAsset, asset_id)
        ensure_sensors(asset, kind, asset.attributes.get("timezone", "UTC"), lacking)
