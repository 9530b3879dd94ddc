"""Reading the whole registry of one organisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.loading.rows import (
    ENTRY,
    ROW,
    as_entry,
    as_installation,
    believed,
    state,
)
from flexmeasures_pms.registry.tables import alias, installation, trackable
from flexmeasures_pms.registry.timeline import Installation, Rows


@dataclass(frozen=True)
class Snapshot(Directory):
    """The whole registry of one organisation: what is in it can be gone through."""

    entries: dict[int, Entry]


def read(account_id: int) -> Snapshot:
    """Read an organisation's registry, all of one version; nothing of it is kept.

    Each query sees what is committed when it starts, so that a change can come between
    them: then everything is read again.
    """
    while True:
        version = state(account_id).version
        result = _read(account_id, version)
        if state(account_id).version == version:
            return result


def _read(account_id: int, version: int) -> Snapshot:
    entries: dict[int, Entry] = {}
    names: dict[tuple[str, str], int] = {}
    query = sa.select(*ENTRY, trackable.c.ident_key).where(trackable.c.account_id == account_id)
    for *columns, key in db.session.execute(query.order_by(trackable.c.id)):
        entry = as_entry(columns)
        entries[entry.id] = entry
        names[entry.kind, key] = entry.id
    aliases: dict[int, tuple[str, ...]] = defaultdict(tuple)
    query = sa.select(alias).where(alias.c.account_id == account_id).order_by(alias.c.id)
    for row in db.session.execute(query):
        names[BOARD, row.alias_key] = row.trackable_id
        aliases[row.trackable_id] += (row.alias,)
    by_part: dict[int, list[Installation]] = defaultdict(list)
    by_assembly: dict[int, list[Installation]] = defaultdict(list)
    i = installation.c
    query = sa.select(*ROW).where(i.account_id == account_id, believed(None))
    for row in db.session.execute(query.order_by(sa.func.lower(i.valid).asc().nulls_first(), i.id)):
        installed = as_installation(row)
        by_part[installed.part_id].append(installed)
        by_assembly[installed.assembly_id].append(installed)
    return Snapshot(
        account_id=account_id,
        version=version,
        entries=entries,
        names=names,
        aliases=dict(aliases),
        by_part=_tuples(by_part),
        by_assembly=_tuples(by_assembly),
    )


def _tuples(groups: Mapping[int, list[Installation]]) -> dict[int, Rows]:
    return {number: tuple(rows) for number, rows in groups.items()}
