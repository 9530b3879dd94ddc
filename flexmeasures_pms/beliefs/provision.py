"""The FlexMeasures assets of registered things: created, placed and described.

Components are rows of the registry only: there would be too many assets.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from flexmeasures.data import db
from flexmeasures.data.models.audit_log import (
    AssetAuditLog,
    get_current_user_id_name,
    truncate_string,
)
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.utils.time_utils import server_now
from sqlalchemy import func, insert, select, text, update

from flexmeasures_pms.beliefs.described import Described, described
from flexmeasures_pms.beliefs.free_names import FreeNames
from flexmeasures_pms.beliefs.graphs import sensors_to_show
from flexmeasures_pms.beliefs.sensors import make_sensors, missing_sensors, sensor_ids
from flexmeasures_pms.beliefs.system_graphs import as_built, show_cabinets
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPE_BY_NAME
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.editing import pending
from flexmeasures_pms.registry.editing.assets import link
from flexmeasures_pms.registry.kinds import ASSET_KINDS, CABINET, PMS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.log.samples import forget as forget_samples
from flexmeasures_pms.storage.readings.latest import forget_latest

# The first of two numbers of the advisory lock of who makes assets; the second is the
# organisation.
LOCK = 0x504D5341

_REGISTERED = "Registered: "

_SHOW = text("""
    UPDATE generic_asset a SET sensors_to_show = CAST(s.shown AS jsonb)
    FROM unnest(CAST(:ids AS int[]), CAST(:shown AS text[])) AS s (id, shown)
    WHERE a.id = s.id""")


def make_ready(account_id: int, numbers: Collection[int]) -> tuple[int, ...]:
    """Make or update the assets and sensors of things whose change is registered; commits.

    What has not changed is left alone, and so is an asset that was deleted in FlexMeasures, or
    given to another organisation. In a transaction of its own that nothing else may be part of:
    it raises the registry's version.

    :param numbers: a few things; what they are in is made ready with them.
    :returns: ids of the assets that were made, in order of creation.
    """
    db.session.execute(select(func.pg_advisory_xact_lock(LOCK, account_id)))
    registered = load_directory(account_id, numbers=numbers)
    wanted = _with_assemblies(registered, numbers)
    found = [thing for thing in pending.of(account_id, wanted) if thing.asset]
    entries = _lacking(registered, wanted, [thing.id for thing in found])
    placed = [entry for entry in entries if entry.kind in (PMS, CABINET)]
    left = _parents(placed)
    built = as_built({*left, *_systems(account_id, wanted)}) if placed else set()
    made = _sync_assets(account_id, entries, registered)
    if placed:
        show_cabinets({*left, *_systems(account_id, wanted)}, built)
    # What changed after the registry was read is not in these assets: that is still to come.
    seen = (thing for thing in found if thing.version <= registered.version)
    pending.asset_is_there({thing.id: thing.version for thing in seen})
    db.session.commit()
    return tuple(made)


def _lacking(
    registered: Directory, wanted: Collection[int], changed: Collection[int]
) -> list[Entry]:
    """Return what has changed, and what has no asset though no change says so.

    During an upgrade older processes register things, and note nothing.
    """
    entries = {number: registered.entry(number) for number in (*changed, *wanted)}
    known = set(changed)
    return [
        entry
        for number, entry in entries.items()
        if number in known or (entry.kind in ASSET_KINDS and entry.awaits_asset)
    ]


def _with_assemblies(registered: Directory, numbers: Collection[int]) -> set[int]:
    now = datetime.now(UTC)
    found, ahead = set(numbers), list(numbers)
    while ahead:
        row = registered.installed(ahead.pop(), now)
        if row is not None and row.assembly_id not in found:
            found.add(row.assembly_id)
            ahead.append(row.assembly_id)
    return found


def _sync_assets(account_id: int, entries: Sequence[Entry], registered: Directory) -> list[int]:
    """Make or update the assets of things, kind by kind; return those that were made."""
    now = datetime.now(UTC)
    made: dict[int, int] = {}
    links: dict[int, int] = {}
    _lock([entry.asset_id for entry in entries if entry.asset_id is not None])
    entries = sorted(entries, key=lambda entry: (ASSET_KINDS.index(entry.kind), entry.id))
    for kind, of_kind in groupby(entries, key=attrgetter("kind")):
        things = [described(entry, registered, now, made) for entry in of_kind]
        known = _find(account_id, things)
        there = [t for t in things if t.external_id in known or not t.entry.provisioned]
        names = FreeNames(account_id, there)
        for thing in there:
            if thing.external_id in known:
                _update(known[thing.external_id], thing, names.take(thing))
                links[thing.entry.id] = known[thing.external_id].id
        made |= _make(account_id, kind, [t for t in there if t.external_id not in known], names)
    assets = {entry.id: entry.asset_id for entry in entries}
    new = {n: asset for n, asset in (links | made).items() if assets[n] != asset}
    # Another asset has none of the beliefs that the log tells of.
    forget_latest(new)
    forget_samples(new)
    link(account_id, new)
    return list(made.values())


def _systems(account_id: int, numbers: Collection[int]) -> list[int]:
    """Return the assets of the PMSes among some things."""
    t = trackable.c
    found = select(t.asset_id).where(
        t.account_id == account_id, t.id.in_(numbers), t.kind == PMS, t.asset_id.is_not(None)
    )
    return list(db.session.scalars(found))


def _parents(entries: Iterable[Entry]) -> set[int]:
    """Return the assets that those of some things are in, before what has changed is done."""
    assets = [entry.asset_id for entry in entries if entry.asset_id is not None]
    found = select(GenericAsset.parent_asset_id).where(GenericAsset.id.in_(assets))
    return {number for number in db.session.scalars(found) if number is not None}


def _lock(asset_ids: Collection[int]) -> None:
    """Lock assets in the order of their ids, as all who write to several of them do."""
    assets = select(GenericAsset.id).where(GenericAsset.id.in_(asset_ids)).order_by(GenericAsset.id)
    db.session.execute(assets.with_for_update(key_share=True))


def _find(account_id: int, things: Sequence[Described]) -> dict[str, GenericAsset]:
    """Return the assets that things have, by their ``external_id``."""
    found = db.session.scalars(
        select(GenericAsset).where(
            GenericAsset.account_id == account_id,
            GenericAsset.external_id.in_([thing.external_id for thing in things]),
        )
    )
    return {asset.external_id: asset for asset in found}


def _update(asset: GenericAsset, thing: Described, name: str) -> None:
    """Let an asset say what the registry says."""
    before = asset.description, asset.attributes.get("timezone")
    asset.name, asset.parent_asset_id = name, thing.parent_id
    asset.latitude, asset.longitude = thing.latitude, thing.longitude
    asset.attributes["timezone"] = thing.timezone
    asset.description = before[0] if thing.text is None else thing.text
    db.session.flush()
    if before[0] != asset.description:
        AssetAuditLog.add_record(asset, f"{_REGISTERED}{asset.description}")
    if before[1] != thing.timezone:
        # A case that moves to a site reports in that site's time zone from then on.
        of_asset = Sensor.id.in_(sensor_ids([asset.id])[asset.id].values())
        db.session.execute(update(Sensor).where(of_asset).values(timezone=thing.timezone))
    ensure_sensors(asset, thing.entry.kind, thing.timezone)


def _make(
    account_id: int, kind: str, things: Sequence[Described], names: FreeNames
) -> dict[int, int]:
    """Make the assets of things of one kind with their sensors; return them by the things.

    In a few statements for all of them: one by one, with FlexMeasures' classes, a case took
    40 ms. Written are the columns that these classes write.
    """
    if not things:
        return {}
    type_id = _asset_type(kind)
    rows = [
        {
            "name": names.take(thing),
            "account_id": account_id,
            "external_id": thing.external_id,
            "generic_asset_type_id": type_id,
            "parent_asset_id": thing.parent_id,
            "latitude": thing.latitude,
            "longitude": thing.longitude,
            "description": thing.text,
            "attributes": {"timezone": thing.timezone},
        }
        for thing in things
    ]
    table = GenericAsset.__table__
    adding = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    ids = list(db.session.scalars(adding, rows))
    make_sensors(
        kind,
        {number: thing.timezone for number, thing in zip(ids, things, strict=True)},
        missing_sensors(kind, {}, grown=False),
    )
    _show(kind, ids)
    _note_in_audit_log({n: t.text for n, t in zip(ids, things, strict=True) if t.text})
    return {thing.entry.id: number for number, thing in zip(ids, things, strict=True)}


def _show(kind: str, ids: Sequence[int]) -> None:
    """Let FlexMeasures' graph pages of new assets show their sensors."""
    known = sensor_ids(ids)
    shown = [json.dumps(sensors_to_show(kind, known[number])) for number in ids]
    db.session.execute(_SHOW, {"ids": list(ids), "shown": shown})


