"""Reading the registry of one organisation from the database."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.tables import alias, installation, registry_version, trackable
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation, Rows


def read_version(account_id: int) -> int:
    """Return the version of an organisation's registry; 0 while it is empty."""
    query = sa.select(registry_version.c.version).where(registry_version.c.account_id == account_id)
    return db.session.execute(query).scalar() or 0


def read(account_id: int) -> Directory:
    """Read an organisation's registry, all of one version.

    Each query sees what is committed when it starts, so that a change can come between
    them: then everything is read again.
    """
    while True:
        version = read_version(account_id)
        result = _read(account_id, version, None)
        if read_version(account_id) == version:
            return result


def read_as_known_at(account_id: int, known_at: datetime) -> Directory:
    """Read what was registered and believed at an earlier moment."""
    return _read(account_id, 0, known_at)


def _read(account_id: int, version: int, known_at: datetime | None) -> Directory:
    entries = _entries(account_id, known_at)
    idents = {(row.kind, row.ident_key): row.id for row in entries}
    spellings = {row.ident_key: row.id for row in entries if row.kind == BOARD}
    aliases: dict[int, tuple[str, ...]] = defaultdict(tuple)
    for row in _aliases(account_id, known_at):
        spellings[row.alias_key] = row.trackable_id
        aliases[row.trackable_id] += (row.alias,)
    rows = _installations(account_id, known_at)
    return Directory(
        account_id=account_id,
        version=version,
        entries={row.id: _entry(row) for row in entries},
        idents=idents,
        spellings=spellings,
        aliases=dict(aliases),
        by_part=_grouped(rows, "part_id"),
        by_assembly=_grouped(rows, "assembly_id"),
    )


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        kind=row.kind,
        ident=row.ident,
        asset_id=row.asset_id,
        docks=row.docks,
        timezone=row.timezone,
        latitude=row.latitude,
        longitude=row.longitude,
        parent_asset_id=row.parent_asset_id,
    )


def _entries(account_id: int, known_at: datetime | None) -> list[sa.Row[Any]]:
    query = sa.select(trackable).where(trackable.c.account_id == account_id)
    if known_at is not None:
        query = query.where(trackable.c.created_at <= known_at)
    return list(db.session.execute(query.order_by(trackable.c.id)))


def _aliases(account_id: int, known_at: datetime | None) -> list[sa.Row[Any]]:
    query = sa.select(alias).where(alias.c.account_id == account_id)
    if known_at is not None:
        query = query.where(alias.c.created_at <= known_at)
    return list(db.session.execute(query.order_by(alias.c.id)))


def _installations(account_id: int, known_at: datetime | None) -> list[Installation]:
    c = installation.c
    believed = (
        sa.func.upper_inf(c.known)
        if known_at is None
        else c.known.op("@>")(sa.literal(known_at, sa.DateTime(True)))
    )
    query = (
        sa.select(
            c.part_id,
            c.assembly_id,
            c.slot,
            c.place,
            sa.func.lower(c.valid),
            sa.func.upper(c.valid),
            c.id,
        )
        .where(c.account_id == account_id, believed)
        .order_by(sa.func.lower(c.valid).asc().nulls_first())
    )
    return [
        Installation(
            part_id, assembly_id, slot, place, _utc(begin, SINCE_EVER), _utc(end, FOREVER), id_
        )
        for part_id, assembly_id, slot, place, begin, end, id_ in db.session.execute(query)
    ]


def _utc(moment: datetime | None, unbounded: datetime) -> datetime:
    return unbounded if moment is None else moment.astimezone(UTC)


def _grouped(rows: list[Installation], column: str) -> dict[int, Rows]:
    groups: dict[int, list[Installation]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return {key: tuple(group) for key, group in groups.items()}