def _note_in_audit_log(texts: Mapping[int, str]) -> None:
    user_id, user_name = get_current_user_id_name()
    same = {
        "event_datetime": server_now(),
        "active_user_id": user_id,
        "active_user_name": user_name,
    }
    rows = [
        {"affected_asset_id": n, "event": truncate_string(f"{_REGISTERED}{words}", 500), **same}
        for n, words in texts.items()
    ]
    if rows:
        db.session.execute(insert(AssetAuditLog.__table__), rows)


def _asset_type(kind: str) -> int:
    query = select(GenericAssetType.id).where(GenericAssetType.name == kind)
    found: int | None = db.session.scalar(query)
    if found is None:
        # Types are shared by all organisations: a lock prevents creating one twice.
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("pms_asset_type"))))
        found = db.session.scalar(query)
    if found is None:
        made = GenericAssetType(name=kind, description=ASSET_TYPE_BY_NAME[kind].description)
        db.session.add(made)
        db.session.flush()
        found = made.id
    return found


def ensure_sensors(
    asset: GenericAsset, kind: str, timezone: str, names: Iterable[str] | None = None
) -> None:
    """Create the missing sensors of an asset and update its graph page.

    :param names: the sensors to create; by default all that do not grow with an array.
    """
    known = sensor_ids([asset.id])[asset.id]
    lacking = list(names) if names is not None else missing_sensors(kind, known, grown=False)
    if not lacking:
        return
    make_sensors(kind, {asset.id: timezone}, lacking)
    asset.sensors_to_show = sensors_to_show(kind, sensor_ids([asset.id])[asset.id])
    db.session.flush()


def ensure_sensors_of(asset_id: int, kind: str, names: Iterable[str]) -> None:
    """Create the named sensors of an asset if they are missing."""
    known = sensor_ids([asset_id])[asset_id]
    lacking = [name for name in names if name not in known]
    if lacking:
        _lock([asset_id])  # or two who make the same sensors might wait for each other
        asset = db.session.get_one(GenericAsset, asset_id)
        ensure_sensors(asset, kind, asset.attributes.get("timezone", "UTC"), lacking)
